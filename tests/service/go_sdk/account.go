package main

import (
	account "github.com/scaleway/scaleway-sdk-go/api/account/v3"
	function "github.com/scaleway/scaleway-sdk-go/api/function/v1beta1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

func projects(client *scw.Client) {
	api := account.NewProjectAPI(client)
	own, _ := client.GetDefaultProjectID()
	byDefault := must(api.GetProject(&account.ProjectAPIGetProjectRequest{}))
	same("the default one", []string{byDefault.ID, byDefault.Name}, []string{own, "default"})
	made := []string{own}
	for _, name := range []string{"first", "second", "third"} {
		found := must(api.CreateProject(&account.ProjectAPICreateProjectRequest{Name: name, Description: "the " + name}))
		made = append(made, found.ID)
	}
	pages("projects", made, func(size *uint32) ([]string, uint64) {
		list := must(api.ListProjects(&account.ProjectAPIListProjectsRequest{PageSize: size}, scw.WithAllPages()))
		return each(list.Projects, func(it *account.Project) string { return it.ID }), uint64(list.TotalCount)
	})
	few := must(api.ListProjects(&account.ProjectAPIListProjectsRequest{ProjectIDs: made[2:]}, scw.WithAllPages()))
	same("of these ids", len(few.Projects), 2)

	id := made[1]
	changed := must(api.UpdateProject(&account.ProjectAPIUpdateProjectRequest{ProjectID: id, Name: pointer("renamed")}))
	same("changed", []string{changed.Name, changed.Description}, []string{"renamed", "the first"})
	functions := function.NewAPI(client)
	in := must(functions.CreateNamespace(&function.CreateNamespaceRequest{Name: "in-a-project", ProjectID: id}))
	same("its project", in.ProjectID, id)
	err := api.DeleteProject(&account.ProjectAPIDeleteProjectRequest{ProjectID: id})
	found := refused[*scw.PreconditionFailedError]("with a namespace", err)
	same("precondition", found.Precondition, "resource_still_in_use")
	must(functions.DeleteNamespace(&function.DeleteNamespaceRequest{NamespaceID: in.ID}))
	for _, id := range made[1:] {
		must(id, api.DeleteProject(&account.ProjectAPIDeleteProjectRequest{ProjectID: id}))
	}
	_, err = api.GetProject(&account.ProjectAPIGetProjectRequest{ProjectID: id})
	missing("a project that went", err, "project_id", id)
	step("projects")
}
