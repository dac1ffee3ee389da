"""What the scripts about IAM share: who asks, and how lists are looked at."""

import dataclasses
import datetime

from python_checks import holds, same
from scaleway.account.v3 import AccountV3ProjectAPI
from scaleway.function.v1beta1 import FunctionV1Beta1API
from scaleway.iam.v1alpha1 import IamV1Alpha1API
from scaleway.iam.v1alpha1.types import RuleSpecs

# A key that nobody has the other half of.
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy"


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
