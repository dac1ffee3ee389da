package main

import (
	"slices"
	"strings"
	"time"

	account "github.com/scaleway/scaleway-sdk-go/api/account/v3"
	function "github.com/scaleway/scaleway-sdk-go/api/function/v1beta1"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

// A key that nobody has the other half of.
const (
	sshKey      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy"
	fingerprint = "256 MD5:df:8c:a8:13:99:15:bb:25:1d:2e:49:c2:47:36:c0:68 (ssh-ed25519)"
	password    = "a very long secret 4711"
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

func (s *scene) sshKeys() {
	api, other := s.api, s.otherProject()
	create := func(name, text, project string) *iam.SSHKey {
		return must(api.CreateSSHKey(&iam.CreateSSHKeyRequest{Name: name, PublicKey: text, ProjectID: project}))
	}
	// The comment and the end of the line are not part of the key; without a project it is that of
	// the settings.
	made := []*iam.SSHKey{create("one", sshKey+" ada@laptop\n", ""), create("two", sshKey, ""), create("", sshKey, other)}
	for _, key := range made {
		same("key", []string{key.PublicKey, key.Fingerprint}, []string{sshKey, fingerprint})
		same("disabled", key.Disabled, false)
		same("organization", key.OrganizationID, s.organization)
		recent("made", key.CreatedAt)
		same("read again", must(api.GetSSHKey(&iam.GetSSHKeyRequest{SSHKeyID: key.ID})), key)
	}
	project := func(it *iam.SSHKey) string { return it.ProjectID }
	same("projects", each(made, project), []string{s.project, s.project, other})
	holds("a name of the SDK's", strings.HasPrefix(made[2].Name, "key"))
	id := func(it *iam.SSHKey) string { return it.ID }
	every := each(made, id)
	list := func(request iam.ListSSHKeysRequest) ([]string, uint64) {
		found := must(api.ListSSHKeys(&request, scw.WithAllPages()))
		return each(found.SSHKeys, id), uint64(found.TotalCount)
	}
	pages("SSH keys", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListSSHKeysRequest{PageSize: size})
	})
	of := every[1]
	changed := must(api.UpdateSSHKey(&iam.UpdateSSHKeyRequest{
		SSHKeyID: of, Name: pointer("renamed"), Disabled: pointer(true),
	}))
	same("changed", []string{changed.Name, changed.PublicKey}, []string{"renamed", sshKey})
	same("read again", must(api.GetSSHKey(&iam.GetSSHKeyRequest{SSHKeyID: of})), changed)
	same("by name", just(list(iam.ListSSHKeysRequest{Name: pointer("renamed")})), []string{of})
	same("by project", just(list(iam.ListSSHKeysRequest{ProjectID: &other})), every[2:])
	same("disabled", just(list(iam.ListSSHKeysRequest{Disabled: pointer(true)})), []string{of})
	same("enabled", just(list(iam.ListSSHKeysRequest{Disabled: pointer(false)})), []string{every[0], every[2]})
	same("elsewhere", just(list(iam.ListSSHKeysRequest{OrganizationID: pointer(unknown)})), []string{})
	backwards := iam.ListSSHKeysRequest{OrderBy: iam.ListSSHKeysRequestOrderByCreatedAtDesc}
	same("backwards", just(list(backwards)), reversed(every))

	_, err := api.CreateSSHKey(&iam.CreateSSHKeyRequest{PublicKey: "ssh-ed25519 AAAA"})
	reasons("no key", err, "public_key", "format")
	_, err = api.CreateSSHKey(&iam.CreateSSHKeyRequest{PublicKey: sshKey, ProjectID: unknown})
	missing("in no project", err, "project_id", unknown)
	for _, id := range every {
		done(api.DeleteSSHKey(&iam.DeleteSSHKeyRequest{SSHKeyID: id}))
	}
	missing("gone", failed(api.GetSSHKey(&iam.GetSSHKeyRequest{SSHKeyID: of})), "ssh_key", of)
	missing("changed", failed(api.UpdateSSHKey(&iam.UpdateSSHKeyRequest{SSHKeyID: of})), "ssh_key", of)
	missing("deleted twice", api.DeleteSSHKey(&iam.DeleteSSHKeyRequest{SSHKeyID: of}), "ssh_key", of)
	reasons("an id that is none", failed(api.GetSSHKey(&iam.GetSSHKeyRequest{SSHKeyID: "none"})), "id", "format")
	same("none left", just(list(iam.ListSSHKeysRequest{})), []string{})
	done(s.projects.DeleteProject(&account.ProjectAPIDeleteProjectRequest{ProjectID: other}))
}

func (s *scene) users() {
	api := s.api
	owner := must(api.GetUser(&iam.GetUserRequest{UserID: s.owner}))
	same("the owner", owner.Type, iam.UserTypeOwner)
	same("deletable", owner.Deletable, false)
	guest := must(api.CreateUser(&iam.CreateUserRequest{Email: pointer("guest@go.test"), Tags: []string{"one", "two"}}))
	same("a guest", guest.Type, iam.UserType("guest"))
	same("status", *guest.Status, iam.UserStatusInvitationPending)
	same("username", guest.Username, guest.Email)
	same("tags", guest.Tags, []string{"one", "two"})
	member := func(name, secret string) (*iam.User, error) {
		return api.CreateUser(&iam.CreateUserRequest{Member: &iam.CreateUserRequestMember{
			Email: name + "@go.test", Username: name, Password: secret, FirstName: "Ada", LastName: "Lovelace",
		}})
	}
	ada := must(member("ada", password))
	id := ada.ID
	same("a member", ada.Type, iam.UserTypeMember)
	same("status", *ada.Status, iam.UserStatusActivated)
	said := []string{ada.Username, ada.FirstName, ada.LastName, ada.Locale, ada.AccountRootUserID}
	same("who", said, []string{"ada", "Ada", "Lovelace", "en_US", ""})
	holds("no sign in", ada.LastLoginAt == nil && !ada.Mfa && !ada.Locked && ada.Deletable)
	recent("made", ada.CreatedAt)
	for _, user := range []*iam.User{guest, ada} {
		same("read again", must(api.GetUser(&iam.GetUserRequest{UserID: user.ID})), user)
	}
	every := []string{s.owner, guest.ID, id}
	list := func(request iam.ListUsersRequest) ([]string, uint64) {
		found := must(api.ListUsers(&request, scw.WithAllPages()))
		return each(found.Users, func(it *iam.User) string { return it.ID }), uint64(found.TotalCount)
	}
	pages("users", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListUsersRequest{PageSize: size})
	})
	both := []string{id, guest.ID}
	same("by id", just(list(iam.ListUsersRequest{UserIDs: both})), reversed(both))
	same("members", just(list(iam.ListUsersRequest{Type: iam.UserTypeMember})), []string{id})
	same("owners", just(list(iam.ListUsersRequest{Type: iam.UserTypeOwner})), []string{s.owner})
	same("by tag", just(list(iam.ListUsersRequest{Tag: pointer("two")})), []string{guest.ID})
	same("with a factor", just(list(iam.ListUsersRequest{Mfa: pointer(true)})), []string{})
	same("without", just(list(iam.ListUsersRequest{Mfa: pointer(false)})), every)
	byName := iam.ListUsersRequest{UserIDs: both, OrderBy: iam.ListUsersRequestOrderByUsernameAsc}
	same("by name", just(list(byName)), both)

	changed := must(api.UpdateUser(&iam.UpdateUserRequest{
		UserID: id, Tags: &[]string{"three"}, FirstName: pointer("Augusta"), Locale: pointer("fr_FR"),
	}))
	said = []string{changed.FirstName, changed.LastName, changed.Locale, changed.Tags[0]}
	same("changed", said, []string{"Augusta", "Lovelace", "fr_FR", "three"})
	same("read again", must(api.GetUser(&iam.GetUserRequest{UserID: id})), changed)
	changed = must(api.UpdateUser(&iam.UpdateUserRequest{UserID: id, Tags: &[]string{}}))
	same("no tags", len(changed.Tags), 0)
	rename := iam.UpdateUserUsernameRequest{UserID: id, Username: "augusta"}
	same("username", must(api.UpdateUserUsername(&rename)).Username, "augusta")
	must(api.UpdateUserPassword(&iam.UpdateUserPasswordRequest{UserID: id, Password: password + "!"}))
	for _, of := range []*string{&id, nil} {
		periods := must(api.ListGracePeriods(&iam.ListGracePeriodsRequest{UserID: of}))
		same("grace periods", len(periods.GracePeriods), 0)
	}

	client, _ := s.caller(iam.CreateAPIKeyRequest{UserID: &id})
	tries := func() error { return failed(iam.NewAPI(client).ListUsers(&iam.ListUsersRequest{})) }
	denied("without rights", tries(), "list", "user")
	same("locked", must(api.LockUser(&iam.LockUserRequest{UserID: id})).Locked, true)
	// There is no other word for it.
	unauthenticated("a key of whoever is locked", tries(), "unknown_reason")
	same("unlocked", must(api.UnlockUser(&iam.UnlockUserRequest{UserID: id})).Locked, false)
	denied("no longer locked", tries(), "list", "user")

	reasons("nobody", failed(api.CreateUser(&iam.CreateUserRequest{})), "email", "required")
	reasons("no address", failed(api.CreateUser(&iam.CreateUserRequest{Email: pointer("guest")})), "email", "format")
	reasons("a bad password", failed(member("bob", "short")), "member.password", "constraint")
	weak := iam.UpdateUserPasswordRequest{UserID: id, Password: "my-augusta-1"}
	reasons("a password with the name", failed(api.UpdateUserPassword(&weak)), "password", "constraint")
	taken("an address", failed(api.CreateUser(&iam.CreateUserRequest{Email: &guest.Email})), "user")
	rename.Username = guest.Username
	taken("a username", failed(api.UpdateUserUsername(&rename)), "user")
	for _, err := range []error{
		api.DeleteUser(&iam.DeleteUserRequest{UserID: s.owner}),
		failed(api.LockUser(&iam.LockUserRequest{UserID: s.owner})),
	} {
		found := refused[*scw.PreconditionFailedError]("the owner", err)
		same("precondition", found.Precondition, "unknown_precondition")
		holds("in words", found.HelpMessage != "")
	}
	for _, id := range both {
		done(api.DeleteUser(&iam.DeleteUserRequest{UserID: id}))
	}
	unauthenticated("a key of whoever went", tries(), "not_found")
	weak.Password = password
	for _, err := range []error{
		failed(api.GetUser(&iam.GetUserRequest{UserID: id})),
		failed(api.UpdateUser(&iam.UpdateUserRequest{UserID: id})),
		failed(api.UpdateUserUsername(&rename)),
		failed(api.UpdateUserPassword(&weak)),
		failed(api.LockUser(&iam.LockUserRequest{UserID: id})),
		failed(api.UnlockUser(&iam.UnlockUserRequest{UserID: id})),
		failed(api.ListGracePeriods(&iam.ListGracePeriodsRequest{UserID: &id})),
		api.DeleteUser(&iam.DeleteUserRequest{UserID: id}),
	} {
		missing("a user who went", err, "user", id)
	}
	same("as before", just(list(iam.ListUsersRequest{})), []string{s.owner})
}

func (s *scene) applications() {
	api := s.api
	made := []*iam.Application{}
	for _, request := range []iam.CreateApplicationRequest{
		{Name: "one", Description: "the first", Tags: []string{"a", "b"}}, {}, {Name: "three"},
	} {
		one := must(api.CreateApplication(&request))
		made = append(made, one)
		same("organization", one.OrganizationID, s.organization)
		same("flags", []bool{one.Editable, one.Deletable, one.Managed}, []bool{true, true, false})
		same("keys", one.NbAPIKeys, 0)
		recent("made", one.CreatedAt)
		same("read again", must(api.GetApplication(&iam.GetApplicationRequest{ApplicationID: one.ID})), one)
	}
	holds("a name of the SDK's", strings.HasPrefix(made[1].Name, "app"))
	appID := func(it *iam.Application) string { return it.ID }
	every := each(made, appID)
	id := every[0]
	list := func(request iam.ListApplicationsRequest) ([]string, uint64) {
		found := must(api.ListApplications(&request, scw.WithAllPages()))
		return each(found.Applications, appID), uint64(found.TotalCount)
	}
	pages("applications", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListApplicationsRequest{PageSize: size})
	})
	same("by name", just(list(iam.ListApplicationsRequest{Name: pointer("three")})), every[2:])
	same("by tag", just(list(iam.ListApplicationsRequest{Tag: pointer("b")})), every[:1])
	same("by id", just(list(iam.ListApplicationsRequest{ApplicationIDs: reversed(every[1:])})), every[1:])
	same("editable", just(list(iam.ListApplicationsRequest{Editable: pointer(true)})), every)
	same("others", just(list(iam.ListApplicationsRequest{Editable: pointer(false)})), []string{})
	same("elsewhere", just(list(iam.ListApplicationsRequest{OrganizationID: unknown})), []string{})
	backwards := iam.ListApplicationsRequest{OrderBy: iam.ListApplicationsRequestOrderByCreatedAtDesc}
	same("backwards", just(list(backwards)), reversed(every))

	changed := must(api.UpdateApplication(&iam.UpdateApplicationRequest{
		ApplicationID: id, Name: pointer("renamed"), Tags: &[]string{},
	}))
	same("changed", []string{changed.Name, changed.Description}, []string{"renamed", "the first"})
	same("tags", len(changed.Tags), 0)
	holds("changed after it was made", changed.UpdatedAt.After(*changed.CreatedAt))
	same("read again", must(api.GetApplication(&iam.GetApplicationRequest{ApplicationID: id})), changed)
	_, key := s.caller(iam.CreateAPIKeyRequest{ApplicationID: &id})
	same("keys", must(api.GetApplication(&iam.GetApplicationRequest{ApplicationID: id})).NbAPIKeys, 1)

	long := strings.Repeat("x", 201)
	_, err := api.CreateApplication(&iam.CreateApplicationRequest{Name: long, Description: long, Tags: make([]string, 11)})
	reasons("all too long", err, "name", "constraint", "description", "constraint", "tags", "constraint")
	_, err = api.ListApplications(&iam.ListApplicationsRequest{PageSize: scw.Uint32Ptr(101), OrderBy: "tag_asc"})
	reasons("a bad list", err, "order_by", "constraint", "page_size", "constraint")
	for _, id := range every {
		done(api.DeleteApplication(&iam.DeleteApplicationRequest{ApplicationID: id}))
	}
	for _, err := range []error{
		failed(api.GetApplication(&iam.GetApplicationRequest{ApplicationID: id})),
		failed(api.UpdateApplication(&iam.UpdateApplicationRequest{ApplicationID: id})),
		api.DeleteApplication(&iam.DeleteApplicationRequest{ApplicationID: id}),
	} {
		missing("an application that went", err, "application", id)
	}
	_, err = api.GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: key.AccessKey})
	missing("its key", err, "access_key", key.AccessKey)
	same("none left", just(list(iam.ListApplicationsRequest{})), []string{})
}

func (s *scene) groups() {
	api := s.api
	made := []*iam.Group{}
	for _, request := range []iam.CreateGroupRequest{
		{Name: "one", Description: "the first", Tags: []string{"a"}}, {}, {Name: "three"},
	} {
		one := must(api.CreateGroup(&request))
		made = append(made, one)
		same("nobody in it", len(one.UserIDs)+len(one.ApplicationIDs), 0)
		same("flags", []bool{one.Editable, one.Deletable, one.Managed}, []bool{true, true, false})
		recent("made", one.CreatedAt)
		same("read again", must(api.GetGroup(&iam.GetGroupRequest{GroupID: one.ID})), one)
	}
	holds("a name of the SDK's", strings.HasPrefix(made[1].Name, "grp"))
	groupID := func(it *iam.Group) string { return it.ID }
	every := each(made, groupID)
	id := every[0]
	changed := must(api.UpdateGroup(&iam.UpdateGroupRequest{
		GroupID: id, Description: pointer("changed"), Tags: &[]string{"b", "c"},
	}))
	same("changed", []string{changed.Name, changed.Description}, []string{"one", "changed"})
	same("tags", changed.Tags, []string{"b", "c"})

	some := []string{s.application("some-0"), s.application("some-1"), s.application("some-2")}
	guest := s.guest()
	members := func(what string, group *iam.Group, users, applications []string) {
		same(what+": users", group.UserIDs, users)
		same(what+": applications", group.ApplicationIDs, applications)
		same(what+": read again", must(api.GetGroup(&iam.GetGroupRequest{GroupID: id})), group)
		same(what+": when it was changed", group.UpdatedAt, changed.UpdatedAt)
	}
	none := []string{}
	addGuest := iam.AddGroupMemberRequest{GroupID: id, UserID: &guest}
	members("one user", must(api.AddGroupMember(&addGuest)), []string{guest}, none)
	add := iam.AddGroupMemberRequest{GroupID: id, ApplicationID: &some[2]}
	members("an application", must(api.AddGroupMember(&add)), []string{guest}, some[2:])
	members("twice", must(api.AddGroupMember(&add)), []string{guest}, some[2:])
	many := iam.AddGroupMembersRequest{GroupID: id, UserIDs: []string{s.owner}, ApplicationIDs: some[:2]}
	members("many", must(api.AddGroupMembers(&many)), []string{guest, s.owner}, []string{some[2], some[0], some[1]})
	removed := must(api.RemoveGroupMember(&iam.RemoveGroupMemberRequest{GroupID: id, UserID: &guest}))
	members("one less", removed, []string{s.owner}, []string{some[2], some[0], some[1]})
	removed = must(api.RemoveGroupMember(&iam.RemoveGroupMemberRequest{GroupID: id, ApplicationID: &some[0]}))
	members("two less", removed, []string{s.owner}, []string{some[2], some[1]})
	others := iam.SetGroupMembersRequest{GroupID: id, UserIDs: []string{guest}, ApplicationIDs: some[:1]}
	members("others", must(api.SetGroupMembers(&others)), []string{guest}, some[:1])

	list := func(request iam.ListGroupsRequest) ([]string, uint64) {
		found := must(api.ListGroups(&request, scw.WithAllPages()))
		return each(found.Groups, groupID), uint64(found.TotalCount)
	}
	pages("groups", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListGroupsRequest{PageSize: size})
	})
	same("by name", just(list(iam.ListGroupsRequest{Name: pointer("three")})), every[2:])
	same("by tag", just(list(iam.ListGroupsRequest{Tag: pointer("c")})), every[:1])
	same("by id", just(list(iam.ListGroupsRequest{GroupIDs: reversed(every[1:])})), every[1:])
	same("by user", just(list(iam.ListGroupsRequest{UserIDs: []string{guest}})), every[:1])
	same("by another", just(list(iam.ListGroupsRequest{UserIDs: []string{s.owner}})), none)
	same("by application", just(list(iam.ListGroupsRequest{ApplicationIDs: some})), every[:1])
	backwards := iam.ListGroupsRequest{OrderBy: iam.ListGroupsRequestOrderByCreatedAtDesc}
	same("backwards", just(list(backwards)), reversed(every))

	taken("a name", failed(api.CreateGroup(&iam.CreateGroupRequest{Name: "three"})), "group")
	taken("changed to it", failed(api.UpdateGroup(&iam.UpdateGroupRequest{GroupID: id, Name: pointer("three")})), "group")
	// As recorded.
	stranger := iam.RemoveGroupMemberRequest{GroupID: id, UserID: &s.owner}
	missing("somebody who isn't in it", failed(api.RemoveGroupMember(&stranger)), "", s.owner)
	_, err := api.AddGroupMember(&iam.AddGroupMemberRequest{GroupID: id, UserID: pointer(unknown)})
	missing("nobody", err, "user", unknown)
	_, err = api.AddGroupMembers(&iam.AddGroupMembersRequest{GroupID: id, ApplicationIDs: []string{unknown}})
	missing("no application", err, "application", unknown)
	_, err = api.AddGroupMember(&iam.AddGroupMemberRequest{GroupID: id})
	reasons("neither", err, "user_id", "required", "application_id", "required")
	_, err = api.AddGroupMember(&iam.AddGroupMemberRequest{GroupID: id, UserID: &guest, ApplicationID: &some[0]})
	reasons("both", err, "user_id", "constraint", "application_id", "constraint")
	// It sends null for either list, which is an empty one.
	nobody := iam.SetGroupMembersRequest{GroupID: id}
	members("nobody", must(api.SetGroupMembers(&nobody)), none, none)
	for _, id := range every {
		done(api.DeleteGroup(&iam.DeleteGroupRequest{GroupID: id}))
	}
	for _, err := range []error{
		failed(api.GetGroup(&iam.GetGroupRequest{GroupID: id})),
		failed(api.UpdateGroup(&iam.UpdateGroupRequest{GroupID: id})),
		failed(api.SetGroupMembers(&nobody)),
		failed(api.AddGroupMember(&add)),
		failed(api.AddGroupMembers(&many)),
		failed(api.RemoveGroupMember(&stranger)),
		api.DeleteGroup(&iam.DeleteGroupRequest{GroupID: id}),
	} {
		missing("a group that went", err, "group", id)
	}
	for _, id := range some {
		done(api.DeleteApplication(&iam.DeleteApplicationRequest{ApplicationID: id}))
	}
	done(api.DeleteUser(&iam.DeleteUserRequest{UserID: guest}))
	same("none left", just(list(iam.ListGroupsRequest{})), none)
}

func (s *scene) apiKeys() {
	api, application, guest := s.api, s.application("some"), s.guest()
	soon := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	made := []*iam.APIKey{
		must(api.CreateAPIKey(&iam.CreateAPIKeyRequest{ApplicationID: &application, Description: "one"})),
		must(api.CreateAPIKey(&iam.CreateAPIKeyRequest{
			ApplicationID: &application, Description: "ends", ExpiresAt: &soon, DefaultProjectID: &s.project,
		})),
		must(api.CreateAPIKey(&iam.CreateAPIKeyRequest{UserID: &guest})),
	}
	for _, key := range made {
		holds("a secret key, once", len(*key.SecretKey) == 36)
		same("project", key.DefaultProjectID, s.project)
		same("flags", []bool{key.Editable, key.Deletable, key.Managed}, []bool{true, true, false})
		same("from where", key.CreationIP, "127.0.0.1")
		recent("made", key.CreatedAt)
		withoutSecret := *key
		withoutSecret.SecretKey = nil
		same("read again", *must(api.GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: key.AccessKey})), withoutSecret)
	}
	same("an application's", []*string{made[0].ApplicationID, made[0].UserID}, []*string{&application, nil})
	same("a user's", []*string{made[2].ApplicationID, made[2].UserID}, []*string{nil, &guest})
	holds("ends", made[0].ExpiresAt == nil && made[1].ExpiresAt.Equal(soon))
	accessKey := func(it *iam.APIKey) string { return it.AccessKey }
	its := each(made, accessKey)
	id, every := its[0], append([]string{s.accessKey}, its...)
	list := func(request iam.ListAPIKeysRequest) ([]string, uint64) {
		found := must(api.ListAPIKeys(&request, scw.WithAllPages()))
		return each(found.APIKeys, accessKey), uint64(found.TotalCount)
	}
	pages("API keys", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListAPIKeysRequest{PageSize: size})
	})
	same("by bearer", just(list(iam.ListAPIKeysRequest{BearerID: &application})), its[:2])
	users := iam.ListAPIKeysRequest{BearerType: iam.BearerTypeUser}
	same("of users", just(list(users)), []string{s.accessKey, its[2]})
	same("of applications", just(list(iam.ListAPIKeysRequest{BearerType: iam.BearerTypeApplication})), its[:2])
	same("by application", just(list(iam.ListAPIKeysRequest{ApplicationID: &application})), its[:2])
	same("by user", just(list(iam.ListAPIKeysRequest{UserID: &guest})), its[2:])
	same("one", just(list(iam.ListAPIKeysRequest{AccessKey: &its[1]})), its[1:2])
	same("some", just(list(iam.ListAPIKeysRequest{AccessKeys: reversed(its[1:])})), its[1:])
	same("by description", just(list(iam.ListAPIKeysRequest{Description: pointer("ends")})), its[1:2])
	same("expired", just(list(iam.ListAPIKeysRequest{Expired: pointer(true)})), []string{})
	same("not expired", just(list(iam.ListAPIKeysRequest{Expired: pointer(false)})), every)
	same("editable", just(list(iam.ListAPIKeysRequest{Editable: pointer(true)})), every)
	same("elsewhere", just(list(iam.ListAPIKeysRequest{OrganizationID: pointer(unknown)})), []string{})
	backwards := iam.ListAPIKeysRequest{OrderBy: iam.ListAPIKeysRequestOrderByCreatedAtDesc}
	same("backwards", just(list(backwards)), reversed(every))

	changed := must(api.UpdateAPIKey(&iam.UpdateAPIKeyRequest{
		AccessKey: id, Description: pointer("changed"), ExpiresAt: &soon,
	}))
	same("changed", changed.Description, "changed")
	holds("its end, and no secret", changed.ExpiresAt.Equal(soon) && changed.SecretKey == nil)
	same("read again", must(api.GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: id})), changed)
	_, err := api.CreateAPIKey(&iam.CreateAPIKeyRequest{})
	reasons("for nobody", err, "user_id", "required", "application_id", "required")
	_, err = api.CreateAPIKey(&iam.CreateAPIKeyRequest{ApplicationID: &application, UserID: &guest})
	reasons("for both", err, "user_id", "constraint", "application_id", "constraint")
	past := time.Now().Add(-time.Hour)
	_, err = api.CreateAPIKey(&iam.CreateAPIKeyRequest{UserID: &guest, ExpiresAt: &past})
	reasons("a time that is past", err, "expires_at", "constraint")
	long := strings.Repeat("x", 201)
	_, err = api.CreateAPIKey(&iam.CreateAPIKeyRequest{UserID: &guest, Description: long})
	reasons("a long description", err, "description", "constraint")
	_, err = api.CreateAPIKey(&iam.CreateAPIKeyRequest{ApplicationID: pointer(unknown)})
	missing("for no application", err, "application", unknown)
	_, err = api.CreateAPIKey(&iam.CreateAPIKeyRequest{UserID: &guest, DefaultProjectID: pointer(unknown)})
	missing("in no project", err, "project_id", unknown)

	tries := func() error { return failed(iam.NewAPI(withKey(made[0])).ListUsers(&iam.ListUsersRequest{})) }
	denied("it is somebody", tries(), "list", "user")
	for _, key := range its {
		done(api.DeleteAPIKey(&iam.DeleteAPIKeyRequest{AccessKey: key}))
	}
	unauthenticated("a key that went", tries(), "not_found")
	for _, err := range []error{
		failed(api.GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: id})),
		failed(api.UpdateAPIKey(&iam.UpdateAPIKeyRequest{AccessKey: id})),
		api.DeleteAPIKey(&iam.DeleteAPIKeyRequest{AccessKey: id}),
	} {
		missing("a key that went", err, "access_key", id)
	}
	done(api.DeleteApplication(&iam.DeleteApplicationRequest{ApplicationID: application}))
	done(api.DeleteUser(&iam.DeleteUserRequest{UserID: guest}))
	same("as before", just(list(iam.ListAPIKeysRequest{})), []string{s.accessKey})
}

// Whom a policy is for: one member alone.
func principal(it *iam.Policy) map[string]string {
	found := map[string]string{}
	for kind, id := range map[string]*string{"application": it.ApplicationID, "group": it.GroupID, "user": it.UserID} {
		if id != nil {
			found[kind] = *id
		}
	}
	if it.NoPrincipal != nil && *it.NoPrincipal {
		found["nobody"] = ""
	}
	return found
}

func (s *scene) policies() {
	api, application, guest, other := s.api, s.application("some"), s.guest(), s.otherProject()
	group := must(api.CreateGroup(&iam.CreateGroupRequest{Name: "some"})).ID
	rules := []*iam.RuleSpecs{
		s.everywhere("FunctionsReadOnly", "ContainersReadOnly"),
		{
			PermissionSetNames: &[]string{"FunctionsFullAccess"},
			Condition:          "request.user_agent == 'terraform-test'",
			ProjectIDs:         &[]string{s.project, other},
		},
		s.everywhere("IAMReadOnly"),
	}
	principals := []map[string]string{{"application": application}, {"group": group}, {"user": guest}, {"nobody": ""}}
	made := []*iam.Policy{}
	for n, request := range []iam.CreatePolicyRequest{
		{Name: "a", Description: "the first", Rules: rules, Tags: []string{"t"}, ApplicationID: &application},
		{Name: "b", GroupID: &group}, {Name: "c", UserID: &guest}, {NoPrincipal: pointer(true)},
	} {
		one := must(api.CreatePolicy(&request))
		// The answer of the platform that makes one doesn't count yet.
		one = must(api.GetPolicy(&iam.GetPolicyRequest{PolicyID: one.ID}))
		made = append(made, one)
		same("principal", principal(one), principals[n])
		same("organization", one.OrganizationID, s.organization)
		same("flags", []bool{one.Editable, one.Deletable, one.Managed}, []bool{true, true, false})
		recent("made", one.CreatedAt)
	}
	counts := []uint32{made[0].NbRules, made[0].NbScopes, made[0].NbPermissionSets, made[1].NbRules}
	same("counts", counts, []uint32{3, 3, 4, 0})
	holds("a name of the SDK's", strings.HasPrefix(made[3].Name, "pol"))
	policyID := func(it *iam.Policy) string { return it.ID }
	every := each(made, policyID)
	list := func(request iam.ListPoliciesRequest) ([]string, uint64) {
		found := must(api.ListPolicies(&request, scw.WithAllPages()))
		return each(found.Policies, policyID), uint64(found.TotalCount)
	}
	// By name, if not asked otherwise.
	pages("policies", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListPoliciesRequest{PageSize: size})
	})
	same("by name", just(list(iam.ListPoliciesRequest{PolicyName: pointer("b")})), every[1:2])
	same("by tag", just(list(iam.ListPoliciesRequest{Tag: pointer("t")})), every[:1])
	same("by id", just(list(iam.ListPoliciesRequest{PolicyIDs: reversed(every[:2])})), every[:2])
	same("of applications", just(list(iam.ListPoliciesRequest{ApplicationIDs: []string{application}})), every[:1])
	same("of groups", just(list(iam.ListPoliciesRequest{GroupIDs: []string{group}})), every[1:2])
	same("of users", just(list(iam.ListPoliciesRequest{UserIDs: []string{guest}})), every[2:3])
	same("of nobody", just(list(iam.ListPoliciesRequest{NoPrincipal: pointer(true)})), every[3:])
	same("of somebody", just(list(iam.ListPoliciesRequest{NoPrincipal: pointer(false)})), every[:3])
	same("editable", just(list(iam.ListPoliciesRequest{Editable: pointer(true)})), every)
	same("elsewhere", just(list(iam.ListPoliciesRequest{OrganizationID: unknown})), []string{})
	for _, order := range []iam.ListPoliciesRequestOrderBy{
		iam.ListPoliciesRequestOrderByPolicyNameDesc, iam.ListPoliciesRequestOrderByCreatedAtDesc,
	} {
		same("backwards", just(list(iam.ListPoliciesRequest{OrderBy: order})), reversed(every))
	}
	s.rules(made[0], rules)

	id := every[0]
	changed := must(api.UpdatePolicy(&iam.UpdatePolicyRequest{
		PolicyID: id, Name: pointer("renamed"), Description: pointer("changed"), Tags: &[]string{"u"},
	}))
	said := []string{changed.Name, changed.Description, changed.Tags[0]}
	same("changed", said, []string{"renamed", "changed", "u"})
	same("still for it", principal(changed), principals[0])
	same("when it was changed", changed.UpdatedAt, made[0].UpdatedAt)
	for n, request := range []iam.UpdatePolicyRequest{
		{ApplicationID: &application}, {GroupID: &group}, {UserID: &guest}, {NoPrincipal: pointer(true)},
	} {
		request.PolicyID = id
		changed = must(api.UpdatePolicy(&request))
		same("for another", principal(changed), principals[n])
		same("read again", must(api.GetPolicy(&iam.GetPolicyRequest{PolicyID: id})), changed)
	}

	_, err := api.CreatePolicy(&iam.CreatePolicyRequest{Rules: []*iam.RuleSpecs{s.everywhere("Everything")}})
	reasons("no such set", err, "rules.permission_set_names", "constraint")
	_, err = api.CreatePolicy(&iam.CreatePolicyRequest{UserID: &guest, GroupID: &group})
	reasons("two principals", err, "no_principal", "constraint")
	_, err = api.CreatePolicy(&iam.CreatePolicyRequest{UserID: pointer(unknown)})
	missing("for nobody", err, "user", unknown)
	_, err = api.UpdatePolicy(&iam.UpdatePolicyRequest{PolicyID: id, GroupID: pointer(unknown)})
	missing("for no group", err, "group", unknown)
	// Whoever a policy was for may go; it stays.
	done(api.DeleteApplication(&iam.DeleteApplicationRequest{ApplicationID: application}))
	done(api.DeleteGroup(&iam.DeleteGroupRequest{GroupID: group}))
	done(api.DeleteUser(&iam.DeleteUserRequest{UserID: guest}))
	for _, id := range every {
		same("for nobody", principal(must(api.GetPolicy(&iam.GetPolicyRequest{PolicyID: id}))), principals[3])
		done(api.DeletePolicy(&iam.DeletePolicyRequest{PolicyID: id}))
	}
	for _, err := range []error{
		failed(api.GetPolicy(&iam.GetPolicyRequest{PolicyID: id})),
		failed(api.UpdatePolicy(&iam.UpdatePolicyRequest{PolicyID: id})),
		failed(api.ClonePolicy(&iam.ClonePolicyRequest{PolicyID: id})),
		failed(api.ListRules(&iam.ListRulesRequest{PolicyID: id})),
		failed(api.SetRules(&iam.SetRulesRequest{PolicyID: id})),
		api.DeletePolicy(&iam.DeletePolicyRequest{PolicyID: id}),
	} {
		missing("a policy that went", err, "policy", id)
	}
	same("none left", just(list(iam.ListPoliciesRequest{})), []string{})
	done(s.projects.DeleteProject(&account.ProjectAPIDeleteProjectRequest{ProjectID: other}))
}

// What a rule says, without its id.
func specs(it *iam.Rule) iam.RuleSpecs {
	return iam.RuleSpecs{
		PermissionSetNames: it.PermissionSetNames, Condition: it.Condition, ProjectIDs: it.ProjectIDs, OrganizationID: it.OrganizationID,
	}
}

// A policy's rules, which end as they began.
func (s *scene) rules(policy *iam.Policy, rules []*iam.RuleSpecs) {
	api, id := s.api, policy.ID
	expected := each(rules, func(it *iam.RuleSpecs) iam.RuleSpecs { return *it })
	ruleID := func(it *iam.Rule) string { return it.ID }
	read := func(id string) []*iam.Rule {
		return must(api.ListRules(&iam.ListRulesRequest{PolicyID: id}, scw.WithAllPages())).Rules
	}
	found := read(id)
	same("rules", each(found, specs), expected)
	same("scope types", each(found, func(it *iam.Rule) iam.PermissionSetScopeType { return it.PermissionSetsScopeType }),
		[]iam.PermissionSetScopeType{"projects", "projects", "organization"})
	pages("rules", each(found, ruleID), func(size *uint32) ([]string, uint64) {
		list := must(api.ListRules(&iam.ListRulesRequest{PolicyID: id, PageSize: size}, scw.WithAllPages()))
		return each(list.Rules, ruleID), uint64(list.TotalCount)
	})
	clone := must(api.ClonePolicy(&iam.ClonePolicyRequest{PolicyID: id}))
	holds("another one", clone.ID != id)
	same("like it", []string{clone.Description, *clone.ApplicationID}, []string{policy.Description, *policy.ApplicationID})
	copies := read(clone.ID)
	same("with its rules", each(copies, specs), expected)
	holds("which are others", copies[0].ID != found[0].ID)
	set := func(rules ...*iam.RuleSpecs) ([]*iam.Rule, error) {
		answer, err := api.SetRules(&iam.SetRulesRequest{PolicyID: id, Rules: rules})
		if err != nil {
			return nil, err
		}
		return answer.Rules, nil
	}
	changed := must(set(rules[2]))
	same("one rule", each(changed, specs), expected[2:])
	holds("a new id", changed[0].ID != found[2].ID)
	same("read again", read(id), changed)
	same("the clone's as they were", read(clone.ID), copies)
	// It sends null for no rules.
	same("no rules", len(must(set())), 0)
	same("none", must(api.GetPolicy(&iam.GetPolicyRequest{PolicyID: id})).NbRules, 0)

	sets := []string{"rules.permission_set_names", "constraint"}
	reasons("no such set", failed(set(s.everywhere("Everything"))), sets...)
	reasons("sets of two scopes", failed(set(s.everywhere("IAMReadOnly", "FunctionsReadOnly"))), sets...)
	broken := *rules[2]
	broken.Condition = "request."
	reasons("a bad condition", failed(set(&broken)), "rules.condition", "constraint")
	both := *rules[2]
	both.ProjectIDs = &[]string{s.project}
	reasons("both scopes", failed(set(&both)), "rules.organization_id", "constraint", "rules.project_ids", "constraint")
	neither := iam.RuleSpecs{PermissionSetNames: rules[0].PermissionSetNames}
	reasons("no scope", failed(set(&neither)), "rules.organization_id", "required", "rules.project_ids", "required")
	neither.ProjectIDs = &[]string{unknown}
	missing("in no project", failed(set(&neither)), "project_id", unknown)
	must(set(rules...))
	done(api.DeletePolicy(&iam.DeletePolicyRequest{PolicyID: clone.ID}))
}

func (s *scene) permissionSets() {
	name := func(it *iam.PermissionSet) string { return it.Name }
	list := func(request iam.ListPermissionSetsRequest) ([]string, uint64) {
		found := must(s.api.ListPermissionSets(&request, scw.WithAllPages()))
		return each(found.PermissionSets, name), uint64(found.TotalCount)
	}
	every := just(list(iam.ListPermissionSetsRequest{}))
	holds("by name", slices.IsSorted(every))
	pages("permission sets", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListPermissionSetsRequest{PageSize: size})
	})
	backwards := iam.ListPermissionSetsRequest{OrderBy: iam.ListPermissionSetsRequestOrderByNameDesc}
	same("backwards", just(list(backwards)), reversed(every))
	same("elsewhere", just(list(iam.ListPermissionSetsRequest{OrganizationID: unknown})), []string{})
	found := must(s.api.ListPermissionSets(&iam.ListPermissionSetsRequest{}, scw.WithAllPages()))
	types := map[string]iam.PermissionSetScopeType{}
	for _, set := range found.PermissionSets {
		types[set.Name] = set.ScopeType
		holds("in words", set.Description != "")
	}
	same("of projects", types["FunctionsPrivateAccess"], iam.PermissionSetScopeTypeProjects)
	same("of the organization", types["IAMManager"], iam.PermissionSetScopeTypeOrganization)
}

func (s *scene) quota() {
	list := func(request iam.ListQuotaRequest) ([]string, uint64) {
		found := must(s.api.ListQuota(&request, scw.WithAllPages()))
		return each(found.Quota, func(it *iam.Quotum) string { return it.Name }), uint64(found.TotalCount)
	}
	every := just(list(iam.ListQuotaRequest{}))
	holds("by name", slices.IsSorted(every))
	pages("quota", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListQuotaRequest{PageSize: size})
	})
	same("backwards", just(list(iam.ListQuotaRequest{OrderBy: iam.ListQuotaRequestOrderByNameDesc})), reversed(every))
	some := []string{"groups", "users"}
	same("some", just(list(iam.ListQuotaRequest{QuotumNames: reversed(some)})), some)
	for _, name := range every {
		one := must(s.api.GetQuotum(&iam.GetQuotumRequest{QuotumName: name}))
		same("name", one.Name, name)
		holds("a number", one.Limit != nil && one.Unlimited == nil)
		same("locality", one.LocalityType, iam.LocalityTypeGlobal)
		same("everywhere", *one.Limits[0], iam.QuotumLimit{Global: pointer(true), Limit: one.Limit})
	}
	missing("of nothing", failed(s.api.GetQuotum(&iam.GetQuotumRequest{QuotumName: "nothing"})), "quotum", "nothing")
	reasons("a bad order", failed(s.api.ListQuota(&iam.ListQuotaRequest{OrderBy: "limit_asc"})), "order_by", "constraint")
}

// A namespace with a function.
func (s *scene) function(name string) (string, string) {
	namespace := must(s.functions.CreateNamespace(&function.CreateNamespaceRequest{Name: name})).ID
	made := must(s.functions.CreateFunction(&function.CreateFunctionRequest{
		NamespaceID: namespace, Name: "f", Runtime: "node22", Privacy: function.FunctionPrivacyPrivate,
	}))
	return namespace, made.ID
}

// Issued tokens, whose id here is the one that stands in them.
func (s *scene) jwts() {
	api := s.api
	namespace, of := s.function("go-iam")
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	every := []string{}
	for _, request := range []function.CreateTokenRequest{
		{FunctionID: &of}, {NamespaceID: &namespace, ExpiresAt: &soon}, {FunctionID: &of},
	} {
		token := must(s.functions.CreateToken(&request))
		every = append(every, claims(token.Token)["jti"].(string))
	}
	list := func(request iam.ListJWTsRequest) ([]string, uint64) {
		found := must(api.ListJWTs(&request, scw.WithAllPages()))
		return each(found.Jwts, func(it *iam.JWT) string { return it.Jti }), uint64(found.TotalCount)
	}
	pages("tokens", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListJWTsRequest{AudienceID: s.owner, PageSize: size})
	})
	expired := iam.ListJWTsRequest{AudienceID: s.owner, Expired: pointer(true)}
	same("expired", just(list(expired)), []string{})
	same("not expired", just(list(iam.ListJWTsRequest{AudienceID: s.owner, Expired: pointer(false)})), every)
	backwards := iam.ListJWTsRequest{AudienceID: s.owner, OrderBy: iam.ListJWTsRequestOrderByUpdatedAtDesc}
	same("backwards", just(list(backwards)), reversed(every))
	same("of nobody", just(list(iam.ListJWTsRequest{AudienceID: unknown})), []string{})
	read := must(api.GetJWT(&iam.GetJWTRequest{Jti: every[1]}))
	same("one", []string{read.Jti, read.IssuerID, read.AudienceID}, []string{every[1], s.owner, s.owner})
	same("from where", read.IP.String(), "127.0.0.1")
	holds("its end", read.ExpiresAt.Equal(soon))
	holds("by the SDK", strings.Contains(read.UserAgent, "scaleway"))
	recent("made", read.CreatedAt)
	id := every[0]
	holds("without an end", must(api.GetJWT(&iam.GetJWTRequest{Jti: id})).ExpiresAt == nil)
	done(api.DeleteJWT(&iam.DeleteJWTRequest{Jti: id}))
	missing("a token that went", failed(api.GetJWT(&iam.GetJWTRequest{Jti: id})), "jwt", id)
	missing("deleted twice", api.DeleteJWT(&iam.DeleteJWTRequest{Jti: id}), "jwt", id)
	status("gone there too", failed(s.functions.GetToken(&function.GetTokenRequest{TokenID: id})), 404)
	same("the others", just(list(iam.ListJWTsRequest{AudienceID: s.owner})), every[1:])
	reasons("an id that is none", failed(api.GetJWT(&iam.GetJWTRequest{Jti: "none"})), "jti", "format")
	must(s.functions.DeleteNamespace(&function.DeleteNamespaceRequest{NamespaceID: namespace}))
	same("none of what went", just(list(iam.ListJWTsRequest{AudienceID: s.owner})), []string{})
}

func (s *scene) logs() {
	api := s.api
	group := must(api.CreateGroup(&iam.CreateGroupRequest{Name: "logged"})).ID
	// In a query the SDK leaves out what is less than a second.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	must(api.UpdateGroup(&iam.UpdateGroupRequest{GroupID: group, Name: pointer("renamed")}))
	done(api.DeleteGroup(&iam.DeleteGroupRequest{GroupID: group}))
	logID := func(it *iam.Log) string { return it.ID }
	found := must(api.ListLogs(&iam.ListLogsRequest{Search: &group}, scw.WithAllPages())).Logs
	same("what was done", each(found, func(it *iam.Log) iam.LogAction { return it.Action }),
		[]iam.LogAction{iam.LogActionCreated, iam.LogActionUpdated, iam.LogActionDeleted})
	every, first := each(found, logID), found[0]
	same("to what", first.ResourceType, iam.LogResourceTypeGroup)
	said := []string{first.ResourceID, first.BearerID, first.OrganizationID, first.IP.String()}
	same("by whom", said, []string{group, s.owner, s.organization, "127.0.0.1"})
	holds("with the SDK", strings.Contains(first.UserAgent, "scaleway"))
	recent("when", first.CreatedAt)
	list := func(request iam.ListLogsRequest) ([]string, uint64) {
		request.Search = &group
		found := must(api.ListLogs(&request, scw.WithAllPages()))
		return each(found.Logs, logID), uint64(found.TotalCount)
	}
	pages("logs", every, func(size *uint32) ([]string, uint64) {
		return list(iam.ListLogsRequest{PageSize: size})
	})
	same("made", just(list(iam.ListLogsRequest{Action: iam.LogActionCreated})), every[:1])
	same("of groups", just(list(iam.ListLogsRequest{ResourceType: iam.LogResourceTypeGroup})), every)
	same("of users", just(list(iam.ListLogsRequest{ResourceType: iam.LogResourceTypeUser})), []string{})
	middle := found[1].CreatedAt
	same("before", just(list(iam.ListLogsRequest{CreatedBefore: middle})), every[:1])
	same("after", just(list(iam.ListLogsRequest{CreatedAfter: middle})), every[1:])
	same("elsewhere", just(list(iam.ListLogsRequest{OrganizationID: unknown})), []string{})
	backwards := iam.ListLogsRequest{OrderBy: iam.ListLogsRequestOrderByCreatedAtDesc}
	same("backwards", just(list(backwards)), reversed(every))
	same("one", must(api.GetLog(&iam.GetLogRequest{LogID: first.ID})), first)
	missing("no entry", failed(api.GetLog(&iam.GetLogRequest{LogID: unknown})), "log", unknown)
	reasons("a bad action", failed(api.ListLogs(&iam.ListLogsRequest{Action: "read"})), "action", "constraint")
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
