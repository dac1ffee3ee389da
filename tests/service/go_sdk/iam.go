package main

import (
	"slices"
	"time"

	account "github.com/scaleway/scaleway-sdk-go/api/account/v3"
	function "github.com/scaleway/scaleway-sdk-go/api/function/v1beta1"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

// The owner of an organization, and what their calls go through.
type scene struct {
	api                                     *iam.API
	functions                               *function.API
	projects                                *account.ProjectAPI
	organization, project, accessKey, owner string
}

func accessManagement(client *scw.Client) {
	s := scene{api: iam.NewAPI(client), functions: function.NewAPI(client), projects: account.NewProjectAPI(client)}
	s.organization, _ = client.GetDefaultOrganizationID()
	s.project, _ = client.GetDefaultProjectID()
	s.accessKey, _ = client.GetAccessKey()
	// As `scw init` begins.
	s.owner = *must(s.api.GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: s.accessKey})).UserID
	s.sshKeys()
	step("IAM: SSH keys")
	s.users()
	step("IAM: users")
	s.applications()
	step("IAM: applications")
	s.groups()
	step("IAM: groups")
	s.apiKeys()
	step("IAM: API keys")
	s.policies()
	step("IAM: policies and rules")
	s.permissionSets()
	s.quota()
	step("IAM: permission sets and quota")
	s.jwts()
	step("IAM: tokens")
	s.logs()
	step("IAM: logs")
	s.withoutRights()
	step("IAM: without rights")
	s.story()
	step("IAM: rights that come and go")
}

// A client with a new API key of an application or a user, and that key.
func (s *scene) caller(bearer iam.CreateAPIKeyRequest) (*scw.Client, *iam.APIKey) {
	key := must(s.api.CreateAPIKey(&bearer))
	return withKey(key), key
}

func withKey(key *iam.APIKey) *scw.Client {
	return must(scw.NewClient(scw.WithEnv(), scw.WithAuth(key.AccessKey, *key.SecretKey)))
}

func (s *scene) everywhere(sets ...string) *iam.RuleSpecs {
	return &iam.RuleSpecs{PermissionSetNames: &sets, OrganizationID: &s.organization}
}

func (s *scene) application(name string) string {
	return must(s.api.CreateApplication(&iam.CreateApplicationRequest{Name: name})).ID
}

func (s *scene) guest() string {
	return must(s.api.CreateUser(&iam.CreateUserRequest{Email: pointer("guest@go.test")})).ID
}

func (s *scene) otherProject() string {
	return must(s.projects.CreateProject(&account.ProjectAPICreateProjectRequest{Name: "other"})).ID
}

// The right that whoever asked lacks.
func denied(what string, err error, action, resource string) {
	found := refused[*scw.PermissionsDeniedError](what, err)
	same(what+": details", len(found.Details), 1)
	detail := found.Details[0]
	same(what, []string{detail.Action, detail.Resource}, []string{action, resource})
}

func unauthenticated(what string, err error, reason string) {
	found := refused[*scw.DeniedAuthenticationError](what, err)
	same(what, []string{found.Method, found.Reason}, []string{"api_key", reason})
}

// The SDK has no type of its own for this one.
func taken(what string, err error, resource string) {
	found := refused[*scw.ResponseError](what, err)
	same(what+": status", found.StatusCode, 409)
	same(what, []string{found.Type, found.Resource}, []string{"already_exists", resource})
}

// What a list has, without how many there are.
func just(found []string, _ uint64) []string {
	return found
}

func recent(what string, at *time.Time) {
	age := time.Since(*at)
	holds(what+": no time of this run", age > -2*time.Second && age < 10*time.Minute)
}

func reversed(items []string) []string {
	items = slices.Clone(items)
	slices.Reverse(items)
	return items
}

// A namespace with a function.
func (s *scene) function(name string) (string, string) {
	namespace := must(s.functions.CreateNamespace(&function.CreateNamespaceRequest{Name: name})).ID
	made := must(s.functions.CreateFunction(&function.CreateFunctionRequest{
		NamespaceID: namespace, Name: "f", Runtime: "node22", Privacy: function.FunctionPrivacyPrivate,
	}))
	return namespace, made.ID
}

// Each kind of thing says that it may not be seen or changed, and what would be needed.
func (s *scene) withoutRights() {
	application := s.application("nobody")
	client, key := s.caller(iam.CreateAPIKeyRequest{ApplicationID: &application})
	group := must(s.api.CreateGroup(&iam.CreateGroupRequest{Name: "some"})).ID
	policy := must(s.api.CreatePolicy(&iam.CreatePolicyRequest{Name: "some"})).ID
	api, rules := iam.NewAPI(client), []*iam.RuleSpecs{s.everywhere("IAMManager")}
	for _, it := range []struct {
		action, resource string
		err              error
	}{
		{"create", "ssh_key", failed(api.CreateSSHKey(&iam.CreateSSHKeyRequest{PublicKey: sshKey}))},
		{"list", "ssh_key", failed(api.ListSSHKeys(&iam.ListSSHKeysRequest{}))},
		{"create", "user", failed(api.CreateUser(&iam.CreateUserRequest{Email: pointer("more@go.test")}))},
		{"read", "user", failed(api.GetUser(&iam.GetUserRequest{UserID: s.owner}))},
		{"edit", "user", failed(api.LockUser(&iam.LockUserRequest{UserID: s.owner}))},
		{"delete", "user", api.DeleteUser(&iam.DeleteUserRequest{UserID: s.owner})},
		{"list", "application", failed(api.ListApplications(&iam.ListApplicationsRequest{}))},
		{"edit", "application", failed(api.UpdateApplication(&iam.UpdateApplicationRequest{ApplicationID: application}))},
		{"list", "group", failed(api.ListGroups(&iam.ListGroupsRequest{}))},
		{"edit", "group", failed(api.AddGroupMember(&iam.AddGroupMemberRequest{GroupID: group, ApplicationID: &application}))},
		{"delete", "group", api.DeleteGroup(&iam.DeleteGroupRequest{GroupID: group})},
		{"create", "policy", failed(api.CreatePolicy(&iam.CreatePolicyRequest{ApplicationID: &application, Rules: rules}))},
		{"edit", "policy", failed(api.SetRules(&iam.SetRulesRequest{PolicyID: policy, Rules: rules}))},
		{"read", "policy", failed(api.ListRules(&iam.ListRulesRequest{PolicyID: policy}))},
		{"create", "policy", failed(api.ClonePolicy(&iam.ClonePolicyRequest{PolicyID: policy}))},
		{"read", "api_key", failed(api.GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: key.AccessKey}))},
		{"create", "api_key", failed(api.CreateAPIKey(&iam.CreateAPIKeyRequest{UserID: &s.owner}))},
		{"list", "quota", failed(api.ListQuota(&iam.ListQuotaRequest{}))},
		{"read", "quota", failed(api.GetQuotum(&iam.GetQuotumRequest{QuotumName: "users"}))},
		{"list", "permission_set", failed(api.ListPermissionSets(&iam.ListPermissionSetsRequest{}))},
		{"list", "log", failed(api.ListLogs(&iam.ListLogsRequest{}))},
	} {
		denied(it.action+" "+it.resource, it.err, it.action, it.resource)
	}
	done(s.api.DeleteApplication(&iam.DeleteApplicationRequest{ApplicationID: application}))
	done(s.api.DeleteGroup(&iam.DeleteGroupRequest{GroupID: group}))
	done(s.api.DeletePolicy(&iam.DeletePolicyRequest{PolicyID: policy}))
}

// An application reads tokens, may make some by a new rule, and nothing once its policy is gone.
func (s *scene) story() {
	api, application := s.api, s.application("deployer")
	namespace, of := s.function("go-story")
	token := function.CreateTokenRequest{FunctionID: &of}
	owners := must(s.functions.CreateToken(&token)).ID
	policy := must(api.CreatePolicy(&iam.CreatePolicyRequest{
		Name: "of-the-deployer", ApplicationID: &application, Rules: []*iam.RuleSpecs{s.everywhere("FunctionsReadOnly")},
	})).ID
	client, _ := s.caller(iam.CreateAPIKeyRequest{ApplicationID: &application})
	its := function.NewAPI(client)
	list := func() []string {
		found := must(its.ListTokens(&function.ListTokensRequest{FunctionID: &of}, scw.WithAllPages()))
		return each(found.Tokens, func(it *function.Token) string { return it.ID })
	}
	same("it reads", list(), []string{owners})
	denied("it may not make one", failed(its.CreateToken(&token)), "create", "function_token")
	rules := []*iam.RuleSpecs{s.everywhere("FunctionsFullAccess")}
	must(api.SetRules(&iam.SetRulesRequest{PolicyID: policy, Rules: rules}))
	made := must(its.CreateToken(&token)).ID
	same("it may make one", list(), []string{owners, made})
	jwts := must(api.ListJWTs(&iam.ListJWTsRequest{AudienceID: application})).Jwts
	same("whose it is", each(jwts, func(it *iam.JWT) string { return it.Jti }), []string{made})
	done(api.DeletePolicy(&iam.DeletePolicyRequest{PolicyID: policy}))
	denied("it may make none any more", failed(its.CreateToken(&token)), "create", "function_token")
	_, err := its.ListTokens(&function.ListTokensRequest{FunctionID: &of})
	denied("nor read any", err, "list", "function_token")
	done(api.DeleteApplication(&iam.DeleteApplicationRequest{ApplicationID: application}))
	unauthenticated("nor is it anybody", failed(its.CreateToken(&token)), "not_found")
	must(s.functions.DeleteNamespace(&function.DeleteNamespaceRequest{NamespaceID: namespace}))
}
