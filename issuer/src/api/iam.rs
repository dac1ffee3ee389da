//! `/iam/v1alpha1`: who may do what.

mod api_keys;
mod applications;
mod groups;
mod jwts;
mod logs;
mod policies;
mod quotas;
mod rules;
mod ssh_keys;
mod users;

use uuid::Uuid;

use super::arguments::Arguments;
use super::call::Everywhere;
use super::error::Errors;
use super::reader::Reader;
use super::routes::Routes;
use crate::authority::refusal::{FaultReason, Resource};
use crate::iam::action::{Access, Action};
use crate::model::Product;
use crate::model::bearer::BearerKind;
use crate::model::iam_application::{Titled, TitledChange};
use crate::model::page::{Page, PageRequest};

/// The most characters of a description.
const MAX_DESCRIPTION: usize = 200;

/// The most labels.
const MAX_TAGS: usize = 10;

/// Adds the routes.
pub fn add_to(routes: &mut Routes) {
    use Access::{Create, Delete, Edit, List, Read};

    let mut at = routes.group("/iam/v1alpha1", "IAM v1alpha1", Errors::Typed, Everywhere);

    let to = Action::SshKey;
    let path = "/ssh-keys";
    at.get(path, ("ListSSHKeys", "List SSH keys"), to(List), ssh_keys::filter, ssh_keys::list);
    at.post(path, ("CreateSSHKey", "Keep an SSH key"), to(Create), ssh_keys::new, ssh_keys::create);
    let path = "/ssh-keys/{id}";
    at.get(path, ("GetSSHKey", "Read an SSH key"), to(Read), ssh_keys::id, ssh_keys::read);
    let words = ("UpdateSSHKey", "Change an SSH key");
    at.patch(path, words, to(Edit), ssh_keys::change, ssh_keys::update);
    let words = ("DeleteSSHKey", "Delete an SSH key");
    at.delete(path, words, to(Delete), ssh_keys::id, ssh_keys::delete);

    let to = Action::User;
    let path = "/users";
    at.get(path, ("ListUsers", "List users"), to(List), users::filter, users::list);
    let words = ("CreateUser", "Invite a guest, or make a member");
    at.post(path, words, to(Create), users::new, users::create);
    let path = "/users/{id}";
    at.get(path, ("GetUser", "Read a user"), to(Read), users::id, users::read);
    at.patch(path, ("UpdateUser", "Change a user"), to(Edit), users::change, users::update);
    let words = ("DeleteUser", "Delete a user, with their API keys");
    at.delete(path, words, to(Delete), users::id, users::delete);
    let words = ("LockUser", "Do nothing more that a user asks for");
    at.post("/users/{id}/lock", words, to(Edit), users::lock, users::update);
    let words = ("UnlockUser", "Do again what a user asks for");
    at.post("/users/{id}/unlock", words, to(Edit), users::unlock, users::update);
    let words = ("UpdateUserUsername", "Set the name that a user signs in with");
    at.post("/users/{id}/update-username", words, to(Edit), users::rename, users::update);
    let words = ("UpdateUserPassword", "Set the password of a user");
    let path = "/users/{id}/update-password";
    at.post(path, words, to(Edit), users::password, users::set_password);
    let words = ("ListGracePeriods", "List until when a user has to set something: never here");
    let path = "/grace-periods";
    at.get(path, words, to(Read), users::of_user, users::grace_periods);

    let to = Action::IamApplication;
    let path = "/applications";
    let words = ("ListApplications", "List applications");
    at.get(path, words, to(List), applications::filter, applications::list);
    let words = ("CreateApplication", "Make an application");
    at.post(path, words, to(Create), titled, applications::create);
    let path = "/applications/{id}";
    let words = ("GetApplication", "Read an application");
    at.get(path, words, to(Read), applications::id, applications::read);
    let words = ("UpdateApplication", "Change an application");
    at.patch(path, words, to(Edit), applications::change, applications::update);
    let words = ("DeleteApplication", "Delete an application, with its API keys");
    at.delete(path, words, to(Delete), applications::id, applications::delete);

    let to = Action::Group;
    let path = "/groups";
    at.get(path, ("ListGroups", "List groups"), to(List), groups::filter, groups::list);
    at.post(path, ("CreateGroup", "Make a group"), to(Create), titled, groups::create);
    let path = "/groups/{id}";
    at.get(path, ("GetGroup", "Read a group"), to(Read), groups::id, groups::read);
    at.patch(path, ("UpdateGroup", "Change a group"), to(Edit), groups::change, groups::update);
    at.delete(path, ("DeleteGroup", "Delete a group"), to(Delete), groups::id, groups::delete);
    let words = ("SetGroupMembers", "Put these into a group in place of all that are there");
    let path = "/groups/{id}/members";
    at.put(path, words, to(Edit), groups::members, groups::change_members);
    let words = ("AddGroupMember", "Put one more into a group");
    let path = "/groups/{id}/add-member";
    at.post(path, words, to(Edit), groups::added, groups::change_members);
    let words = ("AddGroupMembers", "Put more into a group");
    let path = "/groups/{id}/add-members";
    at.post(path, words, to(Edit), groups::all_added, groups::change_members);
    let words = ("RemoveGroupMember", "Take one out of a group");
    let path = "/groups/{id}/remove-member";
    at.post(path, words, to(Edit), groups::removed, groups::change_members);

    let to = Action::Policy;
    let path = "/policies";
    at.get(path, ("ListPolicies", "List policies"), to(List), policies::filter, policies::list);
    let words = ("CreatePolicy", "Make a policy with its rules");
    at.post(path, words, to(Create), policies::new, policies::create);
    let path = "/policies/{id}";
    at.get(path, ("GetPolicy", "Read a policy"), to(Read), policies::id, policies::read);
    let words = ("UpdatePolicy", "Change a policy, but for its rules");
    at.patch(path, words, to(Edit), policies::change, policies::update);
    let words = ("DeletePolicy", "Delete a policy with its rules");
    at.delete(path, words, to(Delete), policies::id, policies::delete);
    let words = ("ClonePolicy", "Make a policy like another one");
    at.post("/policies/{id}/clone", words, to(Create), policies::id, policies::copy);
    let path = "/rules";
    at.get(path, ("ListRules", "List the rules of a policy"), to(Read), rules::filter, rules::list);
    let words = ("SetRules", "Put rules into a policy in place of all that are there");
    at.put(path, words, to(Edit), rules::new, rules::set);
    let words = ("ListPermissionSets", "List what rules can allow");
    let path = "/permission-sets";
    at.get(path, words, Action::PermissionSet, rules::sets_filter, rules::list_sets);

    // Whose it is in the path or the body says which of the two kinds is needed.
    let to = |access| Action::ApiKey(BearerKind::User, access);
    let path = "/api-keys";
    at.get(path, ("ListAPIKeys", "List API keys"), to(List), api_keys::filter, api_keys::list);
    let words = ("CreateAPIKey", "Make an API key, whose secret is told this once");
    at.post(path, words, to(Create), api_keys::new, api_keys::create);
    let path = "/api-keys/{access_key}";
    let words = ("GetAPIKey", "Read an API key, but for its secret");
    at.get(path, words, to(Read), api_keys::key, api_keys::read);
    let words = ("UpdateAPIKey", "Change an API key");
    at.patch(path, words, to(Edit), api_keys::change, api_keys::update);
    let words = ("DeleteAPIKey", "Delete an API key");
    at.delete(path, words, to(Delete), api_keys::key, api_keys::delete);

    let to = Action::Quota;
    let path = "/quota";
    let words = ("ListQuota", "List how much there may be of everything");
    at.get(path, words, to(List), quotas::filter, quotas::list);
    let words = ("GetQuotum", "Read how much there may be of something");
    at.get("/quota/{name}", words, to(Read), quotas::named, quotas::read);

    // Those of functions and those of containers are seen by different rights.
    let to = |access| Action::Token(Product::Functions, access);
    let words = ("ListJWTs", "List the issued tokens that somebody made");
    at.get("/jwts", words, to(List), jwts::filter, jwts::list);
    let path = "/jwts/{jti}";
    at.get(
        path,
        ("GetJWT", "Read what is known of an issued token"),
        to(Read),
        jwts::id,
        jwts::read,
    );
    at.delete(path, ("DeleteJWT", "Revoke a token for good"), to(Delete), jwts::id, jwts::delete);

    let to = Action::Log;
    at.get("/logs", ("ListLogs", "List who changed what"), to(List), logs::filter, logs::list);
    let words = ("GetLog", "Read an entry of the log");
    at.get("/logs/{id}", words, to(Read), logs::id, logs::read);
}

/// Something new that has a name, a description and labels.
fn titled(it: &mut Reader, _: &Everywhere) -> Titled {
    let body = &mut it.body;
    Titled {
        organization_id: body.id("organization_id"),
        name: body.required_title("name"),
        description: body.text_of("description", MAX_DESCRIPTION).unwrap_or_default(),
        tags: tags(body).unwrap_or_default(),
    }
}

/// A change of such a thing.
fn titled_change(it: &mut Reader, resource: Resource) -> (Uuid, TitledChange) {
    let id = it.id(resource);
    let body = &mut it.body;
    let change = TitledChange {
        name: body.title("name"),
        description: body.text_of("description", MAX_DESCRIPTION),
        tags: tags(body),
    };
    (id, change)
}

fn tags(body: &mut Arguments) -> Option<Vec<String>> {
    let tags = body.texts("tags")?;
    if tags.len() > MAX_TAGS {
        let help = format!("expected at most {MAX_TAGS} items");
        body.fault("tags", FaultReason::Constraint, &help);
    }
    Some(tags)
}

/// The page of a list that is all there.
fn page_of<T>(items: Vec<T>, page: PageRequest) -> Page<T> {
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let items = items.into_iter().skip(skip).take(size).collect();
    Page { items, total }
}
