//! The keys that sign what gateways are told.

use super::*;

/// Whether a signature is good by the key in its PEM.
fn is_good(message: &[u8], by: &TrustSignature) -> bool {
    let text: String = by.public_pem.lines().filter(|line| !line.starts_with("---")).collect();
    let spki = STANDARD.decode(text).unwrap();
    // RFC 8410 §4: the key is the end of the 44 bytes.
    assert_eq!(spki.len(), 44);
    UnparsedPublicKey::new(&ED25519, &spki[12..]).verify(message, &by.signature).is_ok()
}

#[tokio::test]
async fn both_trust_keys_sign_until_the_old_one_is_dropped() {
    let service = Service::new().await;
    let Service { authority, operator, .. } = &service;
    let message = b"what gateways are told";
    let [first] = authority.sign_for_gateways(message).await.unwrap().try_into().unwrap();
    assert!(is_good(message, &first) && !is_good(b"else", &first));
    is_refused(authority.drop_old_trust_key(operator, None).await, "found fewer");
    go_to(1);
    let new = authority.add_trust_key(operator).await.unwrap();
    is_refused(authority.add_trust_key(operator).await, "two trust keys already");
    // Another process has noticed at once.
    let other = service.another();
    for authority in [authority, &other] {
        let [old, second] = authority.sign_for_gateways(message).await.unwrap().try_into().unwrap();
        assert_eq!((old.key_id, second.key_id), (first.key_id, new.id));
        assert_eq!(second.public_pem, new.public_pem);
        assert!(is_good(message, &old) && is_good(message, &second));
    }
    assert_eq!(authority.drop_old_trust_key(operator, None).await.unwrap().id, first.key_id);
    let [left] = other.sign_for_gateways(message).await.unwrap().try_into().unwrap();
    assert_eq!(left.key_id, new.id);
    assert_eq!(service.audit(2), ["created trust_key", "deleted trust_key"]);
    let keys = authority.trust_keys(operator).await.unwrap();
    assert!(keys == [new]);
}

#[tokio::test]
async fn a_trust_key_opens_under_its_own_id_and_secrets_key_alone() {
    let service = Service::new().await;
    let keys = service.authority.trust_keys(&service.operator).await.unwrap();
    let [key] = keys.as_slice() else { panic!("{} keys", keys.len()) };
    let fresh = || Keys::new(Arc::clone(&service.secrets));
    assert!(fresh().open_trust_key(key).await.is_ok());
    let mut moved = key.clone();
    moved.id = Uuid::new_v4();
    assert!(matches!(fresh().open_trust_key(&moved).await.err(), Some(Refusal::Internal(_))));
    let other = Keys::new(Arc::new(SecretsKey::new(&[7; 32]).unwrap()));
    assert!(matches!(other.open_trust_key(key).await.err(), Some(Refusal::Internal(_))));
}
