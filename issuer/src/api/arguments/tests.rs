use zeroize::Zeroizing;

use super::*;
use crate::model::variables::SecretChange;

fn arguments(body: &str) -> Arguments {
    Arguments::of_body(body.as_bytes()).unwrap()
}

#[test]
fn a_body_is_a_json_object_or_empty() {
    for body in ["", " \n", "{}", r#"{"unknown":[{"to":null}]}"#] {
        assert!(arguments(body).faults().is_empty());
    }
    for body in ["[]", "null", "7", "\"text\"", "{", "{} {}", "\u{feff}{}", "name=x"] {
        assert!(Arguments::of_body(body.as_bytes()).is_err(), "{body}");
    }
    // Deeper than a reader goes, and answered all the same.
    assert!(Arguments::of_body("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn null_means_absent() {
    let mut it = arguments(
        r#"{"description":null,"tags":null,"expires_at":null,"min_scale":null,
            "environment_variables":null,"secret_environment_variables":null}"#,
    );
    assert_eq!((it.description_text(), it.texts("tags")), (None, None));
    assert_eq!((it.time("expires_at"), it.number("min_scale")), (None, None));
    let variables = it.listed_variables();
    assert!(variables.plain.is_none() && !variables.has_secrets());
    assert!(it.faults().is_empty());
}

#[test]
fn every_fault_is_told_at_once() {
    let mut it = arguments(
        r#"{"tags":[1],"namespace_id":"x","min_scale":-1,"timeout":"soon","privacy":"secret",
            "expires_at":"2026-01-02T03:04:05"}"#,
    );
    it.new_name();
    it.required_id("namespace_id");
    it.required_id("function_id");
    it.texts("tags");
    it.number("min_scale");
    it.duration("timeout");
    it.choice("privacy", "unknown_privacy", &["public", "private"]);
    it.time("expires_at");
    let faults = it.faults();
    let faults: Vec<_> =
        faults.iter().map(|fault| (fault.name.as_str(), fault.reason.name())).collect();
    let expected = [
        ("name", "required"),
        ("namespace_id", "format"),
        ("function_id", "required"),
        ("tags", "format"),
        ("min_scale", "constraint"),
        ("timeout", "format"),
        ("privacy", "constraint"),
        ("expires_at", "format"),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn lengths_of_time_are_read_as_clients_write_them() {
    for (text, expected) in [
        ("300s", Some(Duration::from_secs(300))),
        ("300.000000000s", Some(Duration::from_secs(300))),
        ("1.5s", Some(Duration::from_millis(1500))),
        ("0.000000001s", Some(Duration::from_nanos(1))),
        ("300", None),
        ("s", None),
        (".5s", None),
        ("1.s", None),
        ("-1s", None),
        ("1.0000000000s", None),
        ("1m", None),
        ("99999999999999999999s", None),
    ] {
        assert_eq!(parse_seconds(text), expected, "{text}");
    }
}

#[test]
fn a_time_is_one_that_an_answer_can_write() {
    for (text, reason) in [
        ("9999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-00:01", Some("constraint")),
        ("9999-12-31T23:59:59.5Z", Some("constraint")),
        ("1970-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", Some("constraint")),
        ("2030-01-01", Some("format")),
    ] {
        let found = read_time("expires_at", text).err().map(|fault| fault.reason.name());
        assert_eq!(found, reason, "{text}");
    }
}

#[test]
fn a_secret_in_a_list_is_removed_by_null_and_others_stay() {
    let mut it = arguments(
        r#"{"secret_environment_variables":
            [{"key":"A","value":"1"},{"key":"B","value":null},{"key":"C"}]}"#,
    );
    let change = it.listed_variables();
    assert!(it.faults().is_empty());
    assert_eq!(change.secret["A"], SecretChange::Set(Zeroizing::new("1".to_owned())));
    assert_eq!(change.secret["B"], SecretChange::Remove);
    assert_eq!(change.secret["C"], SecretChange::Remove);
    assert!(!change.removes_other_secrets);
}

#[test]
fn secrets_in_a_map_are_all_and_an_empty_one_is_known_already() {
    let mut it = arguments(r#"{"secret_environment_variables":{"A":"1","B":"","C":null}}"#);
    let change = it.mapped_variables();
    assert!(it.faults().is_empty());
    assert_eq!(change.secret["A"], SecretChange::Set(Zeroizing::new("1".to_owned())));
    assert_eq!(change.secret["B"], SecretChange::Keep(Zeroizing::new(String::new())));
    assert!(!change.secret.contains_key("C") && change.removes_other_secrets);
    assert!(!arguments("{}").mapped_variables().has_secrets());
}

#[test]
fn megabytes_are_whole_ones_in_bytes() {
    for (bytes, expected) in [
        ("2048000000", Some(2048)),
        ("0", Some(0)),
        ("1000001", None),
        ("-1000000", None),
        ("4294967296000000", None),
    ] {
        let mut it = arguments(&format!(r#"{{"memory_limit_bytes":{bytes}}}"#));
        assert_eq!(it.megabytes("memory_limit_bytes"), expected, "{bytes}");
        assert_eq!(it.faults().is_empty(), expected.is_some(), "{bytes}");
    }
}

#[test]
fn what_is_asked_for_is_noted_without_a_request() {
    let mut it = Arguments::describing();
    it.new_name();
    it.texts("tags");
    it.object("probe", |it| it.required_id("of"));
    let (asked, is_closed) = it.description();
    let described = asked::object(asked, is_closed);
    assert_eq!(described["required"], json!(["name"]));
    assert_eq!(described["properties"]["tags"]["type"], json!(["array", "null"]));
    let probe = &described["properties"]["probe"];
    assert_eq!(probe["required"], json!(["of"]));
    assert_eq!(probe["properties"]["of"], asked::uuid());
}
