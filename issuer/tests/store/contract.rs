//! What every database behind the trait has to do, each the same.

mod atomic;
mod audit;
mod changes;
mod compaction;
mod credentials;
mod feed;
mod groups;
mod iam_changes;
mod identities;
mod kept;
mod lists;
mod numbered;
mod pages;
mod policies;
mod projects;
mod quotas;
mod records;
mod visible;

use std::sync::Arc;

use namespace_jwt_issuer::store::Store;
use uuid::Uuid;

pub use atomic::*;
pub use audit::*;
pub use changes::*;
pub use compaction::*;
pub use credentials::*;
pub use feed::*;
pub use groups::*;
pub use iam_changes::a_scope_counts_the_marks_of_bearers_and_nothing_else_of_iam;
pub use identities::*;
pub use kept::*;
pub use lists::*;
pub use numbered::*;
pub use policies::*;
pub use projects::*;
pub use quotas::*;
pub use records::*;
pub use visible::*;

use crate::sample::Organization;

/// A database under test, with what the trait doesn't tell.
pub trait Database {
    /// One with nothing in it, of its own.
    fn new() -> Self;

    /// The store over it.
    fn store(&self) -> Arc<dyn Store>;

    /// The audit log, the oldest entry first.
    fn audit(&self) -> Vec<AuditRow>;

    /// The tokens that gateways have to be told of.
    fn revocations(&self) -> Vec<Revocation>;

    /// What is kept of a user's password, which no request tells.
    fn password(&self, user_id: Uuid) -> Option<String>;

    /// Adds a second organization, which the service itself never makes.
    fn add_organization(&self, organization: Organization);

    /// Adds a second project.
    fn add_project(&self, organization: Organization, id: Uuid);
}

/// An entry of the audit log.
#[derive(Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// In microseconds.
    pub at: u64,
    pub organization_id: Uuid,
    pub bearer_id: Option<Uuid>,
    pub access_key: Option<String>,
    pub address: Option<String>,
    pub user_agent: String,
    pub request_id: Option<Uuid>,
    pub action: String,
    pub resource_type: String,
    pub resource_id: String,
}

/// A token that was deleted, or an id that was revoked without one.
#[derive(Debug, PartialEq, Eq)]
pub struct Revocation {
    pub token_id: Uuid,
    pub namespace_id: Option<Uuid>,
    pub key_id: Option<Uuid>,
}

/// A test for each promise. One that isn't in the list is dead code, which the compiler finds.
macro_rules! contract {
    ($database:ty) => {
        $crate::contract::contract!($database:
            an_empty_database_holds_nothing
            what_the_first_start_made_is_found_and_made_once
            how_clients_reach_the_service_is_noted
            a_namespace_is_read_as_it_was_written
            an_application_is_read_as_it_was_written
            a_token_is_read_as_it_was_written
            the_keys_of_a_namespace_come_newest_first
            pages_of_namespaces_are_in_order_and_do_not_overlap
            pages_of_applications_and_tokens_do_not_overlap
            pages_of_many_tokens_are_those_of_a_list_of_all
            a_project_is_read_changed_and_deleted
            projects_are_filtered_and_in_order
            namespaces_are_filtered
            applications_are_filtered
            tokens_are_filtered
            other_organizations_are_invisible
            a_name_is_taken_once
            a_namespace_has_one_active_key
            a_deleted_token_is_remembered
            an_application_goes_with_its_tokens
            a_namespace_goes_with_all_that_is_in_it
            tokens_that_expired_long_ago_are_not_remembered
            what_is_not_there_is_not_changed
            a_permission_is_for_one_action_one_organization_and_one_project
            each_change_has_one_entry_of_the_audit_log
            the_audit_log_is_read_as_it_was_written
            long_entries_of_the_audit_log_come_few_at_once
            what_is_refused_changes_nothing
            what_panics_changes_nothing_and_the_store_goes_on
            what_nobody_waits_for_any_more_isn_t_done
            a_read_changes_nothing
            many_write_at_once
            a_read_sees_what_was_written_before
            a_scope_counts_what_its_gateways_see_and_nothing_else
            a_scope_counts_the_marks_of_bearers_and_nothing_else_of_iam
            a_scope_is_told_what_is_in_it
            a_log_is_read_on_from_where_it_was_read_to
            an_id_without_a_namespace_stands_in_every_log
            a_key_is_published_before_it_signs_and_after
            keys_that_are_replaced_are_revoked_with_their_tokens
            a_mark_never_moves_back_and_takes_the_tokens_that_it_hits
            the_mark_of_a_bearer_revokes_their_tokens_by_their_ids
            trust_keys_come_oldest_first
            compaction_drops_what_no_gateway_needs
            a_log_that_ended_is_read_for_ten_minutes
            after_a_restore_no_number_comes_again
            a_user_is_read_as_they_were_written
            a_username_and_an_address_are_taken_once_however_they_are_written
            users_are_filtered_and_in_order
            an_application_of_iam_is_read_as_it_was_written
            applications_of_iam_are_filtered_and_in_order
            whoever_is_deleted_goes_with_their_keys_and_leaves_groups_and_policies
            a_group_is_read_as_it_was_written
            a_groups_name_is_taken_once
            groups_are_filtered_and_in_order
            a_group_that_is_deleted_leaves_its_members_and_its_policies
            a_policy_is_read_as_it_was_written
            the_counts_of_a_policy_are_of_rules_of_scopes_once_and_of_sets
            rules_are_kept_in_order_with_their_scopes_and_conditions
            somebodys_rules_are_those_of_their_policies_and_of_their_groups
            policies_are_filtered_and_in_order
            a_project_goes_with_its_ssh_keys_and_out_of_every_rule
            an_api_key_is_found_by_either_half
            api_keys_are_filtered_and_in_order
            an_ssh_key_is_read_as_it_was_written
            ssh_keys_are_filtered_and_in_order
            namespaces_and_applications_are_seen_in_the_projects_of_a_permission
            tokens_are_seen_by_product_and_project_on_every_page
            a_list_of_tokens_needs_a_permission_for_tokens
            ssh_keys_and_projects_are_seen_in_the_projects_of_a_permission
            a_change_is_made_by_a_rule_for_its_project_and_no_other
            a_tokens_record_tells_from_where_it_was_made
            token_records_are_of_one_maker_and_of_what_the_caller_sees
            the_audit_log_is_searched_by_time_verb_kind_bearer_and_resource
            a_limit_is_what_was_set_last_for_an_organization
            usage_is_how_much_there_is_and_nobody_elses
            what_a_change_adds_is_what_is_used_afterwards
        );
    };
    ($database:ty: $($promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::contract::$promise(&<$database as $crate::contract::Database>::new()).await;
            }
        )*
    };
}
pub(crate) use contract;

/// An organization in a database that was just founded.
async fn founded(database: &impl Database) -> (Arc<dyn Store>, Organization) {
    let (store, organization) = (database.store(), Organization(Uuid::new_v4()));
    crate::sample::found(&*store, organization).await.unwrap();
    (store, organization)
}
