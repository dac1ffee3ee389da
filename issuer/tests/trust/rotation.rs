//! A namespace's next key.

use namespace_jwt_issuer::authority::rotation::{DEFAULT_AHEAD, LEAST_AHEAD};

use super::*;

fn graceful(seconds: u64) -> Rotation {
    Rotation::Graceful { ahead: DEFAULT_AHEAD, grace: Duration::from_secs(seconds) }
}

/// What is due now, where no clock was ever set.
async fn look(authority: &Authority) -> Vec<KeyStep> {
    authority.advance_keys(crate::elapsed()).await.unwrap()
}

/// Looks each second until so many after the beginning, as the service does, now and then among
/// them. What was done on the way.
async fn run_to(authority: &Authority, seconds: u64) -> Vec<KeyStep> {
    let mut done = look(authority).await;
    while now() < at(seconds) {
        crate::set(crate::elapsed() + Duration::from_secs(1));
        done.extend(look(authority).await);
    }
    done
}

#[tokio::test]
async fn a_new_key_is_published_for_half_a_minute_and_then_signs() {
    use KeyState::{Active, Next, Retired};
    let service = Service::new().await;
    let Service { authority, operator, .. } = &service;
    let namespace = service.namespace("one").await;
    assert_eq!(look(authority).await, []);
    go_to(HOUR);
    let before = service.token(&namespace, Some(at(HOUR + 500))).await.unwrap();

    let sequence = service.sequence().await;
    let trial = authority.rotate_key(operator, namespace.id, graceful(DAY), None, true);
    let trial = trial.await.unwrap();
    assert_eq!(
        (service.sequence().await, service.states(&namespace).await),
        (sequence, vec![Active])
    );
    let plan = authority.rotate_key(operator, namespace.id, graceful(DAY), None, false);
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
    let again = authority.rotate_key(operator, namespace.id, graceful(DAY), None, false);
    is_refused(again.await, "next key is there already");

    // Until then the old one signs.
    for seconds in [0, 29] {
        assert_eq!(run_to(authority, HOUR + seconds).await, []);
        let token = service.token(&namespace, Some(at(HOUR + 400))).await.unwrap();
        assert_eq!(token.token.key_id, before.token.key_id);
    }
    let signs = KeyStep::Signs { namespace_id: namespace.id, key_id: key.id };
    assert_eq!(run_to(authority, HOUR + 30).await, [signs]);
    assert_eq!(look(authority).await, []);
    assert_eq!(service.states(&namespace).await, [Retired, Active]);
    let after = service.token(&namespace, None).await.unwrap();
    assert_eq!((after.token.key_id, &after.public_pem), (key.id, &key.public_pem));
    assert_eq!(service.audit(2)[0], "updated function_namespace_key");

    // The old one is good until its last token has expired, at the most lenient gateway.
    go_to(HOUR + 500 + HOUR - 1);
    assert_eq!(look(authority).await, []);
    go_to(HOUR + 500 + HOUR);
    let ended = KeyStep::Ended { namespace_id: namespace.id, key_id: before.token.key_id };
    assert_eq!(look(authority).await, [ended]);
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
    look(authority).await;
    go_to(HOUR);
    let lasting = service.token(&namespace, None).await.unwrap();
    let rotation = graceful(100);
    let plan = authority.rotate_key(&service.owner, namespace.id, rotation, None, false);
    assert_eq!(plan.await.unwrap().tokens.endless, 1);
    // Whoever looks late gives it the whole of its grace.
    go_to(HOUR + 30);
    assert_eq!(run_to(authority, HOUR + 60).await.len(), 1);
    go_to(HOUR + 159);
    assert_eq!(look(authority).await, []);
    assert!(service.is_there(lasting.token.id).await);
    go_to(HOUR + 160);
    assert_eq!(look(authority).await.len(), 1);
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
    authority.rotate_key(operator, namespace.id, rotation, None, false).await.unwrap();
    go_to(DAY);
    let started_later = service.another();
    assert_eq!(run_to(&started_later, DAY + 29).await, []);
    assert_eq!(service.states(&namespace).await, [KeyState::Active, KeyState::Next]);
    assert_eq!(run_to(&started_later, DAY + 30).await.len(), 1);
    // What one has done nobody does again.
    assert_eq!(look(authority).await, []);
    go_to(DAY + 61);
    assert_eq!(look(authority).await.len(), 1, "it has no tokens");
}

#[tokio::test]
async fn a_compromised_key_goes_at_once_with_its_tokens_and_all_others() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let token = service.token(&namespace, None).await.unwrap();
    let Service { authority, operator, .. } = &service;
    let next = authority.rotate_key(operator, namespace.id, graceful(DAY), None, false);
    let next = next.await.unwrap().key.unwrap();
    let rotate = |is_trial| {
        let (rotation, es256) = (Rotation::Compromised, Some(KeyType::P256));
        authority.rotate_key(operator, namespace.id, rotation, es256, is_trial)
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
    assert_eq!(look(authority).await, []);
}

#[tokio::test]
async fn a_rotation_is_of_a_namespace_that_is_there_and_has_room() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let Service { authority, operator, .. } = &service;
    let unknown = Uuid::new_v4();
    let missing = Some(Resource::Namespace.not_found(unknown));
    let refused = authority.rotate_key(operator, unknown, graceful(1), None, true);
    assert_eq!(refused.await.err(), missing);
    look(authority).await;
    for round in 1..16 {
        service.token(&namespace, None).await.unwrap();
        let plan = authority.rotate_key(operator, namespace.id, graceful(DAY), None, false);
        plan.await.unwrap();
        assert_eq!(run_to(authority, 60 * round).await.len(), 1);
    }
    assert_eq!(service.states(&namespace).await.len(), 16);
    let refused = authority.rotate_key(operator, namespace.id, graceful(1), None, true);
    is_refused(refused.await, "as many keys as gateways take");
}

#[tokio::test]
async fn how_long_ahead_and_how_long_after_is_for_whoever_rotates_to_say() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let Service { authority, operator, .. } = &service;
    let rotation = |ahead, grace| Rotation::Graceful {
        ahead: Duration::from_secs(ahead),
        grace: Duration::from_secs(grace),
    };
    for (rotation, words) in [
        (rotation(9, 0), "ahead: expected 10 seconds to 30 days"),
        (rotation(30 * DAY + 1, 0), "ahead: expected 10 seconds to 30 days"),
        (rotation(30, 3650 * DAY + 1), "grace: expected at most 3650 days"),
    ] {
        let refused = authority.rotate_key(operator, namespace.id, rotation, None, true).await;
        is_refused(refused, words);
    }
    let plan = authority.rotate_key(operator, namespace.id, rotation(600, 0), None, false);
    let plan = plan.await.unwrap();
    assert_eq!((plan.signs_at, plan.ends_at), (at(600), at(600)));
    assert_eq!(run_to(authority, 599).await, []);
    assert_eq!(run_to(authority, 600).await.len(), 1);
    assert_eq!(run_to(authority, 601).await.len(), 1, "there is no grace");
}

#[tokio::test]
async fn a_clock_that_is_set_and_a_pause_make_a_key_sign_later_and_not_earlier() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let Service { authority, operator, .. } = &service;
    let rotation = graceful(DAY);
    authority.rotate_key(operator, namespace.id, rotation, None, false).await.unwrap();
    let step = |seconds| authority.advance_keys(Duration::from_secs(seconds));
    assert_eq!(step(100).await.unwrap(), []);
    go_to(HOUR);
    for seconds in 101..=120 {
        assert_eq!(step(seconds).await.unwrap(), [], "an hour by the clock alone");
    }
    // It stood still, or couldn't read the database: nobody could hear of the key meanwhile.
    for seconds in 126..156 {
        assert_eq!(step(seconds).await.unwrap(), [], "{seconds}");
    }
    go_to(0);
    for seconds in 156..=200 {
        assert_eq!(step(seconds).await.unwrap(), [], "not before the time that was told");
    }
    go_to(30);
    assert_eq!(step(201).await.unwrap().len(), 1);
}

/// Seconds of a service that stalls, ends, is started anew, and whose clock is set, with rotations
/// at any time, and gateways that ask each 5 seconds.
#[tokio::test]
async fn no_key_ever_signs_that_was_published_for_less_than_two_refreshes() {
    const REFRESH: u64 = 5;
    let (mut rotations, mut signing) = (0, 0);
    for seed in 1..=8_u64 {
        let service = Service::new().await;
        go_to(HOUR);
        let namespace = service.namespace("one").await;
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |end: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % end
        };
        let mut process = Some((service.another(), 0));
        let mut stalled = 0;
        // The next key, since when it is told without a longer pause than a refresh, and when last.
        let mut told = (Uuid::nil(), 0, 0);
        // Which next key each of five gateways heard of, who ask in turn.
        let mut heard = [Uuid::nil(); REFRESH as usize];
        for second in 1..900 {
            let forth = if below(60) == 0 { below(HOUR) } else { 1 };
            let back = if below(60) == 0 { below(HOUR) } else { 0 };
            crate::set(Duration::from_secs(crate::elapsed().as_secs() + forth - back));
            match below(90) {
                0 => process = None,
                1 => stalled = below(12),
                _ => stalled = stalled.saturating_sub(1),
            }
            if process.is_none() && below(8) == 0 {
                process = Some((service.another(), second));
            }
            if below(20) == 0 {
                let ahead = LEAST_AHEAD + Duration::from_secs(below(30));
                let rotation = Rotation::Graceful { ahead, grace: Duration::from_secs(HOUR) };
                let Service { authority, operator, .. } = &service;
                let plan = authority.rotate_key(operator, namespace.id, rotation, None, false);
                // Mostly one is under way.
                rotations += u32::from(plan.await.is_ok());
            }
            let Some((authority, started)) = process.as_ref().filter(|_| stalled == 0) else {
                continue;
            };
            let keys = service.told(&namespace).await.keys;
            if let Some(next) = keys.iter().find(|key| key.state == KeyState::Next) {
                let (key, since, last) = told;
                let goes_on = key == next.id && last >= *started && second - last <= REFRESH;
                told = (next.id, if goes_on { since } else { second }, second);
                heard[(second % REFRESH) as usize] = next.id;
            }
            let running = Duration::from_secs(second - started);
            for step in authority.advance_keys(running).await.unwrap() {
                let KeyStep::Signs { key_id, .. } = step else { continue };
                signing += 1;
                let (key, since, _) = told;
                let published = second - since;
                assert!(key == key_id && published >= 2 * REFRESH, "{published} s, seed {seed}");
                assert_eq!(heard, [key_id; REFRESH as usize], "second {second}, seed {seed}");
            }
        }
    }
    assert!(signing > 20, "{signing} of {rotations}");
}
