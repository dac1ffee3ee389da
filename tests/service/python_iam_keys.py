"""SSH and API keys."""

import dataclasses
import datetime
import time

from python_checks import UNKNOWN, faulty, holds, missing, refused, same
from python_iam_scene import SSH_KEY, finds, is_recent, names, pages
from scaleway.iam.v1alpha1 import IamV1Alpha1API
from scaleway.iam.v1alpha1.types import BearerType

FINGERPRINT = "256 MD5:df:8c:a8:13:99:15:bb:25:1d:2e:49:c2:47:36:c0:68 (ssh-ed25519)"


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
