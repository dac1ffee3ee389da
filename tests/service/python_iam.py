"""What the official SDK does with a service's IAM, configured by SCW_* variables alone.

Prints a line for each step; ends with 1 at the first that goes wrong.
"""

from python_checks import denied, holds, refused, run, same
from python_iam_keys import api_keys, ssh_keys
from python_iam_policies import permission_sets, policies
from python_iam_principals import PASSWORD, applications, groups, users
from python_iam_records import jwts, logs, quota
from python_iam_scene import SSH_KEY, Scene, names
from scaleway import Client
from scaleway.function.v1beta1 import FunctionV1Beta1API
from scaleway.iam.v1alpha1 import IamV1Alpha1API


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
