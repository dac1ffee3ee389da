//! A namespace's next key.

use super::*;

fn graceful(seconds: u64) -> Rotation {
    Rotation::Graceful(Duration::from_secs(seconds))
}

#[tokio::test]
async fn a_new_key_is_published_for_half_a_minute_and_then_signs() {
    use KeyState::{Active, Next, Retired};
    let service = Service::new().await;
    let Service { authority, operator, .. } = &service;
    let namespace = service.namespace("one").await;
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    go_to(HOUR);
    let before = service.token(&namespace, Some(at(HOUR + 500))).await.unwrap();

    let sequence = service.sequence().await;
    let trial = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, true);
    let trial = trial.await.unwrap();
    assert_eq!(
        (service.sequence().await, service.states(&namespace).await),
        (sequence, vec![Active])
    );
    let plan = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, false);
    let plan = plan.await.unwrap();
    for plan in [&trial, &plan] {
        assert_eq!((plan.signs_at, plan.ends_at), (at(HOUR + 30), at(HOUR + 30 + DAY)));
        let expected = (1, 0, Some(at(HOUR + 500)));
        assert_eq!((plan.tokens.all, plan.tokens.endless, plan.tokens.last_expiry), expected);
    }
    assert!(trial.key.is_none());
    let key = plan.key.as_ref().unwrap();
    assert_eq!(key.algorithm, "EdDSA", "of the same type");
    assert_eq!(service.audit(1), ["created function_namespace_key"]);
    assert_eq!(service.states(&namespace).await, [Active, Next]);
    let again = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, false);
    is_refused(again.await, "next key is there already");

    // Until then the old one signs.
    for seconds in [0, 29] {
        go_to(HOUR + seconds);
        assert_eq!(authority.advance_keys().await.unwrap(), []);
        let token = service.token(&namespace, Some(at(HOUR + 400))).await.unwrap();
        assert_eq!(token.token.key_id, before.token.key_id);
    }
    go_to(HOUR + 30);
    let signs = KeyStep::Signs { namespace_id: namespace.id, key_id: key.id };
    assert_eq!(authority.advance_keys().await.unwrap(), [signs]);
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    assert_eq!(service.states(&namespace).await, [Retired, Active]);
    let after = service.token(&namespace, None).await.unwrap();
    assert_eq!((after.token.key_id, &after.public_pem), (key.id, &key.public_pem));
    assert_eq!(service.audit(2)[0], "updated function_namespace_key");

    // The old one is good until its last token has expired, at the most lenient gateway.
    go_to(HOUR + 500 + HOUR - 1);
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    go_to(HOUR + 500 + HOUR);
    let ended = KeyStep::Ended { namespace_id: namespace.id, key_id: before.token.key_id };
    assert_eq!(authority.advance_keys().await.unwrap(), [ended]);
    let told = service.told(&namespace).await;
    assert_eq!(told.keys.iter().map(|it| it.id).collect::<Vec<_>>(), [key.id]);
    assert_eq!(told.revoked_keys[0].id, before.token.key_id);
    assert!(service.is_there(after.token.id).await);
    assert_eq!(service.audit(1), ["deleted function_namespace_key"]);
}

#[tokio::test]
async fn a_key_with_lasting_tokens_ends_with_its_grace() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let authority = &service.authority;
    authority.advance_keys().await.unwrap();
    go_to(HOUR);
    let lasting = service.token(&namespace, None).await.unwrap();
    let rotation = graceful(100);
    let plan = authority.rotate_key(&service.owner, namespace.id, None, rotation, None, false);
    assert_eq!(plan.await.unwrap().tokens.endless, 1);
    // Whoever looks late gives it the whole of its grace.
    go_to(HOUR + 60);
    assert_eq!(authority.advance_keys().await.unwrap().len(), 1);
    go_to(HOUR + 159);
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    assert!(service.is_there(lasting.token.id).await);
    go_to(HOUR + 160);
    assert_eq!(authority.advance_keys().await.unwrap().len(), 1);
    assert!(!service.is_there(lasting.token.id).await);
    assert_eq!(service.told(&namespace).await.revoked_keys[0].id, lasting.token.key_id);
}

#[tokio::test]
async fn no_key_signs_that_was_in_the_database_while_nobody_published_it() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let rotation = graceful(DAY);
    go_to(1);
    let Service { authority, operator, .. } = &service;
    authority.rotate_key(operator, namespace.id, None, rotation, None, false).await.unwrap();
    go_to(DAY);
    let started_later = service.another();
    assert_eq!(started_later.advance_keys().await.unwrap(), []);
    go_to(DAY + 29);
    assert_eq!(started_later.advance_keys().await.unwrap(), []);
    assert_eq!(service.states(&namespace).await, [KeyState::Active, KeyState::Next]);
    go_to(DAY + 30);
    assert_eq!(started_later.advance_keys().await.unwrap().len(), 1);
    // What one has done nobody does again.
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    go_to(DAY + 61);
    assert_eq!(authority.advance_keys().await.unwrap().len(), 1, "it has no tokens");
}

#[tokio::test]
async fn a_compromised_key_goes_at_once_with_its_tokens_and_all_others() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let token = service.token(&namespace, None).await.unwrap();
    let Service { authority, operator, .. } = &service;
    let next = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, false);
    let next = next.await.unwrap().key.unwrap();
    let rotate = |is_trial| {
        let (rotation, es256) = (Rotation::Compromised, Some(KeyType::P256));
        authority.rotate_key(operator, namespace.id, None, rotation, es256, is_trial)
    };
    assert_eq!(rotate(true).await.unwrap().tokens.all, 1);
    assert!(service.is_there(token.token.id).await);
    let plan = rotate(false).await.unwrap();
    assert_eq!((plan.tokens.all, plan.signs_at, plan.ends_at), (1, now(), now()));
    let key = plan.key.unwrap();
    assert_eq!(key.algorithm, "ES256");
    assert!(!service.is_there(token.token.id).await);
    let told = service.told(&namespace).await;
    assert_eq!(
        told.keys.iter().map(|it| (it.id, it.state)).collect::<Vec<_>>(),
        [(key.id, KeyState::Active)]
    );
    let mut revoked: Vec<_> = told.revoked_keys.iter().map(|it| it.id).collect();
    let mut expected = vec![token.token.key_id, next.id];
    revoked.sort();
    expected.sort();
    assert_eq!(revoked, expected);
    let token = service.token(&namespace, None).await.unwrap();
    assert_eq!(token.token.key_id, key.id);
    go_to(2 * DAY);
    assert_eq!(authority.advance_keys().await.unwrap(), []);
}

#[tokio::test]
async fn a_rotation_is_of_a_namespace_that_is_there_and_has_room() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let Service { authority, operator, .. } = &service;
    let missing = Some(Refusal::NotFound(Resource::Namespace));
    let unknown = Uuid::new_v4();
    let refused = authority.rotate_key(operator, unknown, None, graceful(1), None, true);
    assert_eq!(refused.await.err(), missing);
    let there = Some((Product::Containers, Region::default_region()));
    let refused = authority.rotate_key(operator, namespace.id, there, graceful(1), None, true);
    assert_eq!(refused.await.err(), missing);
    authority.advance_keys().await.unwrap();
    for round in 1..16 {
        service.token(&namespace, None).await.unwrap();
        let plan = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, false);
        plan.await.unwrap();
        go_to(60 * round);
        assert_eq!(authority.advance_keys().await.unwrap().len(), 1);
    }
    assert_eq!(service.states(&namespace).await.len(), 16);
    let refused = authority.rotate_key(operator, namespace.id, None, graceful(1), None, true);
    is_refused(refused.await, "as many keys as gateways take");
}
