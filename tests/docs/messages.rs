//! The messages that docs/TROUBLESHOOTING.md lists, held against those that the filter gives.

use namespace_jwt_core::config::{Config, Environment};
use serde_json::{Value, json};

use crate::TROUBLESHOOTING;
use testkit::processes::read;

const ID: &str = "6a1f6f4e-6a52-4b0e-8f0e-6d2a9c1b7e10";

/// What the filter says to a configuration, the member first.
fn refusals() -> Vec<String> {
    let key = read("core/tests/keys/ec-p256.pem");
    let refusal = |public: Option<&str>, members: Value| {
        let environment =
            Environment { public: public.map(str::to_owned), ..Environment::default() };
        let config = Config::from_json(members.to_string().as_bytes(), &environment);
        config.err().expect("a configuration that is refused").to_string()
    };
    let good = |name: &str, value: Value| {
        let mut members = json!({"namespace_id": ID, "public_key": key});
        members[name] = value;
        members
    };
    vec![
        refusal(None, json!({"public_key": key})),
        refusal(None, json!({"namespace_id": ID})),
        refusal(None, good("public_key", json!("keys/public.pem"))),
        refusal(None, good("public_keys", json!(vec![&key; 16]))),
        refusal(None, good("require_expiraton", json!(true))),
        refusal(Some("True"), good("mode", json!("enforce"))),
        refusal(None, good("max_lifetime_seconds", json!("4294967296"))),
        refusal(None, good("revoked_token_ids", json!([format!("jti:{ID}")]))),
        refusal(None, good("namespace_id", json!(format!("{ID}\n")))),
        refusal(None, good("trust", json!({"cluster": "issuer"}))),
        refusal(None, good("trust", json!({"cluster": "issuer", "public_keys": key}))),
        refusal(None, json!("text")),
    ]
}

/// Whether `parts`, in their order, are all that `documented` shows of a message.
fn shows(documented: &str, message: &str) -> bool {
    let mut rest = message;
    documented.split('…').enumerate().all(|(n, part)| match rest.find(part.trim()) {
        Some(at) if n > 0 || at == 0 => {
            rest = &rest[at + part.trim().len()..];
            true
        }
        _ => false,
    })
}

/// What stands in backticks, or in double ones where it holds a backtick.
fn code_in(cell: &str) -> Vec<&str> {
    let parts = cell.split("``").enumerate();
    parts
        .flat_map(|(n, part)| match n % 2 {
            0 => part.split('`').skip(1).step_by(2).collect(),
            _ => vec![part],
        })
        .collect()
}

#[test]
fn every_message_about_a_configuration_is_listed_as_the_filter_says_it() {
    let page = read(TROUBLESHOOTING);
    let table =
        page.split("found <what>\n```").nth(1).unwrap().split("\n\nFrom Envoy").next().unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| "));
    let cells: Vec<_> = cells.filter_map(|row| row.split(" | ").next()).collect();
    let documented: Vec<_> = cells.into_iter().flat_map(code_in).collect();
    for message in refusals() {
        assert!(documented.iter().any(|it| shows(it, &message)), "{message}: {documented:#?}");
    }
}
