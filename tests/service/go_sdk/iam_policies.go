package main

import (
	"slices"
	"strings"

	account "github.com/scaleway/scaleway-sdk-go/api/account/v3"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

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
	reasons("no such set", err, "rules[0].permission_set_names", "constraint")
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

	sets := []string{"rules[0].permission_set_names", "constraint"}
	reasons("no such set", failed(set(s.everywhere("Everything"))), sets...)
	reasons("sets of two scopes", failed(set(s.everywhere("IAMReadOnly", "FunctionsReadOnly"))), sets...)
	broken := *rules[2]
	broken.Condition = "request."
	reasons("a bad condition", failed(set(&broken)), "rules[0].condition", "constraint")
	both := *rules[2]
	both.ProjectIDs = &[]string{s.project}
	reasons("both scopes", failed(set(&both)), "rules[0].organization_id", "constraint", "rules[0].project_ids", "constraint")
	neither := iam.RuleSpecs{PermissionSetNames: rules[0].PermissionSetNames}
	reasons("no scope", failed(set(&neither)), "rules[0].organization_id", "required", "rules[0].project_ids", "required")
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
