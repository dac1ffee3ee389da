//! `application_claim`: what opens this function, and what only looks so.

use serde_json::{Value, json};

use super::{Bench, Case};
use crate::mint::base64url;
use crate::protected::*;

pub fn cases(bench: &Bench) -> Vec<Case> {
    [forms(bench), entries(bench), many(bench)].concat()
}

fn claim(bench: &Bench, name: &str, trick: &str, claim: &str, expected: &'static str) -> Case {
    let token = bench.with_payload(bench.payload_with("application_claim", claim));
    Case::token(&format!("grants/{name}"), trick, token, expected)
}

fn forms(bench: &Bench) -> Vec<Case> {
    let entry = json!({"namespace_id": NAMESPACE, "application_id": ""}).to_string();
    let array = format!("[{entry}]");
    let encoded = base64url(array.as_bytes());
    let mut cases = Vec::new();
    for (name, value, expected) in [
        ("null", "null".to_owned(), "malformed_claims"),
        ("object", entry.clone(), "malformed_claims"),
        ("object-of-entries", format!("{{\"0\":{entry}}}"), "malformed_claims"),
        ("string", json!(NAMESPACE).to_string(), "malformed_claims"),
        ("encoded-twice", json!(array).to_string(), "malformed_claims"),
        ("base64", json!(encoded).to_string(), "malformed_claims"),
        ("number", "1".to_owned(), "malformed_claims"),
        ("true", "true".to_owned(), "malformed_claims"),
        ("entry-string", json!([NAMESPACE]).to_string(), "malformed_claims"),
        ("entry-null", "[null]".to_owned(), "malformed_claims"),
        ("entry-null-beside-a-good-one", format!("[{entry},null]"), "malformed_claims"),
        ("entry-number", "[1]".to_owned(), "malformed_claims"),
        ("entry-array", format!("[[{entry}]]"), "malformed_claims"),
        ("entry-positional", json!([[NAMESPACE, ""]]).to_string(), "malformed_claims"),
        ("entry-encoded-twice", json!([entry]).to_string(), "malformed_claims"),
        ("empty", "[]".to_owned(), "not_granted"),
        ("entry-empty", "[{}]".to_owned(), "not_granted"),
        ("entry-of-empty-ids", json!([grant("", "")]).to_string(), "not_granted"),
        ("entry-of-nulls", r#"[{"namespace_id":null,"application_id":null}]"#.to_owned(), "not_granted"),
        ("id-number", r#"[{"namespace_id":1}]"#.to_owned(), "malformed_claims"),
        ("id-true", r#"[{"namespace_id":true}]"#.to_owned(), "malformed_claims"),
        ("id-array", json!([{"namespace_id": [NAMESPACE]}]).to_string(), "malformed_claims"),
        ("id-object", json!([{"namespace_id": {"id": NAMESPACE}}]).to_string(), "malformed_claims"),
        ("older-id-number", json!([{"namespace_id": NAMESPACE, "function_id": 0}]).to_string(), "malformed_claims"),
        ("unknown-member", json!([{"namespace_id": NAMESPACE, "role": "x"}]).to_string(), "allowed"),
    ] {
        cases.push(claim(bench, &format!("form-{name}"), "a claim that is not an array of entries, or one that names nothing", &value, expected));
    }
    cases.push(Case::token(
        "grants/absent",
        "no application_claim: a good token that opens nothing",
        bench.token_with(json!({"application_claim": null})),
        "not_granted",
    ));
    cases.push(Case::token(
        "grants/elsewhere-in-the-token",
        "the ids at the top level",
        bench.token_with(json!({"application_claim": null, "namespace_id": NAMESPACE, "application_id": APPLICATION})),
        "not_granted",
    ));
    cases
}

fn entries(bench: &Bench) -> Vec<Case> {
    let (n, a) = (NAMESPACE, APPLICATION);
    let (m, b) = (OTHER_NAMESPACE, OTHER_APPLICATION);
    let upper = |id: &str| id.to_uppercase();
    // What the entry is, and what it means to a filter that stands for one application
    // and to one that stands for the whole namespace.
    let table: Vec<(&str, Value, &str, &str)> = vec![
        ("namespace", grant(n, ""), "allowed", "allowed"),
        ("namespace-and-null", json!({"namespace_id": n, "application_id": null}), "allowed", "allowed"),
        ("namespace-alone", json!({"namespace_id": n}), "allowed", "allowed"),
        ("application", grant("", a), "allowed", "not_granted"),
        ("application-and-null", json!({"namespace_id": null, "application_id": a}), "allowed", "not_granted"),
        ("application-alone", json!({"application_id": a}), "allowed", "not_granted"),
        ("both", grant(n, a), "allowed", "not_granted"),
        ("both-application-elsewhere", grant(n, b), "not_granted", "not_granted"),
        ("both-namespace-elsewhere", grant(m, a), "not_granted", "not_granted"),
        ("both-elsewhere", grant(m, b), "not_granted", "not_granted"),
        ("swapped", grant(a, n), "not_granted", "not_granted"),
        ("namespace-is-the-application", grant(a, ""), "not_granted", "not_granted"),
        ("application-is-the-namespace", grant("", n), "not_granted", "not_granted"),
        ("namespace-elsewhere", grant(m, ""), "not_granted", "not_granted"),
        ("application-elsewhere", grant("", b), "not_granted", "not_granted"),
        ("function-id", json!({"function_id": a}), "allowed", "not_granted"),
        ("container-id", json!({"container_id": a}), "allowed", "not_granted"),
        ("all-three-the-same", json!({"application_id": a, "function_id": a, "container_id": a}), "allowed", "not_granted"),
        ("function-and-empty", json!({"application_id": "", "function_id": a}), "allowed", "not_granted"),
        ("function-in-conflict", json!({"application_id": a, "function_id": b}), "not_granted", "not_granted"),
        ("function-in-conflict-swapped", json!({"application_id": b, "function_id": a}), "not_granted", "not_granted"),
        ("container-in-conflict", json!({"function_id": a, "container_id": b}), "not_granted", "not_granted"),
        ("container-in-conflict-in-namespace", json!({"namespace_id": n, "application_id": a, "container_id": b}), "not_granted", "not_granted"),
        ("conflict-by-case", json!({"application_id": a, "function_id": upper(a)}), "not_granted", "not_granted"),
        ("namespace-in-capitals", grant(&upper(n), ""), "not_granted", "not_granted"),
        ("application-in-capitals", grant("", &upper(a)), "not_granted", "not_granted"),
        ("namespace-space-after", grant(&format!("{n} "), ""), "not_granted", "not_granted"),
        ("namespace-space-before", grant(&format!(" {n}"), ""), "not_granted", "not_granted"),
        ("namespace-tab", grant(&format!("{n}\t"), ""), "not_granted", "not_granted"),
        ("namespace-line-break", grant(&format!("{n}\n"), ""), "not_granted", "not_granted"),
        ("namespace-nul", grant(&format!("{n}\0"), ""), "not_granted", "not_granted"),
        ("namespace-nul-and-more", grant(&format!("{n}\0{m}"), ""), "not_granted", "not_granted"),
        ("namespace-zero-width", grant(&format!("{n}\u{200b}"), ""), "not_granted", "not_granted"),
        ("namespace-full-width", grant(&n.replace('3', "３"), ""), "not_granted", "not_granted"),
        ("namespace-without-hyphens", grant(&n.replace('-', ""), ""), "not_granted", "not_granted"),
        ("namespace-in-braces", grant(&format!("{{{n}}}"), ""), "not_granted", "not_granted"),
        ("namespace-urn", grant(&format!("urn:uuid:{n}"), ""), "not_granted", "not_granted"),
        ("namespace-start", grant(&n[..n.len() - 1], ""), "not_granted", "not_granted"),
        ("namespace-and-more", grant(&format!("{n}0"), ""), "not_granted", "not_granted"),
        ("namespace-star", grant("*", ""), "not_granted", "not_granted"),
        ("namespace-percent", grant("%", ""), "not_granted", "not_granted"),
        ("namespace-regex", grant(".*", ""), "not_granted", "not_granted"),
        ("namespace-list", grant(&format!("{n},{m}"), ""), "not_granted", "not_granted"),
        ("application-star-in-namespace", grant(n, "*"), "not_granted", "not_granted"),
        ("application-space-in-namespace", grant(n, " "), "not_granted", "not_granted"),
        ("namespace-space-with-application", grant(" ", a), "not_granted", "not_granted"),
        ("namespace-word-null", grant("null", ""), "not_granted", "not_granted"),
        ("namespace-wildcard-with-application", grant("*", a), "not_granted", "not_granted"),
    ];
    let mut cases = Vec::new();
    for (name, entry, in_function, in_namespace) in table {
        let claim_text = json!([entry]).to_string();
        let trick = "every id that is named must be this one's, byte for byte";
        let name = format!("entry-{name}");
        cases.push(claim(bench, &name, trick, &claim_text, in_function));
        cases.push(claim(bench, &format!("{name}-for-a-namespace"), trick, &claim_text, in_namespace).under("namespace"));
    }
    let escaped = format!(r#"[{{"namespace_id":"\u0033{}"}}]"#, &n[1..]);
    assert!(n.starts_with('3'));
    cases.push(claim(bench, "entry-namespace-escaped", "the right id, written with an escape", &escaped, "allowed"));
    cases
}

fn many(bench: &Bench) -> Vec<Case> {
    let list = |entries: Vec<String>| format!("[{}]", entries.join(","));
    let good = grant(NAMESPACE, "").to_string();
    let bad = grant(OTHER_NAMESPACE, "").to_string();
    let after = |others: Vec<String>| list([others, vec![good.clone()]].concat());
    let halves = list(vec![grant(NAMESPACE, OTHER_APPLICATION).to_string(), grant(OTHER_NAMESPACE, APPLICATION).to_string()]);
    [
        ("good-after-one", after(vec![bad.clone()]), "allowed"),
        ("good-before-one", list(vec![good.clone(), bad.clone()]), "allowed"),
        ("good-after-sixty", after(vec![bad.clone(); 60]), "allowed"),
        ("good-after-a-thousand-empty", after(vec!["{}".to_owned(); 1500]), "allowed"),
        ("good-after-a-contradiction", after(vec![json!({"application_id": "a", "function_id": "b"}).to_string()]), "allowed"),
        ("sixty-elsewhere", list(vec![bad; 60]), "not_granted"),
        ("a-thousand-empty", list(vec!["{}".to_owned(); 1500]), "not_granted"),
        ("ten-thousand-empty", after(vec!["{}".to_owned(); 10_000]), "oversized_token"),
        ("ten-thousand", after(vec![grant(OTHER_NAMESPACE, "").to_string(); 10_000]), "oversized_token"),
        ("two-halves", halves, "not_granted"),
    ]
    .into_iter()
    .map(|(name, value, expected)| {
        let case = claim(bench, &format!("many-{name}"), "many entries: any one admits, and no two together do", &value, expected);
        // Past Envoy's limit for all headers.
        let refused = name == "ten-thousand";
        if refused { case.over_http(super::Carried::Refused) } else { case }
    })
    .collect()
}
