"""Quotas, issued tokens, and who changed what."""

import datetime

from python_checks import UNKNOWN, claims, faulty, holds, missing, refused, same
from python_iam_scene import finds, is_recent, names, pages
from scaleway.iam.v1alpha1.types import LogAction, LogResourceType


def quota(scene):
    api = scene.iam
    found = api.list_quota_all()
    every = names(found, "name")
    same("by name", every, sorted(every))
    pages("quota", api.list_quota, api.list_quota_all, every, key="name", backwards="name_desc")
    finds("quota", api.list_quota_all, [({"quotum_names": ["users", "groups"]}, ["groups", "users"])], key="name")
    for one in found:
        same("one", api.get_quotum(quotum_name=one.name), one)
        holds("a number", one.limit and one.unlimited is None)
        same("everywhere", [(it.global_, it.limit) for it in one.limits], [(True, one.limit)])
        same("locality", str(one.locality_type), "global")
    missing("of nothing", "quotum", "nothing", api.get_quotum, quotum_name="nothing")
    faulty("a bad order", [("order_by", "constraint")], api.list_quota, order_by="limit_asc")


def jwts(scene):
    api, functions = scene.iam, scene.functions
    namespace = functions.create_namespace(name="sdk-iam").id
    function = functions.create_function(namespace_id=namespace, name="f", runtime="python312").id
    soon = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(hours=1)
    issued = [
        functions.create_token(function_id=function),
        functions.create_token(namespace_id=namespace, expires_at=soon),
        functions.create_token(function_id=function),
    ]
    ids = [claims(token.token)["jti"] for token in issued]
    of = {"audience_id": scene.owner}
    pages("tokens", api.list_jw_ts, api.list_jw_ts_all, ids, key="jti", **of)
    same("by change", names(api.list_jw_ts_all(**of, order_by="updated_at_desc"), "jti"), ids[::-1])
    cases = [({**of, "expired": True}, []), ({**of, "expired": False}, ids), ({"audience_id": UNKNOWN}, [])]
    finds("tokens", api.list_jw_ts_all, cases, key="jti")
    read = api.get_jwt(jti=ids[1])
    same("one", (read.jti, read.issuer_id, read.audience_id), (ids[1], scene.owner, scene.owner))
    same("how", (read.ip, read.expires_at), ("127.0.0.1", soon))
    holds("by the SDK", "scaleway" in read.user_agent)
    is_recent("made", read.created_at)
    same("without an end", api.get_jwt(jti=ids[0]).expires_at, None)
    same("deleted", api.delete_jwt(jti=ids[0]), None)
    for call in (api.get_jwt, api.delete_jwt):
        missing("a token that went", "jwt", ids[0], call, jti=ids[0])
    refused("gone there too", 404, functions.get_token, token_id=ids[0])
    same("the others", names(api.list_jw_ts_all(**of), "jti"), ids[1:])
    faulty("an id that is none", [("jti", "format")], api.get_jwt, jti="none")
    faulty("whose", [("audience_id", "format")], api.list_jw_ts, audience_id="none")
    functions.delete_namespace(namespace_id=namespace)
    same("none of what went", api.list_jw_ts_all(**of), [])


def logs(scene):
    api = scene.iam
    group = api.create_group(name="logged", description="").id
    api.update_group(group_id=group, name="renamed")
    api.delete_group(group_id=group)
    of = {"search": group}
    found = api.list_logs_all(**of)
    same("what was done", [str(one.action) for one in found], ["created", "updated", "deleted"])
    first = found[0]
    same("to what", (str(first.resource_type), first.resource_id), ("group", group))
    same("by whom", (first.bearer_id, first.organization_id, first.ip), (scene.owner, scene.organization, "127.0.0.1"))
    holds("with the SDK", "scaleway" in first.user_agent)
    is_recent("when", first.created_at)
    pages("logs", api.list_logs, api.list_logs_all, names(found), **of)
    middle = found[1].created_at
    cases = [
        ({"action": LogAction.CREATED}, [first.id]),
        ({"action": LogAction.UNKNOWN_ACTION}, names(found)),
        ({"resource_type": LogResourceType.GROUP}, names(found)),
        ({"resource_type": LogResourceType.UNKNOWN_RESOURCE_TYPE}, names(found)),
        ({"resource_type": LogResourceType.USER}, []),
        # The SDK sends a space for the T.
        ({"created_before": middle}, [first.id]),
        ({"created_after": middle}, names(found[1:])),
        ({"organization_id": UNKNOWN}, []),
    ]
    finds("logs", api.list_logs_all, [({**of, **filters}, expected) for filters, expected in cases])
    same("one", api.get_log(log_id=first.id), first)
    missing("no entry", "log", UNKNOWN, api.get_log, log_id=UNKNOWN)
    faulty("a bad action", [("action", "constraint")], api.list_logs, action="read")
