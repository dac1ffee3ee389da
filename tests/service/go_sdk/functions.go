package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	function "github.com/scaleway/scaleway-sdk-go/api/function/v1beta1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

func functions(client *scw.Client) {
	api := function.NewAPI(client)
	namespace := functionNamespaces(client, api)
	step("functions: namespaces")
	made := ofNamespace(api, namespace.ID)
	step("functions: functions")
	functionTokens(api, namespace.ID, made)
	step("functions: tokens")

	gone := must(api.DeleteNamespace(&function.DeleteNamespaceRequest{NamespaceID: namespace.ID}))
	same("status", gone.Status, function.NamespaceStatusDeleting)
	// As the provider waits until it is gone.
	_, err := api.WaitForNamespace(&function.WaitForNamespaceRequest{NamespaceID: namespace.ID})
	status("a namespace that went", err, 404)
	_, err = api.GetFunction(&function.GetFunctionRequest{FunctionID: made[0]})
	status("what was in it", err, 404)
	step("functions: all gone")
}

func functionNamespaces(client *scw.Client, api *function.API) *function.Namespace {
	made := must(api.CreateNamespace(&function.CreateNamespaceRequest{
		Name:                 "go-function",
		Description:          pointer("by the SDK"),
		EnvironmentVariables: &map[string]string{"PLAIN": "text"},
		SecretEnvironmentVariables: []*function.Secret{
			{Key: "HIDDEN", Value: pointer("not to be seen again")},
		},
	}))
	project, _ := client.GetDefaultProjectID()
	organization, _ := client.GetDefaultOrganizationID()
	same("project", made.ProjectID, project)
	same("organization", made.OrganizationID, organization)
	holds("just made", time.Since(*made.CreatedAt) < 10*time.Minute)
	id := made.ID
	ready := must(api.WaitForNamespace(&function.WaitForNamespaceRequest{NamespaceID: id}))
	same("status", ready.Status, function.NamespaceStatusReady)
	same("variables", ready.EnvironmentVariables, map[string]string{"PLAIN": "text"})
	same("tags", len(ready.Tags), 0)
	key := func(secret *function.SecretHashedValue) string { return secret.Key }
	same("secrets", each(ready.SecretEnvironmentVariables, key), []string{"HIDDEN"})

	// It sends null for the secrets, which are not to change.
	changed := must(api.UpdateNamespace(&function.UpdateNamespaceRequest{
		NamespaceID: id, Tags: &[]string{"one", "two"},
	}))
	same("tags", changed.Tags, []string{"one", "two"})
	changed = must(api.UpdateNamespace(&function.UpdateNamespaceRequest{
		NamespaceID: id, SecretEnvironmentVariables: []*function.Secret{{Key: "HIDDEN"}, {Key: "OTHER", Value: pointer("x")}},
	}))
	same("tags as they were", changed.Tags, []string{"one", "two"})
	same("description as it was", *changed.Description, "by the SDK")
	same("secrets", each(changed.SecretEnvironmentVariables, key), []string{"OTHER"})
	changed = must(api.UpdateNamespace(&function.UpdateNamespaceRequest{NamespaceID: id, Tags: &[]string{}}))
	same("no tags", len(changed.Tags), 0)

	pages("namespaces", []string{id}, func(size *uint32) ([]string, uint64) {
		list := must(api.ListNamespaces(&function.ListNamespacesRequest{
			Name: pointer("go-function"), PageSize: size,
		}, scw.WithAllPages()))
		return each(list.Namespaces, func(it *function.Namespace) string { return it.ID }), uint64(list.TotalCount)
	})
	_, err := api.CreateNamespace(&function.CreateNamespaceRequest{Name: "go-function"})
	status("a name that is taken", err, 409)
	return made
}

// Five functions, made as the provider does.
func ofNamespace(api *function.API, namespace string) []string {
	made := []string{}
	for n := range 5 {
		found := must(api.CreateFunction(&function.CreateFunctionRequest{
			NamespaceID:          namespace,
			Name:                 fmt.Sprintf("number-%d", n),
			Runtime:              "node22",
			Handler:              pointer("handler.handle"),
			Privacy:              function.FunctionPrivacyPrivate,
			HTTPOption:           function.FunctionHTTPOptionEnabled,
			EnvironmentVariables: &map[string]string{"PLAIN": "text"},
			SecretEnvironmentVariables: []*function.Secret{
				{Key: "HIDDEN", Value: pointer("not to be seen again")},
			},
			Timeout: &scw.Duration{Seconds: 30},
			Tags:    []string{"one"},
		}))
		made = append(made, found.ID)
	}
	pages("functions", made, func(size *uint32) ([]string, uint64) {
		list := must(api.ListFunctions(&function.ListFunctionsRequest{
			NamespaceID: namespace, PageSize: size,
		}, scw.WithAllPages()))
		return each(list.Functions, func(it *function.Function) string { return it.ID }), uint64(list.TotalCount)
	})
	first := made[0]
	read := must(api.WaitForFunction(&function.WaitForFunctionRequest{FunctionID: first}))
	same("timeout", *read.Timeout, scw.Duration{Seconds: 30})
	same("sandbox", read.Sandbox, function.FunctionSandboxV2)
	holds("a host without a scheme", read.DomainName != "" && !strings.Contains(read.DomainName, "://"))

	// It sends the zero value of each enum, and null: nothing of that is to change.
	changed := must(api.UpdateFunction(&function.UpdateFunctionRequest{
		FunctionID: first, Description: pointer("changed"),
	}))
	same("description", *changed.Description, "changed")
	same("privacy as it was", changed.Privacy, function.FunctionPrivacyPrivate)
	same("runtime as it was", changed.Runtime, function.FunctionRuntime("node22"))
	same("http as it was", changed.HTTPOption, function.FunctionHTTPOptionEnabled)
	same("sandbox as it was", changed.Sandbox, function.FunctionSandboxV2)
	same("secrets as they were", len(changed.SecretEnvironmentVariables), 1)
	same("tags as they were", changed.Tags, []string{"one"})
	changed = must(api.UpdateFunction(&function.UpdateFunctionRequest{
		FunctionID: first, Privacy: function.FunctionPrivacyPublic,
	}))
	same("privacy", changed.Privacy, function.FunctionPrivacyPublic)
	read = must(api.WaitForFunction(&function.WaitForFunctionRequest{FunctionID: first}))
	same("privacy, read again", read.Privacy, function.FunctionPrivacyPublic)

	last := made[4]
	gone := must(api.DeleteFunction(&function.DeleteFunctionRequest{FunctionID: last}))
	same("status", gone.Status, function.FunctionStatusDeleting)
	_, err := api.WaitForFunction(&function.WaitForFunctionRequest{FunctionID: last})
	status("a function that went", err, 404)
	_, err = api.DeleteFunction(&function.DeleteFunctionRequest{FunctionID: last})
	status("deleted twice", err, 404)
	return made[:4]
}

func functionTokens(api *function.API, namespace string, made []string) {
	of := &made[1]
	// In whole seconds, with an offset: what Terraform passes on from its user.
	expires := time.Now().Add(time.Hour).Truncate(time.Second).In(time.FixedZone("", 2*3600))
	issued := []*function.Token{
		must(api.CreateToken(&function.CreateTokenRequest{FunctionID: of})),
		must(api.CreateToken(&function.CreateTokenRequest{FunctionID: of, ExpiresAt: &expires, Description: pointer("ends")})),
		must(api.CreateToken(&function.CreateTokenRequest{FunctionID: of})),
		must(api.CreateToken(&function.CreateTokenRequest{NamespaceID: &namespace})),
	}
	holds("without an end", issued[0].ExpiresAt == nil && claims(issued[0].Token)["exp"] == nil)
	holds("its end", issued[1].ExpiresAt.Equal(expires))
	same("exp", claims(issued[1].Token)["exp"], any(float64(expires.Unix())))
	for _, token := range issued {
		same("jti", claims(token.Token)["jti"], any(token.ID))
		read := must(api.WaitForToken(&function.WaitForTokenRequest{TokenID: token.ID}))
		same("status", read.Status, function.TokenStatusReady)
		same("no text", read.Token, "<hidden>")
		same("for a function", read.FunctionID == nil, token.FunctionID == nil)
		same("for a namespace", read.NamespaceID == nil, token.NamespaceID == nil)
		same("description", *read.Description, *token.Description)
	}
	id := func(token *function.Token) string { return token.ID }
	pages("tokens", each(issued[:3], id), func(size *uint32) ([]string, uint64) {
		list := must(api.ListTokens(&function.ListTokensRequest{FunctionID: of, PageSize: size}, scw.WithAllPages()))
		return each(list.Tokens, id), uint64(list.TotalCount)
	})
	gone := must(api.DeleteToken(&function.DeleteTokenRequest{TokenID: issued[0].ID}))
	same("deleted", gone.Status, function.TokenStatusDeleting)
	_, err := api.GetToken(&function.GetTokenRequest{TokenID: issued[0].ID})
	status("a token that went", err, 404)
	_, err = api.DeleteToken(&function.DeleteTokenRequest{TokenID: issued[0].ID})
	status("deleted twice", err, 404)
	must(api.DeleteFunction(&function.DeleteFunctionRequest{FunctionID: *of}))
	_, err = api.DeleteToken(&function.DeleteTokenRequest{TokenID: issued[1].ID})
	status("a token of a function that went", err, 404)

	past := time.Now().Add(-time.Hour)
	_, err = api.CreateToken(&function.CreateTokenRequest{NamespaceID: &namespace, ExpiresAt: &past})
	reasons("a time that is past", err, "expires_at", "constraint")
	_, err = api.CreateToken(&function.CreateTokenRequest{FunctionID: pointer(unknown)})
	status("for no function", err, 404)
	_, err = api.ListTokens(&function.ListTokensRequest{PageSize: scw.Uint32Ptr(101)})
	reasons("a bad page size", err, "page_size", "constraint")
}

// The arguments that are wrong, each with its reason.
func reasons(what string, err error, expected ...string) {
	found := refused[*scw.InvalidArgumentsError](what, err)
	said := []string{}
	for _, detail := range found.Details {
		said = append(said, detail.ArgumentName, detail.Reason)
		holds(what+": in words", detail.HelpMessage != "")
	}
	same(what, said, expected)
}

func claims(token string) map[string]any {
	found := map[string]any{}
	text := must(base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1]))
	must(found, json.Unmarshal(text, &found))
	return found
}
