//! The protobuf that the filter reads and writes by hand, held against `prost`.

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

use namespace_jwt::host_verifier::HostVerifier;
use namespace_jwt::structs;
use namespace_jwt_core::access::Access;
use namespace_jwt_core::config::{Config, Environment, SignatureVerification};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::verify::{Backend as _, Checked, Message as Signed};
use prost::Message as _;
use serde_json::{Value, json};
use testkit::mint::{Key, Kind};
use testkit::protected::NAMESPACE;
use testkit::protobuf::{
    Any, Entry, ListValue, Struct, TypedStruct, VerifySignatureArguments, VerifySignatureResult,
    structure, value,
};

fn wire(object: &Value) -> Vec<u8> {
    structure(object.as_object().unwrap()).encode_to_vec()
}

fn read(bytes: &[u8]) -> Result<Option<Value>, String> {
    let read = structs::read(bytes.to_vec()).map_err(|error| error.to_string())?;
    Ok((read != bytes).then(|| serde_json::from_slice(&read).unwrap()))
}

#[test]
fn a_struct_is_the_object_that_it_was() {
    for object in [
        json!({
            "none": null, "whole": 404, "below": -1, "part": 1.5, "text": "é", "yes": true,
            "no": false, "object": {"inner": ""}, "list": ["one", 2, []], "empty": {}, "": "x",
        }),
        json!({"short": "-".repeat(127), "long": "-".repeat(128), "longer": "-".repeat(20_000)}),
        json!({"list": vec![json!({"a": vec!["b"; 100]}); 100]}),
    ] {
        assert_eq!(read(&wire(&object)), Ok(Some(object)));
    }
    // `{}` is no bytes at all, and so is no configuration.
    assert_eq!(wire(&json!({})), b"");
    let twice = wire(&json!({"a": 1})).repeat(2);
    let entry = |key: Option<&str>, held| {
        let fields = vec![Entry { key: key.map(str::to_owned), value: held }];
        Struct { fields }.encode_to_vec()
    };
    for not_one in [twice, entry(Some("a"), None), entry(None, Some(value(&json!("a"))))] {
        assert_eq!(structs::to_json(&not_one), None);
    }
}

#[test]
fn another_message_is_named() {
    let type_url = "type.googleapis.com/some.Type".to_owned();
    let members = structure(json!({"text": "value"}).as_object().unwrap());
    for (bytes, name) in [
        (
            TypedStruct { type_url: type_url.clone(), value: Some(members) }.encode_to_vec(),
            "a TypedStruct;",
        ),
        (
            TypedStruct { type_url: type_url.clone(), value: None }.encode_to_vec(),
            "a TypedStruct without a value;",
        ),
        (
            Any { type_url, value: b"\x08\x96\x01".to_vec() }.encode_to_vec(),
            "an Any inside of the Any;",
        ),
        (value(&json!({"text": "value"})).encode_to_vec(), "a google.protobuf.Value;"),
        (
            ListValue { values: vec![value(&json!("{}"))] }.encode_to_vec(),
            "a google.protobuf.ListValue;",
        ),
    ] {
        let error = read(&bytes).unwrap_err();
        assert!(error.contains(&format!("found {name}")), "{error}");
    }
}

/// What the proxy is asked, and that only its plain yes is one.
#[test]
fn the_proxys_crypto_is_asked_and_answers_in_messages() {
    let asked = RefCell::new(VerifySignatureArguments::default());
    let answer = RefCell::new(None);
    let key = Key::named(Kind::Rsa(2048), "namespace");
    let config = json!({"namespace_id": NAMESPACE, "public_key": key.public_pem()}).to_string();
    let config = Config::from_json(config.as_bytes(), &Environment::default()).unwrap();
    let Access::Private(private) = config.access else { panic!() };
    let keys = private.keys;
    let result = |result, error: &str| VerifySignatureResult { result, error: error.into() };
    // While it proves itself the first signature is good, and the two after it are not.
    let answers = RefCell::new(vec![result(false, "bad"), result(false, "bad"), result(true, "")]);
    let call = |arguments: &[u8]| -> Result<Vec<u8>, String> {
        *asked.borrow_mut() = VerifySignatureArguments::decode(arguments).unwrap();
        // Byte for byte what a writer makes of it.
        assert_eq!(asked.borrow().encode_to_vec(), arguments);
        let proof = answers.borrow_mut().pop();
        let next = proof.or_else(|| answer.borrow_mut().take()).unwrap();
        Ok(VerifySignatureResult::encode_to_vec(&next))
    };
    let prepared =
        HostVerifier::prepare(call, SignatureVerification::Host, &[Algorithm::Rs256], &[]);
    let verifier = prepared.map_err(|why| panic!("{why}")).unwrap().verifier;
    let key = &keys.keys()[0];
    for (says, expected) in [
        (result(true, ""), Checked::Good),
        (result(false, "bad"), Checked::Bad),
        (result(false, "out of memory"), Checked::Unanswered),
        (result(false, ""), Checked::Unanswered),
        (result(true, "but"), Checked::Unanswered),
    ] {
        *answer.borrow_mut() = Some(says.clone());
        let checked =
            verifier.verify(key, key.algorithms()[0], &Signed::new(b"text"), b"signature");
        assert_eq!(checked, expected, "{says:?}");
        let VerifySignatureArguments { hash_function, public_key, signature, text } =
            asked.borrow().clone();
        assert_eq!(hash_function, "sha256");
        assert_eq!(Some(public_key), key.material().to_spki_der());
        assert_eq!((signature.as_slice(), text.as_slice()), (&b"signature"[..], &b"text"[..]));
    }
}
