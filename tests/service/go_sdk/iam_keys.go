package main

import (
	"strings"
	"time"

	account "github.com/scaleway/scaleway-sdk-go/api/account/v3"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

// A key that nobody has the other half of.
const (
	sshKey      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy"
	fingerprint = "256 MD5:df:8c:a8:13:99:15:bb:25:1d:2e:49:c2:47:36:c0:68 (ssh-ed25519)"
)

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
