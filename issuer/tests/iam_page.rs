//! docs/IAM.md says what the code does: which sets there are and which quotas.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use std::fs;
use std::path::Path;

use namespace_jwt_issuer::iam::action::Action;
use namespace_jwt_issuer::iam::permission_set::PermissionSet;
use namespace_jwt_issuer::model::quota::{Limit, Quota};

/// The rows of a table, from the row after this head.
fn rows(head: &str) -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/IAM.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("no table {head}"));
    let (table, _) = table.split_once("\n\n").unwrap();
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|it| it.trim().to_owned()).collect();
    table.lines().filter(|row| row.starts_with("| `")).map(cells).collect()
}

#[test]
fn the_sets_that_allow_something_are_in_the_table() {
    let allows = |set: &PermissionSet| Action::all().any(|action| set.allows(action));
    let expected: Vec<_> = PermissionSet::all()
        .filter(allows)
        .map(|set| {
            let name = format!("`{}`", set.name());
            vec![name, set.scope_type().name().to_owned(), set.description().to_owned()]
        })
        .collect();
    assert_eq!(rows("| set | scope | what it allows |"), expected);
}

#[test]
fn the_quotas_are_in_the_table() {
    let found: Vec<_> = rows("| name | of what | default |")
        .into_iter()
        .map(|row| (row[0].clone(), row[2].replace(',', "")))
        .collect();
    let expected = Quota::ALL.map(|quota| {
        let Limit::AtMost(limit) = quota.default_limit() else { panic!("{quota:?}") };
        (format!("`{}`", quota.name()), limit.to_string())
    });
    assert_eq!(found, expected);
}
