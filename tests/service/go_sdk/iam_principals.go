package main

import (
	"strings"

	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

const password = "a very long secret 4711"

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
