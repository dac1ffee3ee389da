use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const UUID: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";

#[test]
fn a_record_is_the_beginning_of_the_ids_hash() {
    // printf %s 3c8710f8-0643-42b6-9275-3b0ad4bf6b75 | sha256sum
    let claims = |id: &str| Claims::parse(format!(r#"{{"jti":"{id}"}}"#).as_bytes()).unwrap();
    for (token_id, expected) in [
        ("", "e3b0c44298fc1c14"),
        ("abc", "ba7816bf8f01cfea"),
        ("ABC", "b5d4045c3f466fa9"),
        (UUID, "5da4caafc37bddac"),
        (&UUID.to_uppercase(), "5da4caafc37bddac"),
    ] {
        assert_eq!(TokenHash::of(token_id).to_string(), expected, "{token_id}");
        let of_claims = TokenHash::of_claims(&claims(token_id));
        assert_eq!(of_claims, Some(TokenHash::of(token_id)), "{token_id}");
    }
    assert_eq!(TokenHash::of_claims(&Claims::parse(b"{}").unwrap()), None);
}
