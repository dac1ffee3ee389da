package main

import (
	"slices"
	"strings"
	"time"

	function "github.com/scaleway/scaleway-sdk-go/api/function/v1beta1"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

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
