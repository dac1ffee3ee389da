package main

import (
	"strings"

	v1 "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	container "github.com/scaleway/scaleway-sdk-go/api/container/v1beta1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

// The provider makes namespaces and containers with v1, and tokens with v1beta1, which alone has
// them: the ids have to be the same.
func containers(client *scw.Client) {
	api, older := v1.NewAPI(client), container.NewAPI(client)
	namespace := containerNamespaces(api, older)
	step("containers: namespaces, in both versions")
	made := inBothVersions(api, older, namespace)
	step("containers: containers, in both versions")
	containerTokens(api, older, namespace, made)
	step("containers: tokens")

	must(api.DeleteNamespace(&v1.DeleteNamespaceRequest{NamespaceID: namespace}))
	_, err := api.WaitForNamespace(&v1.WaitForNamespaceRequest{NamespaceID: namespace})
	missing("a namespace that went", err, "namespace", namespace)
	_, err = older.WaitForNamespace(&container.WaitForNamespaceRequest{NamespaceID: namespace})
	status("gone in both", err, 404)
	_, err = api.GetContainer(&v1.GetContainerRequest{ContainerID: made[1]})
	missing("what was in it", err, "container", made[1])
	step("containers: all gone")
}

func containerNamespaces(api *v1.API, older *container.API) string {
	made := must(api.CreateNamespace(&v1.CreateNamespaceRequest{
		Name:                       "go-container",
		Description:                pointer("by the SDK"),
		EnvironmentVariables:       map[string]string{"PLAIN": "text"},
		SecretEnvironmentVariables: map[string]string{"HIDDEN": "not to be seen again"},
	}))
	id := made.ID
	ready := must(api.WaitForNamespace(&v1.WaitForNamespaceRequest{NamespaceID: id}))
	same("status", ready.Status, v1.NamespaceStatusReady)
	holds("a hash", strings.HasPrefix(ready.SecretEnvironmentVariables["HIDDEN"], "$argon2id$"))
	before := must(older.GetNamespace(&container.GetNamespaceRequest{NamespaceID: id}))
	same("in both", []string{before.Name, before.ProjectID, before.OrganizationID, *before.Description},
		[]string{ready.Name, ready.ProjectID, ready.OrganizationID, ready.Description})
	same("variables in both", before.EnvironmentVariables, ready.EnvironmentVariables)
	same("secrets in both", before.SecretEnvironmentVariables[0].Key, "HIDDEN")

	changed := must(api.UpdateNamespace(&v1.UpdateNamespaceRequest{NamespaceID: id, Tags: &[]string{"one"}}))
	same("tags", changed.Tags, []string{"one"})
	same("secrets as they were", len(changed.SecretEnvironmentVariables), 1)
	again := must(older.UpdateNamespace(&container.UpdateNamespaceRequest{NamespaceID: id, Description: pointer("older")}))
	same("tags in both", again.Tags, []string{"one"})
	read := must(api.GetNamespace(&v1.GetNamespaceRequest{NamespaceID: id}))
	same("description in both", read.Description, "older")

	pages("namespaces", []string{id}, func(size *uint32) ([]string, uint64) {
		list := must(api.ListNamespaces(&v1.ListNamespacesRequest{
			Name: pointer("go-container"), PageSize: size,
		}, scw.WithAllPages()))
		return each(list.Namespaces, func(it *v1.Namespace) string { return it.ID }), uint64(list.TotalCount)
	})
	_, err := api.CreateNamespace(&v1.CreateNamespaceRequest{Name: "go-container"})
	// The SDK has no type of its own for this one.
	found := refused[*scw.ResponseError]("a name that is taken", err)
	same("status", found.StatusCode, 409)
	same("type", found.Type, "already_exists")
	_, err = api.GetNamespace(&v1.GetNamespaceRequest{NamespaceID: unknown})
	missing("no namespace", err, "namespace", unknown)
	return id
}

func inBothVersions(api *v1.API, older *container.API, namespace string) []string {
	made := []string{}
	for _, name := range []string{"first", "second", "third"} {
		found := must(api.CreateContainer(&v1.CreateContainerRequest{
			NamespaceID:                namespace,
			Name:                       name,
			Image:                      "registry.test/image:1",
			Privacy:                    v1.ContainerPrivacyPrivate,
			Port:                       scw.Uint32Ptr(9000),
			MemoryLimitBytes:           pointer(512 * scw.MB),
			EnvironmentVariables:       map[string]string{"PLAIN": "text"},
			SecretEnvironmentVariables: map[string]string{"HIDDEN": "not to be seen again"},
			Tags:                       []string{"one"},
		}))
		made = append(made, found.ID)
	}
	pages("containers", made, func(size *uint32) ([]string, uint64) {
		list := must(api.ListContainers(&v1.ListContainersRequest{
			NamespaceID: &namespace, PageSize: size,
		}, scw.WithAllPages()))
		return each(list.Containers, func(it *v1.Container) string { return it.ID }), uint64(list.TotalCount)
	})
	id := made[0]
	ready := must(api.WaitForContainer(&v1.WaitForContainerRequest{ContainerID: id}))
	same("status", ready.Status, v1.ContainerStatusReady)
	before := must(older.GetContainer(&container.GetContainerRequest{ContainerID: id}))
	same("host in both", "https://"+before.DomainName, ready.PublicEndpoint)
	same("image in both", before.RegistryImage, ready.Image)
	same("memory in both", scw.Size(before.MemoryLimit)*scw.MB, ready.MemoryLimitBytes)
	same("cpu in both", before.CPULimit, ready.MvcpuLimit)
	same("port in both", []uint32{before.Port, ready.Port}, []uint32{9000, 9000})

	// Again the zero values, and one name that v1 spells in two ways.
	changed := must(api.UpdateContainer(&v1.UpdateContainerRequest{
		ContainerID: id, HTTPSConnectionOnly: scw.BoolPtr(true), Timeout: &scw.Duration{Seconds: 60},
	}))
	same("https", changed.HTTPSConnectionsOnly, true)
	same("timeout", *changed.Timeout, scw.Duration{Seconds: 60})
	same("privacy as it was", changed.Privacy, v1.ContainerPrivacyPrivate)
	same("image as it was", changed.Image, "registry.test/image:1")
	same("secrets as they were", len(changed.SecretEnvironmentVariables), 1)
	same("tags as they were", changed.Tags, []string{"one"})
	before = must(older.GetContainer(&container.GetContainerRequest{ContainerID: id}))
	same("https in both", before.HTTPOption, container.ContainerHTTPOptionRedirected)
	same("timeout in both", *before.Timeout, scw.Duration{Seconds: 60})
	public := must(older.UpdateContainer(&container.UpdateContainerRequest{
		ContainerID: id, Privacy: container.ContainerPrivacyPublic,
	}))
	same("privacy", public.Privacy, container.ContainerPrivacyPublic)
	ready = must(api.GetContainer(&v1.GetContainerRequest{ContainerID: id}))
	same("privacy in both", ready.Privacy, v1.ContainerPrivacyPublic)
	must(api.RedeployContainer(&v1.RedeployContainerRequest{ContainerID: id}))
	_, err := api.GetContainer(&v1.GetContainerRequest{ContainerID: unknown})
	missing("no container", err, "container", unknown)
	return made
}

func containerTokens(api *v1.API, older *container.API, namespace string, made []string) {
	of := &made[0]
	one := must(older.CreateToken(&container.CreateTokenRequest{ContainerID: of, Description: pointer("one")}))
	all := must(older.CreateToken(&container.CreateTokenRequest{NamespaceID: &namespace}))
	same("for it", *one.ContainerID, *of)
	same("jti", claims(one.Token)["jti"], any(one.ID))
	for _, token := range []*container.Token{one, all} {
		read := must(older.WaitForToken(&container.WaitForTokenRequest{TokenID: token.ID}))
		same("no text", read.Token, "<hidden>")
	}
	list := must(older.ListTokens(&container.ListTokensRequest{ContainerID: of}, scw.WithAllPages()))
	same("tokens", each(list.Tokens, func(it *container.Token) string { return it.ID }), []string{one.ID})
	must(older.DeleteToken(&container.DeleteTokenRequest{TokenID: all.ID}))
	_, err := older.GetToken(&container.GetTokenRequest{TokenID: all.ID})
	status("a token that went", err, 404)
	must(api.DeleteContainer(&v1.DeleteContainerRequest{ContainerID: *of}))
	_, err = api.WaitForContainer(&v1.WaitForContainerRequest{ContainerID: *of})
	missing("a container that went", err, "container", *of)
	_, err = older.DeleteToken(&container.DeleteTokenRequest{TokenID: one.ID})
	status("a token of a container that went", err, 404)
}
