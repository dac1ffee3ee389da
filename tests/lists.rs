//! What is listed in several places is the same in each: the members of the configuration, its
//! variables, the reason codes. Nothing is missing in one, and nothing too much.
//!
//! README is what users are told, and so the second reading of the code's own lists.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use namespace_jwt_core::access::{Access, Policy, Private, Protected, Protects, RevokedTokens};
use namespace_jwt_core::config::{
    Config, ConfigError, Environment, MEMBERS, TRUST_MEMBERS, VARIABLES,
};
use namespace_jwt_core::reason::{Denial, Outcome};
use serde_json::{Map, Value, json};
use testkit::contract::Asked;
use testkit::processes::read;
use testkit::root;

const SEED: &str = "fuzz/seeds/config/full";

/// Fails with what one list has and the other hasn't. Neither has anything twice.
#[track_caller]
fn assert_same<T: AsRef<str>, U: AsRef<str>>(
    (place, list): (&str, &[T]),
    (code, own): (&str, &[U]),
) {
    let list: Vec<_> = list.iter().map(AsRef::as_ref).collect();
    let own: Vec<_> = own.iter().map(AsRef::as_ref).collect();
    let only_in = |these: &[&str], those: &[&str]| {
        let (these, those) = (these.iter(), BTreeSet::from_iter(those.iter().copied()));
        these.filter(|it| !those.contains(**it)).map(|it| (*it).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(only_in(&own, &list), [""; 0], "{place} lacks what {code} has");
    assert_eq!(only_in(&list, &own), [""; 0], "{place} has what {code} lacks");
    assert_eq!(list.len(), own.len(), "{place} or {code} has something twice");
}

/// What is between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The part of a page between these two.
fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from:?}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to:?}")).0
}

/// The rows of a page's table of members, in its section on configuration: their cells.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let section = part(page, "\n## Configuration\n", "\n## ");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split(" | ").collect()).collect()
}

/// A configuration with these members, and what every private application needs.
fn configured(members: Value) -> Result<Config, ConfigError> {
    let mut all: Map<_, _> = serde_json::from_str(&read(SEED)).unwrap();
    all.retain(|name, _| ["namespace_id", "public_key"].contains(&name.as_str()));
    all.extend(members.as_object().unwrap().clone());
    Config::from_json(Value::Object(all).to_string().as_bytes(), &Environment::default())
}

// --- members -----------------------------------------------------------------------------

#[test]
fn readmes_table_has_the_members_of_the_code() {
    let readme = read("README.md");
    let rows = rows(&readme);
    // The first backquote of the row was its beginning.
    let names = rows.iter().flat_map(|row| row[0].split('`').step_by(2));
    let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    assert_same(("README's table", &names), ("MEMBERS", &MEMBERS));
}

#[test]
fn the_trust_pages_table_has_the_members_of_the_code() {
    let page = read("docs/TRUST.md");
    let rows = rows(&page);
    let names: Vec<_> = rows.iter().filter_map(|row| row[0].split('`').next()).collect();
    let own = TRUST_MEMBERS.map(|name| format!("trust.{name}"));
    assert_same(("the page's table", &names), ("TRUST_MEMBERS", &own));
}

/// What is read without being listed is refused as unknown: see `Members::take`.
#[test]
fn each_member_that_is_listed_is_read() {
    for member in MEMBERS {
        // What no member takes: the fault is the value's, not the name's.
        let error = configured(json!({member: {"": null}})).err();
        let error = error.unwrap_or_else(|| panic!("nothing reads {member}"));
        assert!(matches!(error, ConfigError::Unusable { .. }), "nothing reads {member}: {error}");
        assert_eq!(error.member().split('.').next(), Some(member));
    }
    // So for those of `trust`, which has more than one that is needed.
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8=\n-----END PUBLIC KEY-----";
    for member in TRUST_MEMBERS {
        let mut trust = json!({"cluster": "c", "public_keys": [pem]});
        trust[member] = json!({"": null});
        let error = configured(json!({"trust": trust})).err();
        let error = error.unwrap_or_else(|| panic!("nothing reads trust.{member}"));
        assert!(matches!(error, ConfigError::Unusable { .. }), "trust.{member}: {error}");
        assert_eq!(error.member(), format!("trust.{member}"));
    }
}

/// A fuzzer hardly finds a member's name by itself.
#[test]
fn the_fuzzers_seed_has_each_member_and_is_taken() {
    let seed: Map<String, Value> = serde_json::from_str(&read(SEED)).unwrap();
    assert_same((SEED, &seed.keys().collect::<Vec<_>>()), ("MEMBERS", &MEMBERS));
    configured(Value::Object(seed)).unwrap_or_else(|error| panic!("{error}"));
}

/// A second reading that knows nothing of a part of the policy agrees with whatever the first
/// makes of it. Neither pattern leaves a field out, so whoever adds one to a policy comes by
/// here, and to `contract::judge` and `fuzz/targets/decision.rs`.
#[test]
fn the_contract_asks_for_whatever_a_policy_asks_for() {
    let asked = Asked {
        namespace_id: "n",
        application_id: Some("a"),
        issuer: Some("I"),
        audience: Some("A"),
        require_expiration: true,
        max_lifetime_seconds: Some(1),
        expiration_leeway_seconds: 2,
        not_before_leeway_seconds: 3,
        revoked_token_id: Some("J"),
    };
    let config = configured(json!({
        "namespace_id": asked.namespace_id,
        "application_id": asked.application_id,
        "issuer": asked.issuer,
        "audience": asked.audience,
        "require_expiration": asked.require_expiration,
        "max_lifetime_seconds": asked.max_lifetime_seconds,
        "expiration_leeway_seconds": asked.expiration_leeway_seconds,
        "not_before_leeway_seconds": asked.not_before_leeway_seconds,
        "revoked_token_ids": [asked.revoked_token_id],
    }));
    let Access::Private(private) = config.unwrap_or_else(|error| panic!("{error}")).access else {
        panic!("public")
    };
    let Private { protects, keys: _, allowed: _, follows_feed: false, policy } = *private else {
        panic!("it follows a feed")
    };
    let Protects::Configured(Protected { namespace_id, application_id, .. }) = protects else {
        panic!("routes say what is protected")
    };
    let Policy {
        issuer,
        audience,
        require_expiration,
        max_lifetime,
        expiration_leeway,
        not_before_leeway,
        revoked,
    } = policy;
    assert_eq!(namespace_id, asked.namespace_id);
    assert_eq!(application_id.as_deref(), asked.application_id);
    assert_eq!(issuer.as_deref(), asked.issuer);
    assert_eq!(audience.as_deref(), asked.audience);
    assert_eq!(require_expiration, asked.require_expiration);
    assert_eq!(max_lifetime, asked.max_lifetime_seconds.map(Duration::from_secs));
    assert_eq!(expiration_leeway, Duration::from_secs(asked.expiration_leeway_seconds));
    assert_eq!(not_before_leeway, Duration::from_secs(asked.not_before_leeway_seconds));
    assert_eq!(revoked, RevokedTokens::from_iter(asked.revoked_token_id));
}

// --- variables ---------------------------------------------------------------------------

#[test]
fn the_tables_have_the_variables_that_the_code_reads_each_with_its_member() {
    let asked = RefCell::new(Vec::new());
    let read_nothing = |name: &str| {
        asked.borrow_mut().push(name.to_owned());
        None
    };
    Environment::read(read_nothing).unwrap();
    let names = VARIABLES.map(|(name, _)| name);
    assert_same(("Environment::read", &asked.take()), ("VARIABLES", &names));

    let pages = [read("README.md"), read("docs/TRUST.md")];
    let mut documented = Vec::new();
    for row in pages.iter().flat_map(|page| rows(page)) {
        let member = row[0].trim_end_matches('`');
        let is_variable = |it: &&str| it.starts_with("SCW_") || it.starts_with("NAMESPACE_JWT_");
        let variables = quoted(row[1]).into_iter().filter(is_variable);
        documented.extend(variables.map(|variable| format!("{variable} for {member}")));
    }
    let own = VARIABLES.map(|(name, member)| format!("{name} for {member}"));
    assert_same(("the tables", &documented), ("VARIABLES", &own));
    for (_, member) in VARIABLES {
        let of_trust = member.strip_prefix("trust.");
        assert!(of_trust.map_or(MEMBERS.contains(&member), |it| TRUST_MEMBERS.contains(&it)));
    }
}

/// A misspelled variable in a file that somebody copies is one that isn't read.
#[test]
fn no_page_and_no_shipped_file_names_a_variable_that_is_not_read() {
    // Those that the service writes for the platform's clients; nothing here reads them.
    let installation = read("issuer/src/installation.rs");
    let written = installation.split("SCW_").skip(1).filter_map(|rest| rest.split_once('='));
    let written: Vec<_> = written.map(|(name, _)| format!("SCW_{name}")).collect();
    assert_eq!(written.len(), 6, "{written:?}");
    let names: Vec<_> =
        VARIABLES.iter().map(|(name, _)| *name).chain(written.iter().map(String::as_str)).collect();
    let mut found = BTreeSet::new();
    for folder in ["", "docs", "envoy"] {
        for entry in fs::read_dir(root(folder)).unwrap() {
            let path = entry.unwrap().path();
            let is_text = path.extension().is_none_or(|it| it != "svg");
            if !path.is_file() || !is_text {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let is_variable = |word: &&str| {
                ["SCW_", "NAMESPACE_JWT_TRUST_"].iter().any(|of| word.starts_with(of) && word != of)
            };
            for word in words.filter(is_variable) {
                assert!(names.contains(&word), "{}: {word}", path.display());
                found.insert(word.to_owned());
            }
        }
    }
    let missing: Vec<_> = names.iter().filter(|name| !found.contains(**name)).collect();
    assert!(
        missing.iter().all(|name| !VARIABLES.iter().any(|(own, _)| own == *name)),
        "{missing:?}"
    );
}

// --- the service -------------------------------------------------------------------------

#[test]
fn the_services_page_has_the_options_and_variables_of_its_help() {
    let help = read("issuer/src/cli/help.rs");
    let help = part(&help, "SERVE_HELP: &str", "\";\n");
    let words = |from: &str| -> Vec<String> {
        let is_name = |c: char| c.is_ascii_alphabetic() || "-_".contains(c);
        let words = help.split(|c| !is_name(c)).filter(|word| word.starts_with(from));
        words.map(str::to_owned).collect()
    };
    let page = read("docs/SERVICE.md");
    let rows = part(&page, "\n| option | variable |", "\n\n").lines();
    let rows: Vec<_> = rows.filter_map(|row| row.strip_prefix("| `--")).map(quoted_cells).collect();
    let options: Vec<_> = rows.iter().map(|row| format!("--{}", row[0])).collect();
    assert_same(("SERVICE.md's table", &options), ("serve --help", &words("--")));

    // Each option has the variable of its name, and one has no option.
    let variable = |option: &String| {
        format!("ISSUER_{}", option.trim_start_matches('-').replace('-', "_").to_uppercase())
    };
    let variables: Vec<_> = rows.iter().map(|row| row[1].to_owned()).collect();
    assert_eq!(variables, options.iter().map(variable).collect::<Vec<_>>());
    let documented = [&variables[..], &["ISSUER_LOG".to_owned()]].concat();
    assert_same(("SERVICE.md", &documented), ("serve --help", &words("ISSUER_")));
    assert!(page.contains("`ISSUER_LOG`"));
}

#[test]
fn the_services_page_has_the_versions_of_the_clients_that_are_run() {
    let page = read("docs/SERVICE.md");
    let rows = part(&page, "\n| official client | version |", "\n\n").lines().skip(2);
    let documented: Vec<_> = rows
        .map(|row| (row.split('`').nth(1).unwrap(), row.split(" | ").nth(1).unwrap()))
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let python = read("tools/python.txt");
    let mut pinned = vec![format!("scaleway {}", part(&python, "\nscaleway==", " "))];
    let npm: Value = serde_json::from_str(&read("tests/service/node_sdk/package.json")).unwrap();
    for (name, version) in npm["dependencies"].as_object().unwrap() {
        pinned.push(format!("{name} {}", version.as_str().unwrap()));
    }
    for folder in ["go_sdk", "scw"] {
        let go = read(&format!("tests/service/{folder}/go.mod"));
        let required: Vec<_> = part(&go, "\nrequire ", "\n").split(' ').take(2).collect();
        pinned.push(required.join(" ").replace(" v", " "));
    }
    assert_same(("SERVICE.md", &documented), ("what is pinned", &pinned));
}

/// The first two cells of a row whose first backquote was cut off.
fn quoted_cells(row: &str) -> Vec<&str> {
    row.split(" | ").take(2).map(|cell| cell.trim_matches('`')).collect()
}

// --- reason codes ------------------------------------------------------------------------

/// In the order in which a request meets them, which both pages speak of.
#[test]
fn the_readme_has_the_codes_of_the_code_in_its_order() {
    let readme = read("README.md");
    let listed = quoted(part(&readme, "\nEach decision has one code: ", " It is in\n"));
    let own = Outcome::ALL.map(Outcome::code);
    assert_same(("README", &listed), ("Outcome::ALL", &own));
    assert_eq!(listed, own, "README has another order");
}

#[test]
fn troubleshooting_has_the_codes_of_the_code_in_its_order() {
    let page = read("docs/TROUBLESHOOTING.md");
    let refused = part(&page, "\n## A request is refused\n", "\n## ");
    let (table, rest) = refused.split_once("\nCodes of requests that were let through: ").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let explained: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    let own = Denial::ALL.map(Denial::code);
    assert_same(("TROUBLESHOOTING's table", &explained), ("Denial::ALL", &own));
    assert_eq!(explained, own, "TROUBLESHOOTING has another order");
    for outcome in Outcome::ALL {
        if let Outcome::Admitted(admission) = outcome {
            assert!(quoted(rest).contains(&admission.code()), "{admission:?}");
        }
    }
}

/// The codes of which the contract, as it is read a second time, has nothing to say: it is about
/// one token, which is signed as it should be.
const NOT_THE_TOKENS: [&str; 9] = [
    "unprotected_route",
    "trust_unavailable",
    "public",
    "preflight",
    "missing_token",
    "multiple_tokens",
    "unsupported_algorithm",
    "unknown_key",
    "bad_signature",
];

/// The other way round, a code that there isn't, the properties and the fuzzers compare each
/// that it says with the code's.
#[test]
fn the_contract_has_each_code_that_is_about_a_token() {
    let contract = read("testkit/src/contract.rs");
    for code in Outcome::ALL.map(Outcome::code) {
        let says = contract.contains(&format!("\"{code}\""));
        assert_eq!(says, !NOT_THE_TOKENS.contains(&code), "{code}");
    }
}
