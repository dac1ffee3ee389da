"""Users, applications and groups."""

import dataclasses

from python_checks import UNKNOWN, denied, faulty, holds, missing, refused, same
from python_iam_scene import finds, is_recent, names, pages
from scaleway.iam.v1alpha1 import IamV1Alpha1API
from scaleway.iam.v1alpha1.types import (
    CreateUserRequestMember,
    ListApplicationsRequestOrderBy,
    ListUsersRequestOrderBy,
    UserType,
)

PASSWORD = "a very long secret 4711"


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
