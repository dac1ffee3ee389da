"""What the official SDK does with a service's IAM, configured by SCW_* variables alone.

Prints a line for each step; ends with 1 at the first that goes wrong.
"""

import dataclasses
import datetime
import time

from python_checks import UNKNOWN, claims, denied, faulty, holds, missing, refused, run, same
from scaleway import Client
from scaleway.account.v3 import AccountV3ProjectAPI
from scaleway.function.v1beta1 import FunctionV1Beta1API
from scaleway.iam.v1alpha1 import IamV1Alpha1API
from scaleway.iam.v1alpha1.types import (
    BearerType,
    CreateUserRequestMember,
    ListApplicationsRequestOrderBy,
    ListUsersRequestOrderBy,
    LogAction,
    LogResourceType,
    RuleSpecs,
    UserType,
)

# A key that nobody has the other half of.
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy"
FINGERPRINT = "256 MD5:df:8c:a8:13:99:15:bb:25:1d:2e:49:c2:47:36:c0:68 (ssh-ed25519)"
PASSWORD = "a very long secret 4711"


class Scene:
    """The owner of an organization, and what their calls go through."""

    def __init__(self, client):
        self.client = client
        self.iam, self.functions = IamV1Alpha1API(client), FunctionV1Beta1API(client)
        self.projects = AccountV3ProjectAPI(client)
        self.organization, self.project = client.default_organization_id, client.default_project_id
        self.owner = self.iam.get_api_key(access_key=client.access_key).user_id

    def other_project(self):
        return self.projects.create_project(name="other", description="").id

    def caller(self, **bearer):
        """A client with a new API key of somebody, and that key."""
        key = self.iam.create_api_key(description="of a caller", **bearer)
        return dataclasses.replace(self.client, access_key=key.access_key, secret_key=key.secret_key), key

    def everywhere(self, *sets):
        # Without it the SDK would send an empty list of projects, and no organization.
        scope = {"organization_id": self.organization, "project_ids": None}
        return RuleSpecs(condition="", permission_set_names=list(sets), **scope)


def names(items, key="id"):
    return [getattr(item, key) for item in items]


def items_of(page):
    return next(value for value in vars(page).values() if isinstance(value, list))


def pages(what, one, every, expected, key="id", backwards="created_at_desc", **filters):
    """Each way in which the SDK turns pages finds exactly these, in this order."""
    for size in (None, 1, 2, 3, 100):
        same("%s: all, with page_size %s" % (what, size), names(every(**filters, page_size=size), key), expected)
    first = one(**filters, page_size=1)
    same("%s: the first" % what, (names(items_of(first), key), first.total_count), (expected[:1], len(expected)))
    behind = one(**filters, page=len(expected) + 1, page_size=1)
    same("%s: behind the end" % what, (items_of(behind), behind.total_count), ([], len(expected)))
    if backwards:
        found = every(**filters, page_size=2, order_by=backwards)
        same("%s: backwards" % what, names(found, key), expected[::-1])


def finds(what, every, cases, key="id"):
    """What a list has with each of these filters."""
    for filters, expected in cases:
        same("%s with %r" % (what, filters), names(every(**filters), key), expected)


def is_recent(what, at):
    age = (datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()
    holds("%s: %s is no time of this run" % (what, at), -2 < age < 600)


def ssh_keys(scene):
    api = scene.iam
    # The comment and the end of the line are not part of the key.
    made = [api.create_ssh_key(name=name, public_key=SSH_KEY + " ada@laptop\n") for name in ("one", "two")]
    other = scene.other_project()
    made.append(api.create_ssh_key(public_key=SSH_KEY, project_id=other))
    for key in made:
        same("key", (key.public_key, key.fingerprint, key.disabled), (SSH_KEY, FINGERPRINT, False))
        same("organization", key.organization_id, scene.organization)
        is_recent("made", key.created_at)
        same("read again", api.get_ssh_key(ssh_key_id=key.id), key)
    same("projects", names(made, "project_id"), [scene.project, scene.project, other])
    holds("a name of the SDK's", made[2].name.startswith("key"))
    one, two, three = names(made)
    # The SDK asks for those of the default project, if none is named.
    pages("SSH keys", api.list_ssh_keys, api.list_ssh_keys_all, [one, two])
    changed = api.update_ssh_key(ssh_key_id=two, name="renamed", disabled=True)
    same("changed", (changed.name, changed.disabled, changed.public_key), ("renamed", True, SSH_KEY))
    same("disabled", api.get_ssh_key(ssh_key_id=two).disabled, True)
    cases = [
        ({"name": "renamed"}, [two]),
        ({"project_id": other}, [three]),
        ({"disabled": True}, [two]),
        ({"disabled": False}, [one]),
        ({"organization_id": scene.organization}, [one, two]),
        ({"organization_id": UNKNOWN}, []),
        ({"order_by": "name_desc"}, [two, one]),
    ]
    finds("SSH keys", api.list_ssh_keys_all, cases)
    faulty("no key", [("public_key", "format")], api.create_ssh_key, public_key="ssh-ed25519 AAAA")
    missing("in no project", "project_id", UNKNOWN, api.create_ssh_key, public_key=SSH_KEY, project_id=UNKNOWN)
    for key in made:
        same("deleted", api.delete_ssh_key(ssh_key_id=key.id), None)
    gone = {"ssh_key_id": one}
    missing("an SSH key that went", "ssh_key", one, api.get_ssh_key, **gone)
    missing("changed", "ssh_key", one, api.update_ssh_key, **gone, name="x")
    missing("deleted twice", "ssh_key", one, api.delete_ssh_key, **gone)
    faulty("an id that is none", [("id", "format")], api.get_ssh_key, ssh_key_id="none")
    same("none left", api.list_ssh_keys_all(), [])
    scene.projects.delete_project(project_id=other)


def users(scene):
    api, owner = scene.iam, scene.iam.get_user(user_id=scene.owner)
    same("the owner", (owner.type_, owner.deletable, owner.locked), (UserType.OWNER, False, False))
    guest = api.create_user(email="guest@issuer.test", tags=["one", "two"])
    same("a guest", (guest.type_, guest.status, guest.username), ("guest", "invitation_pending", guest.email))
    same("tags", (guest.tags, guest.locale), (["one", "two"], ""))

    def member(name, **settings):
        return CreateUserRequestMember(
            email=name + "@issuer.test",
            send_password_email=False,
            send_welcome_email=False,
            username=name,
            password=PASSWORD,
            first_name="Ada",
            last_name="Lovelace",
            phone_number="",
            locale="",
        )

    ada = api.create_user(member=member("ada"))
    same("a member", (ada.type_, ada.status, ada.locale), (UserType.MEMBER, "activated", "en_US"))
    same("who", (ada.email, ada.username, ada.first_name, ada.last_name), ("ada@issuer.test", "ada", "Ada", "Lovelace"))
    same("rights", (ada.deletable, ada.mfa, ada.last_login_at, ada.account_root_user_id), (True, False, None, ""))
    is_recent("made", ada.created_at)
    same("organization", ada.organization_id, scene.organization)
    for user in (guest, ada):
        same("read again", api.get_user(user_id=user.id), user)
    every = [scene.owner, guest.id, ada.id]
    pages("users", api.list_users, api.list_users_all, every)
    cases = [
        ({"user_ids": [ada.id, guest.id]}, [guest.id, ada.id]),
        ({"type_": UserType.MEMBER}, [ada.id]),
        ({"type_": UserType.OWNER}, [scene.owner]),
        ({"type_": UserType.UNKNOWN_TYPE}, every),
        ({"tag": "two"}, [guest.id]),
        ({"mfa": True}, []),
        ({"mfa": False}, every),
        ({"user_ids": every[1:], "order_by": ListUsersRequestOrderBy.USERNAME_ASC}, [ada.id, guest.id]),
        ({"user_ids": every[1:], "order_by": ListUsersRequestOrderBy.EMAIL_DESC}, [guest.id, ada.id]),
    ]
    finds("users", api.list_users_all, cases)

    of = {"user_id": ada.id}
    changed = api.update_user(**of, tags=["three"], first_name="Augusta", locale="fr_FR", phone_number="+33123456789")
    same("changed", (changed.tags, changed.first_name, changed.last_name), (["three"], "Augusta", "Lovelace"))
    same("read again", api.get_user(**of), changed)
    same("no tags", api.update_user(**of, tags=[]).tags, [])
    same("email", api.update_user(**of, email="augusta@issuer.test").email, "augusta@issuer.test")
    same("username", api.update_user_username(**of, username="augusta").username, "augusta")
    same("password", api.update_user_password(**of, password=PASSWORD + "!").id, ada.id)
    same("grace periods", api.list_grace_periods(**of).grace_periods, [])
    same("one's own", api.list_grace_periods().grace_periods, [])

    caller, _ = scene.caller(**of)
    its = IamV1Alpha1API(caller)
    denied("without rights", "list", "user", its.list_users)
    same("locked", api.lock_user(**of).locked, True)
    body = refused("a key of whoever is locked", 401, its.list_users)
    same("why", (body["type"], body["method"]), ("denied_authentication", "api_key"))
    same("unlocked", (api.unlock_user(**of).locked, api.get_user(**of).locked), (False, False))
    denied("no longer locked", "list", "user", its.list_users)

    why = ("email", "required")
    faulty("nobody", [why], api.create_user)
    faulty("no address", [("email", "format")], api.create_user, email="guest")
    why = ("member.password", "constraint")
    faulty("a bad password", [why], api.create_user, member=dataclasses.replace(member("bob"), password="short"))
    faulty("a password with the name", [("password", "constraint")], api.update_user_password, **of, password="my-augusta-1")
    body = refused("an address that is taken", 409, api.create_user, email="guest@issuer.test")
    same("whose", (body["type"], body["resource"], body["resource_id"]), ("already_exists", "user", guest.id))
    body = refused("a username that is taken", 409, api.update_user_username, **of, username="guest@issuer.test")
    same("whose", (body["type"], body["resource"], body["resource_id"]), ("already_exists", "user", guest.id))
    for call in (api.delete_user, api.lock_user):
        body = refused("the owner", 412, call, user_id=scene.owner)
        same("type", (body["type"], body["precondition"]), ("precondition_failed", "unknown_precondition"))
        holds("in words", body["help_message"])
    for user in (guest, ada):
        same("deleted", api.delete_user(user_id=user.id), None)
    refused("a key of whoever went", 401, its.list_users)
    for call in (api.get_user, api.update_user, api.delete_user, api.lock_user, api.unlock_user, api.list_grace_periods):
        missing("a user who went", "user", ada.id, call, **of)
    missing("username", "user", ada.id, api.update_user_username, **of, username="x")
    missing("password", "user", ada.id, api.update_user_password, **of, password=PASSWORD)
    same("as before", names(api.list_users_all()), [scene.owner])


def applications(scene):
    api = scene.iam
    made = [api.create_application(name="one", description="the first", tags=["a", "b"])]
    made += [api.create_application(description=""), api.create_application(name="three", description="")]
    for one in made:
        same("organization", one.organization_id, scene.organization)
        same("flags", (one.editable, one.deletable, one.managed, one.nb_api_keys), (True, True, False, 0))
        is_recent("made", one.created_at)
        same("read again", api.get_application(application_id=one.id), one)
    first, second, third = names(made)
    holds("a name of the SDK's", made[1].name.startswith("app"))
    pages("applications", api.list_applications, api.list_applications_all, [first, second, third])
    cases = [
        ({"name": "three"}, [third]),
        ({"tag": "b"}, [first]),
        ({"application_ids": [third, first]}, [first, third]),
        ({"editable": True}, [first, second, third]),
        ({"editable": False}, []),
        ({"organization_id": UNKNOWN}, []),
        ({"name": "one", "tag": "c"}, []),
        ({"order_by": ListApplicationsRequestOrderBy.NAME_DESC}, [third, first, second]),
    ]
    finds("applications", api.list_applications_all, cases)
    of = {"application_id": first}
    changed = api.update_application(**of, name="renamed", tags=[])
    same("changed", (changed.name, changed.tags, changed.description), ("renamed", [], "the first"))
    holds("changed after it was made", changed.updated_at > changed.created_at)
    same("read again", api.get_application(**of), changed)
    _, key = scene.caller(**of)
    same("keys", api.get_application(**of).nb_api_keys, 1)

    create = api.create_application
    faulty("a long name", [("name", "constraint")], create, name="x" * 65, description="")
    faulty("a long description", [("description", "constraint")], create, description="x" * 201)
    faulty("many tags", [("tags", "constraint")], create, description="", tags=[str(n) for n in range(11)])
    faulty("a bad page size", [("page_size", "constraint")], api.list_applications, page_size=101)
    faulty("a bad order", [("order_by", "constraint")], api.list_applications, order_by="tag_asc")
    for one in made:
        same("deleted", api.delete_application(application_id=one.id), None)
    for call in (api.get_application, api.update_application, api.delete_application):
        missing("an application that went", "application", first, call, **of)
    missing("its key", "access_key", key.access_key, api.get_api_key, access_key=key.access_key)
    same("none left", api.list_applications_all(), [])


def groups(scene):
    api = scene.iam
    made = [api.create_group(name="one", description="the first", tags=["a"])]
    made += [api.create_group(description=""), api.create_group(name="three", description="")]
    for one in made:
        same("nobody in it", (one.user_ids, one.application_ids), ([], []))
        same("flags", (one.editable, one.deletable, one.managed), (True, True, False))
        same("read again", api.get_group(group_id=one.id), one)
    first, second, third = names(made)
    holds("a name of the SDK's", made[1].name.startswith("grp"))
    of = {"group_id": first}
    changed = api.update_group(**of, description="changed", tags=["b", "c"])
    same("changed", (changed.name, changed.description, changed.tags), ("one", "changed", ["b", "c"]))

    some = [api.create_application(name="some-%d" % n, description="").id for n in range(3)]
    guest = api.create_user(email="guest@issuer.test").id

    def members(what, group, users, applications):
        same(what, (group.user_ids, group.application_ids), (users, applications))
        same("%s: read again" % what, api.get_group(**of), group)
        same("%s: when it was changed" % what, group.updated_at, changed.updated_at)

    members("one user", api.add_group_member(**of, user_id=guest), [guest], [])
    members("an application", api.add_group_member(**of, application_id=some[2]), [guest], [some[2]])
    members("twice", api.add_group_member(**of, application_id=some[2]), [guest], [some[2]])
    many = api.add_group_members(**of, user_ids=[scene.owner], application_ids=some[:2])
    members("many", many, [guest, scene.owner], [some[2], some[0], some[1]])
    members("without one", api.remove_group_member(**of, user_id=guest), [scene.owner], [some[2], some[0], some[1]])
    taken = api.remove_group_member(**of, application_id=some[0])
    members("nor an application", taken, [scene.owner], [some[2], some[1]])
    members("others", api.set_group_members(**of, user_ids=[guest], application_ids=some[:1]), [guest], some[:1])
    pages("groups", api.list_groups, api.list_groups_all, [first, second, third])
    cases = [
        ({"name": "three"}, [third]),
        ({"tag": "c"}, [first]),
        ({"group_ids": [third, second]}, [second, third]),
        ({"user_ids": [guest]}, [first]),
        ({"user_ids": [scene.owner]}, []),
        ({"application_ids": some}, [first]),
        ({"application_ids": some[1:]}, []),
    ]
    finds("groups", api.list_groups_all, cases)

    body = refused("a name that is taken", 409, api.create_group, name="three", description="")
    same("whose", (body["type"], body["resource"], body["resource_id"]), ("already_exists", "group", third))
    refused("changed to it", 409, api.update_group, **of, name="three")
    # As recorded.
    missing("somebody who isn't in it", "", scene.owner, api.remove_group_member, **of, user_id=scene.owner)
    missing("nobody", "user", UNKNOWN, api.add_group_member, **of, user_id=UNKNOWN)
    missing("no application", "application", UNKNOWN, api.add_group_members, **of, application_ids=[UNKNOWN])
    missing("nobody to set", "user", UNKNOWN, api.set_group_members, **of, user_ids=[UNKNOWN], application_ids=[])
    why = [("user_id", "required"), ("application_id", "required")]
    faulty("neither", why, api.add_group_member, **of)
    api.delete_application(application_id=some[0])
    members("an application went", api.get_group(**of), [guest], [])
    members("nobody", api.set_group_members(**of, user_ids=[], application_ids=[]), [], [])
    for one in made:
        same("deleted", api.delete_group(group_id=one.id), None)
    calls = [api.get_group, api.update_group, api.delete_group, api.add_group_members]
    for call in calls:
        missing("a group that went", "group", first, call, **of)
    missing("its members", "group", first, api.set_group_members, **of, user_ids=[], application_ids=[])
    missing("one more", "group", first, api.add_group_member, **of, user_id=guest)
    missing("one less", "group", first, api.remove_group_member, **of, user_id=guest)
    for application in some[1:]:
        api.delete_application(application_id=application)
    api.delete_user(user_id=guest)
    same("none left", api.list_groups_all(), [])


def api_keys(scene):
    api, own = scene.iam, scene.client.access_key
    application = api.create_application(name="some", description="").id
    of = {"application_id": application}
    guest = api.create_user(email="guest@issuer.test").id
    soon = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(hours=1)
    made = [
        api.create_api_key(description="one", **of),
        api.create_api_key(description="ends", **of, expires_at=soon, default_project_id=scene.project),
        api.create_api_key(description="a guest's", user_id=guest),
    ]
    for key in made:
        holds("a secret key, once", len(key.secret_key) == 36)
        same("project", key.default_project_id, scene.project)
        same("flags", (key.editable, key.deletable, key.managed, key.creation_ip), (True, True, False, "127.0.0.1"))
        is_recent("made", key.created_at)
        read = api.get_api_key(access_key=key.access_key)
        same("read again", read, dataclasses.replace(key, secret_key=None))
    same("bearers", [(key.application_id, key.user_id) for key in made], [(application, None)] * 2 + [(None, guest)])
    same("ends", names(made, "expires_at"), [None, soon, None])
    first, second, third = names(made, "access_key")
    every = [own, first, second, third]
    pages("API keys", api.list_api_keys, api.list_api_keys_all, every, key="access_key")
    cases = [
        ({"application_id": application}, [first, second]),
        ({"user_id": guest}, [third]),
        ({"bearer_id": application}, [first, second]),
        ({"bearer_type": BearerType.USER}, [own, third]),
        ({"bearer_type": BearerType.APPLICATION}, [first, second]),
        ({"bearer_type": BearerType.UNKNOWN_BEARER_TYPE}, every),
        ({"access_key": second}, [second]),
        ({"access_keys": [third, first]}, [first, third]),
        ({"description": "ends"}, [second]),
        ({"expired": True}, []),
        ({"expired": False}, every),
        ({"editable": True}, every),
        ({"editable": False}, []),
        ({"organization_id": UNKNOWN}, []),
    ]
    finds("API keys", api.list_api_keys_all, cases, key="access_key")
    holds("no secret in a list", all(key.secret_key is None for key in api.list_api_keys_all()))

    changed = api.update_api_key(access_key=first, description="changed", expires_at=soon)
    same("changed", (changed.description, changed.expires_at, changed.secret_key), ("changed", soon, None))
    same("read again", api.get_api_key(access_key=first), changed)
    create = api.create_api_key
    neither = [("user_id", "required"), ("application_id", "required")]
    faulty("for neither", neither, create, description="")
    faulty("a long description", [("description", "constraint")], create, description="x" * 201, **of)
    past, why = soon - datetime.timedelta(days=1), ("expires_at", "constraint")
    faulty("a time that is past", [why], create, description="", **of, expires_at=past)
    why = ("expires_at", "format")
    faulty("a time without an offset", [why], create, description="", **of, expires_at=soon.replace(tzinfo=None))
    missing("for nobody", "user", UNKNOWN, create, description="", user_id=UNKNOWN)
    missing("in no project", "project_id", UNKNOWN, create, description="", **of, default_project_id=UNKNOWN)

    # In whole seconds, so at the latest in two.
    end = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=2)
    short = create(description="short", **of, expires_at=end)
    caller = dataclasses.replace(scene.client, access_key=short.access_key, secret_key=short.secret_key)
    while datetime.datetime.now(datetime.timezone.utc) < end:
        time.sleep(0.1)
    body = refused("a key that has ended", 401, IamV1Alpha1API(caller).list_users)
    same("why", (body["type"], body["reason"]), ("denied_authentication", "expired"))
    finds("API keys", api.list_api_keys_all, [({"expired": True}, [short.access_key])], key="access_key")

    for key in made:
        same("deleted", api.delete_api_key(access_key=key.access_key), None)
    caller = dataclasses.replace(scene.client, access_key=first, secret_key=made[0].secret_key)
    body = refused("a key that went", 401, IamV1Alpha1API(caller).list_users)
    same("why", (body["type"], body["reason"]), ("denied_authentication", "not_found"))
    for call in (api.get_api_key, api.update_api_key, api.delete_api_key):
        missing("a key that went", "access_key", first, call, access_key=first)
    api.delete_application(application_id=application)
    api.delete_user(user_id=guest)
    same("as before", names(api.list_api_keys_all(), "access_key"), [own])


def principal(policy):
    """Whom a policy is for: one member alone."""
    kinds = ("application_id", "group_id", "user_id", "no_principal")
    return {kind: getattr(policy, kind) for kind in kinds if getattr(policy, kind)}


def policies(scene):
    api, before = scene.iam, names(scene.iam.list_policies_all())
    application = api.create_application(name="some", description="").id
    group = api.create_group(name="some", description="").id
    guest = api.create_user(email="guest@issuer.test").id
    other = scene.other_project()
    rules = [
        scene.everywhere("FunctionsReadOnly", "ContainersReadOnly"),
        RuleSpecs(
            condition="request.user_agent == 'terraform-test'",
            permission_set_names=["FunctionsFullAccess"],
            project_ids=[scene.project, other],
        ),
        scene.everywhere("IAMReadOnly"),
    ]
    made = [
        api.create_policy(name="a", description="the first", rules=rules, tags=["t"], application_id=application),
        api.create_policy(name="b", description="", group_id=group),
        api.create_policy(name="c", description="", user_id=guest),
        api.create_policy(description="", no_principal=True),
    ]
    holds("a name of the SDK's", made[3].name.startswith("pol"))
    for one in made:
        same("organization", one.organization_id, scene.organization)
        same("flags", (one.editable, one.deletable, one.managed), (True, True, False))
        is_recent("made", one.created_at)
    # The answer of the platform that makes one doesn't count yet.
    reads = [api.get_policy(policy_id=one.id) for one in made]
    counts = [(one.nb_rules, one.nb_scopes, one.nb_permission_sets) for one in reads]
    same("counts", counts, [(3, 3, 4), (0, 0, 0), (0, 0, 0), (0, 0, 0)])
    expected = [{"application_id": application}, {"group_id": group}, {"user_id": guest}, {"no_principal": True}]
    same("principals", [principal(one) for one in reads], expected)
    first, second, third, fourth = names(made)
    # By name, if not asked otherwise.
    pages("policies", api.list_policies, api.list_policies_all, names(made), backwards="policy_name_desc")
    pages("by time", api.list_policies, api.list_policies_all, names(made), order_by="created_at_asc", backwards=None)
    cases = [
        ({"policy_name": "b"}, [second]),
        ({"tag": "t"}, [first]),
        ({"policy_ids": [third, first]}, [first, third]),
        ({"application_ids": [application]}, [first]),
        ({"group_ids": [group]}, [second]),
        ({"user_ids": [guest]}, [third]),
        ({"no_principal": True}, [fourth]),
        ({"no_principal": False}, [first, second, third]),
        ({"editable": True}, [first, second, third, fourth]),
        ({"organization_id": UNKNOWN}, []),
    ]
    finds("policies", api.list_policies_all, cases)

    def shown(rule):
        where = (rule.organization_id, rule.project_ids)
        return (rule.permission_set_names, str(rule.permission_sets_scope_type), rule.condition) + where

    of = {"policy_id": first}
    found = api.list_rules_all(**of)
    own = (scene.organization, [])
    expected = [
        (["FunctionsReadOnly", "ContainersReadOnly"], "projects", "") + own,
        (["FunctionsFullAccess"], "projects", rules[1].condition, None, [scene.project, other]),
        (["IAMReadOnly"], "organization", "") + own,
    ]
    same("rules", [shown(rule) for rule in found], expected)
    pages("rules", api.list_rules, api.list_rules_all, names(found), backwards=None, **of)
    clone = api.clone_policy(**of)
    holds("another one", clone.id != first)
    same("like it", (clone.application_id, clone.description, clone.tags), (application, "the first", ["t"]))
    copies = api.list_rules_all(policy_id=clone.id)
    same("with its rules", [shown(rule) for rule in copies], expected)
    holds("which are others", not set(names(copies)) & set(names(found)))
    changed = api.set_rules(**of, rules=rules[2:]).rules
    same("rules", [shown(rule) for rule in changed], expected[2:])
    holds("a new id", changed[0].id not in names(found))
    same("read again", api.list_rules_all(**of), changed)
    same("the clone's as they were", api.list_rules_all(policy_id=clone.id), copies)
    same("no rules", (api.set_rules(**of, rules=[]).rules, api.get_policy(**of).nb_rules), ([], 0))

    changed = api.update_policy(**of, name="renamed", description="changed", tags=["u"])
    same("changed", (changed.name, changed.description, changed.tags), ("renamed", "changed", ["u"]))
    same("still for it", changed.application_id, application)
    same("when it was changed", changed.updated_at, made[0].updated_at)
    for another in ({"group_id": group}, {"user_id": guest}, {"no_principal": True}, {"application_id": application}):
        changed = api.update_policy(**of, **another)
        same("for another", principal(changed), another)
        same("read again", api.get_policy(**of), changed)

    create = api.create_policy
    unknown = [scene.everywhere("Everything")]
    faulty("no such set", [("rules.permission_set_names", "constraint")], create, description="", rules=unknown)
    faulty("set", [("rules.permission_set_names", "constraint")], api.set_rules, **of, rules=unknown)
    mixed = [scene.everywhere("IAMReadOnly", "FunctionsReadOnly")]
    faulty("sets of two scopes", [("rules.permission_set_names", "constraint")], api.set_rules, **of, rules=mixed)
    broken = [dataclasses.replace(rules[2], condition="request.")]
    faulty("a bad condition", [("rules.condition", "constraint")], api.set_rules, **of, rules=broken)
    missing("for nobody", "user", UNKNOWN, create, description="", user_id=UNKNOWN)
    missing("for no group", "group", UNKNOWN, api.update_policy, **of, group_id=UNKNOWN)
    elsewhere = [dataclasses.replace(rules[1], project_ids=[UNKNOWN])]
    missing("in no project", "project_id", UNKNOWN, api.set_rules, **of, rules=elsewhere)
    # Whoever a policy was for may go; it stays.
    api.delete_application(application_id=application)
    api.delete_group(group_id=group)
    api.delete_user(user_id=guest)
    for one in [*made, clone]:
        same("for nobody", api.get_policy(policy_id=one.id).no_principal, True)
        same("deleted", api.delete_policy(policy_id=one.id), None)
    for call in (api.get_policy, api.update_policy, api.delete_policy, api.clone_policy, api.list_rules):
        missing("a policy that went", "policy", first, call, **of)
    missing("its rules", "policy", first, api.set_rules, **of, rules=[])
    same("as before", names(api.list_policies_all()), before)
    scene.projects.delete_project(project_id=other)


def permission_sets(scene):
    api = scene.iam
    found = api.list_permission_sets_all()
    every = names(found, "name")
    same("by name", every, sorted(every))
    pages("sets", api.list_permission_sets, api.list_permission_sets_all, every, key="name", backwards="name_desc")
    types = {one.name: str(one.scope_type) for one in found}
    same("of projects", {types[name] for name in ("FunctionsReadOnly", "ContainersPrivateAccess")}, {"projects"})
    same("of the organization", types["IAMManager"], "organization")
    holds("in words", all(one.description for one in found))
    same("ids", len(set(names(found))), len(found))
    same("of no other organization", api.list_permission_sets_all(organization_id=UNKNOWN), [])


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


def without_rights(scene):
    """Each kind of thing says that it may not be seen or changed, and what would be needed."""
    api = scene.iam
    application = api.create_application(name="nobody", description="").id
    caller, key = scene.caller(application_id=application)
    group = api.create_group(name="some", description="").id
    policy = api.create_policy(name="some", description="").id
    its = IamV1Alpha1API(caller)
    rule = [scene.everywhere("IAMManager")]
    for action, resource, call, arguments in [
        ("create", "ssh_key", its.create_ssh_key, {"public_key": SSH_KEY}),
        ("list", "ssh_key", its.list_ssh_keys, {}),
        ("create", "user", its.create_user, {"email": "more@issuer.test"}),
        ("read", "user", its.get_user, {"user_id": scene.owner}),
        ("edit", "user", its.lock_user, {"user_id": scene.owner}),
        ("edit", "user", its.update_user_password, {"user_id": scene.owner, "password": PASSWORD}),
        ("list", "application", its.list_applications, {}),
        ("edit", "application", its.update_application, {"application_id": application, "name": "x"}),
        ("list", "group", its.list_groups, {}),
        ("edit", "group", its.add_group_member, {"group_id": group, "application_id": application}),
        ("delete", "group", its.delete_group, {"group_id": group}),
        ("create", "policy", its.create_policy, {"description": "", "application_id": application, "rules": rule}),
        ("edit", "policy", its.set_rules, {"policy_id": policy, "rules": rule}),
        ("read", "policy", its.list_rules, {"policy_id": policy}),
        ("create", "policy", its.clone_policy, {"policy_id": policy}),
        ("read", "api_key", its.get_api_key, {"access_key": key.access_key}),
        ("create", "api_key", its.create_api_key, {"description": "", "user_id": scene.owner}),
        ("list", "quota", its.list_quota, {}),
        ("read", "quota", its.get_quotum, {"quotum_name": "users"}),
        ("list", "permission_set", its.list_permission_sets, {}),
        ("list", "log", its.list_logs, {}),
    ]:
        denied("%s %s" % (action, resource), action, resource, call, **arguments)
    api.delete_application(application_id=application)
    api.delete_group(group_id=group)
    api.delete_policy(policy_id=policy)


def story(scene):
    """An application reads tokens, may make some by a new rule, and nothing once its policy is gone."""
    api = scene.iam
    namespace = scene.functions.create_namespace(name="sdk-story").id
    function = scene.functions.create_function(namespace_id=namespace, name="f", runtime="python312").id
    owners = scene.functions.create_token(function_id=function).id
    application = api.create_application(name="deployer", description="").id
    rules = [scene.everywhere("FunctionsReadOnly")]
    policy = api.create_policy(name="of-the-deployer", description="", application_id=application, rules=rules).id
    caller, _ = scene.caller(application_id=application)
    its = FunctionV1Beta1API(caller)
    same("it reads", names(its.list_tokens_all(function_id=function)), [owners])
    denied("it may not make one", "create", "function_token", its.create_token, function_id=function)
    api.set_rules(policy_id=policy, rules=[scene.everywhere("FunctionsFullAccess")])
    made = its.create_token(function_id=function).id
    same("it may make one", names(its.list_tokens_all(function_id=function)), [owners, made])
    same("whose it is", names(api.list_jw_ts_all(audience_id=application), "jti"), [made])
    api.delete_policy(policy_id=policy)
    denied("it may make none any more", "create", "function_token", its.create_token, function_id=function)
    denied("nor read any", "list", "function_token", its.list_tokens, function_id=function)
    api.delete_application(application_id=application)
    refused("nor is it anybody", 401, its.list_tokens, function_id=function)
    scene.functions.delete_namespace(namespace_id=namespace)


def main():
    client = Client.from_env()
    holds("all settings come from the environment", client.validate() and client.api_url.startswith("http://"))
    scene = Scene(client)
    steps = [ssh_keys, users, applications, groups, api_keys, policies]
    steps += [permission_sets, quota, jwts, logs, without_rights, story]
    for step in steps:
        step(scene)
        print("iam: %s" % step.__name__.replace("_", " "), flush=True)
    print("all passed", flush=True)


if __name__ == "__main__":
    run(main)
