"""What the official SDK does with a service, configured by SCW_* variables alone.

Prints a line for each step; ends with 1 at the first that goes wrong.
"""

import dataclasses
import datetime
import uuid

from python_checks import UNKNOWN, claims, faulty, holds, refused, run, same
from scaleway import Client
from scaleway.container.v1beta1 import ContainerV1Beta1API
from scaleway.container.v1beta1.types import ContainerPrivacy
from scaleway.container.v1beta1.types import Secret as ContainerSecret
from scaleway.function.v1beta1 import FunctionV1Beta1API
from scaleway.function.v1beta1.types import FunctionPrivacy, Secret


class Product:
    """One of the two APIs, with the names that are not the same in both."""

    def __init__(self, api, kind, secret, make):
        self.api, self.kind, self.secret, self.make = api, kind, secret, make

    def call(self, verb, plural=False):
        return getattr(self.api, "%s_%s%s" % (verb, self.kind, "s" if plural else ""))

    def all(self, **arguments):
        return getattr(self.api, "list_%ss_all" % self.kind)(**arguments)

    def by_id(self, found):
        return {self.kind + "_id": found}


def namespaces(client, product):
    api, name = product.api, "sdk-" + product.kind
    made = api.create_namespace(
        name=name,
        description="by the SDK",
        environment_variables={"PLAIN": "text"},
        secret_environment_variables=[product.secret(key="HIDDEN", value="not to be seen again")],
        tags=["one", "two"],
    )
    same("name", made.name, name)
    same("project", made.project_id, client.default_project_id)
    same("organization", made.organization_id, client.default_organization_id)
    same("region", made.region, client.default_region)
    ready = api.wait_for_namespace(namespace_id=made.id)
    same("status", str(ready.status), "ready")
    same("variables", ready.environment_variables, {"PLAIN": "text"})
    same("tags", ready.tags, ["one", "two"])
    same("keys of secrets", [secret.key for secret in ready.secret_environment_variables], ["HIDDEN"])
    holds("a secret comes back as a hash", ready.secret_environment_variables[0].hashed_value.startswith("$argon2id$"))

    found = api.list_namespaces(name=name)
    same("namespaces of that name", ([one.id for one in found.namespaces], found.total_count), ([made.id], 1))
    same("none of another name", api.list_namespaces(name=name + "-not").total_count, 0)
    holds("among those of the project", made.id in [one.id for one in api.list_namespaces_all(project_id=client.default_project_id)])

    # The SDK leaves out what is None, which means the same as null: this secret is to go.
    changed = api.update_namespace(
        namespace_id=made.id,
        description="changed",
        secret_environment_variables=[product.secret(key="HIDDEN", value=None), product.secret(key="OTHER", value="x")],
    )
    same("description", changed.description, "changed")
    same("keys of secrets", sorted(secret.key for secret in api.get_namespace(namespace_id=made.id).secret_environment_variables), ["OTHER"])
    same("tags as they were", changed.tags, ["one", "two"])
    refused("a name that is taken", 409, api.create_namespace, name=name)
    return made


def applications(product, namespace):
    """Functions or containers: five, so that there are three pages of two."""
    made = [product.make(namespace.id, "number-%d" % n) for n in range(5)]
    same("privacy", {str(one.privacy) for one in made}, {"private"})
    holds("a host without a scheme", all(one.domain_name and "://" not in one.domain_name for one in made))
    same("hosts", len({one.domain_name for one in made}), 5)
    ids = [one.id for one in made]
    for size in (None, 1, 2, 5, 100):
        found = product.all(namespace_id=namespace.id, page_size=size)
        same("all, with page_size %s" % size, [one.id for one in found], ids)
    found = product.call("list", plural=True)(namespace_id=namespace.id, page=3, page_size=2, order_by="created_at_desc")
    same("the last page, backwards", ([one.id for one in getattr(found, product.kind + "s")], found.total_count), ([ids[0]], 5))
    same("by name", [one.id for one in product.all(namespace_id=namespace.id, name="number-3")], [ids[3]])

    first = product.by_id(ids[0])
    changed = product.call("update")(**first, description="changed", privacy="public", timeout="60s")
    same("changed", (changed.description, str(changed.privacy), str(changed.timeout)), ("changed", "public", "60s"))
    read = product.call("get")(**first)
    same("read again", (read.description, str(read.privacy), read.name), ("changed", "public", "number-0"))
    gone = product.call("delete")(**product.by_id(ids[4]))
    same("status", str(gone.status), "deleting")
    refused("a %s that went" % product.kind, 404, product.call("get"), **product.by_id(ids[4]))
    refused("deleted twice", 404, product.call("delete"), **product.by_id(ids[4]))
    return ids[:4]


def tokens(product, namespace, ids):
    api, of = product.api, product.by_id(ids[1])
    soon = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(hours=1)
    made = [
        api.create_token(**of),
        api.create_token(**of, description="ends", expires_at=soon),
        api.create_token(**of, expires_at=soon.astimezone(datetime.timezone(datetime.timedelta(hours=2)))),
        api.create_token(namespace_id=namespace.id, description="for all"),
    ]
    same("one key for a namespace", len({token.public_key for token in made}), 1)
    same("without an end", (made[0].expires_at, "exp" in claims(made[0].token)), (None, False))
    for token in made[1:3]:
        same("its end", token.expires_at, soon)
        same("exp", claims(token.token)["exp"], int(soon.timestamp()))
    same("for one", claims(made[0].token)["application_claim"], [{"namespace_id": "", "application_id": ids[1]}])
    same("for all", claims(made[3].token)["application_claim"], [{"namespace_id": namespace.id, "application_id": ""}])
    for token in made:
        same("jti", claims(token.token)["jti"], token.id)
        read = api.wait_for_token(token_id=token.id)
        same("read again", (read.id, read.token, read.public_key, str(read.status)), (token.id, "<hidden>", "", "ready"))
    expected = [token.id for token in made[:3]]
    for size in (None, 1, 2, 3):
        found = api.list_tokens_all(**of, page_size=size)
        same("all, with page_size %s" % size, [token.id for token in found], expected)
    holds("no text in a list", all(token.token == "<hidden>" for token in api.list_tokens_all()))
    found = api.list_tokens(**of, order_by="created_at_desc", page_size=1)
    same("the youngest first", ([token.id for token in found.tokens], found.total_count), ([expected[2]], 3))
    holds("by namespace", made[3].id in [token.id for token in api.list_tokens_all(namespace_id=namespace.id)])

    gone = api.delete_token(token_id=made[1].id)
    same("deleted", (gone.id, gone.token, str(gone.status)), (made[1].id, "", "deleting"))
    refused("a token that went", 404, api.get_token, token_id=made[1].id)
    refused("deleted twice", 404, api.delete_token, token_id=made[1].id)
    same("the others are there", [token.id for token in api.list_tokens_all(**of)], [expected[0], expected[2]])

    why = ("expires_at", "format")
    faulty("a time without an offset", [why], api.create_token, **of, expires_at=soon.replace(tzinfo=None))
    past, why = soon - datetime.timedelta(days=1), ("expires_at", "constraint")
    faulty("a time that is past", [why], api.create_token, **of, expires_at=past)
    refused("for nothing", 400, api.create_token)
    refused("for a %s that there is not" % product.kind, 404, api.create_token, **product.by_id(UNKNOWN))
    refused("for a namespace that there is not", 404, api.create_token, namespace_id=UNKNOWN)
    return made


def ends(product, namespace, ids, made):
    api = product.api
    product.call("delete")(**product.by_id(ids[1]))
    refused("a token of a %s that went" % product.kind, 404, api.get_token, token_id=made[0].id)
    api.get_token(token_id=made[3].id)
    same("status", str(api.delete_namespace(namespace_id=namespace.id).status), "deleting")
    refused("a namespace that went", 404, api.get_namespace, namespace_id=namespace.id)
    refused("what was in it", 404, product.call("get"), **product.by_id(ids[0]))
    refused("its token", 404, api.get_token, token_id=made[3].id)


def strangers(client, product, kind):
    stranger = dataclasses.replace(client, secret_key=str(uuid.uuid4()))
    body = refused("a wrong key", 401, kind(stranger).list_namespaces)
    same("why", (body["type"], body["method"], body["reason"]), ("denied_authentication", "api_key", "not_found"))
    faulty("a bad page size", [("page_size", "constraint")], product.api.list_tokens, page_size=101)


def main():
    client = Client.from_env()
    holds("all settings come from the environment", client.validate() and client.api_url.startswith("http://"))
    functions, containers = FunctionV1Beta1API(client), ContainerV1Beta1API(client)
    products = [
        Product(
            functions,
            "function",
            Secret,
            lambda namespace, name: functions.create_function(
                namespace_id=namespace, name=name, runtime="python312", privacy=FunctionPrivacy.PRIVATE
            ),
        ),
        Product(
            containers,
            "container",
            ContainerSecret,
            lambda namespace, name: containers.create_container(
                namespace_id=namespace, name=name, registry_image="registry.test/image:1", privacy=ContainerPrivacy.PRIVATE
            ),
        ),
    ]
    for product in products:
        step = "%s: %%s" % product.kind
        strangers(client, product, type(product.api))
        print(step % "strangers", flush=True)
        namespace = namespaces(client, product)
        print(step % "namespaces", flush=True)
        ids = applications(product, namespace)
        print(step % "the %ss" % product.kind, flush=True)
        made = tokens(product, namespace, ids)
        print(step % "tokens", flush=True)
        ends(product, namespace, ids, made)
        print(step % "all gone", flush=True)
    print("all passed", flush=True)


if __name__ == "__main__":
    run(main)
