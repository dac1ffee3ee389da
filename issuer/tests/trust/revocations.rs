//! What is revoked by an id or by its time.

use super::*;

#[tokio::test]
async fn an_id_is_revoked_whether_it_is_known_or_not() {
    let service = Service::new().await;
    let Service { authority, operator, owner, .. } = &service;
    let (one, two) = (service.namespace("one").await, service.namespace("two").await);
    let token = service.token(&one, None).await.unwrap().token;
    let known = TokenId::parse(&token.id.to_string().to_uppercase()).unwrap();
    let sequence = service.sequence().await;
    let wrong = authority.revoke_id(operator, known.clone(), Some(two.id), None, false).await;
    is_refused(wrong, "of another namespace");
    for (is_trial, is_there) in [(true, true), (false, false)] {
        let done = authority.revoke_id(operator, known.clone(), None, None, is_trial).await;
        assert_eq!(done, Ok(IdRevocation::Deleted(token.clone())));
        assert_eq!(service.is_there(token.id).await, is_there);
        assert_eq!(service.sequence().await > sequence, !is_trial);
    }
    assert_eq!(service.audit(1), ["deleted function_token"]);
    let again = authority.revoke_id(operator, known, Some(one.id), None, false).await;
    assert_eq!(again, Ok(IdRevocation::Already));

    let lost = TokenId::parse("minted-elsewhere/7").unwrap();
    let sequence = service.sequence().await;
    let alone = authority.revoke_id(owner, lost.clone(), None, None, false).await;
    is_refused(alone, "expected the namespace");
    let nowhere = Some(Uuid::new_v4());
    let refused = authority.revoke_id(operator, lost.clone(), nowhere, None, false).await;
    assert_eq!(refused.err(), nowhere.map(|id| Resource::Namespace.not_found(id)));
    let of = Some(one.id);
    let trial = authority.revoke_id(owner, lost.clone(), of, None, true).await;
    assert_eq!(trial, Ok(IdRevocation::Remembered));
    assert_eq!(service.sequence().await, sequence);
    let done = authority.revoke_id(owner, lost.clone(), of, Some(at(1)), false).await;
    assert_eq!(done, Ok(IdRevocation::Remembered));
    assert_eq!(service.audit(1), ["created revocation"]);
    let log = async |namespace: &Namespace| {
        let scope = TrustScope::Namespace(namespace.id);
        authority.scope_state(scope, None).await.unwrap().unwrap().log.records
    };
    assert_eq!((log(&one).await.len(), log(&two).await.len()), (2, 0));
    // For one namespace is not for all.
    let done = authority.revoke_id(operator, lost.clone(), None, None, false).await;
    assert_eq!(done, Ok(IdRevocation::Remembered));
    assert_eq!(log(&two).await, [lost.record()]);
    let done = authority.revoke_id(operator, lost, None, None, false).await;
    assert_eq!(done, Ok(IdRevocation::Already));
}

#[tokio::test]
async fn what_was_issued_before_a_second_is_revoked_and_what_comes_later_is_not() {
    let service = Service::new().await;
    let Service { authority, operator, owner, .. } = &service;
    let namespace = service.namespace("one").await;
    let early = service.token(&namespace, None).await.unwrap().token;
    crate::set(Duration::from_millis(BEGIN * 1000 + 10_400));
    let recent = service.token(&namespace, None).await.unwrap().token;
    let of = Marked::Namespace(namespace.id);
    let too_late = authority.revoke_issued_before(operator, of, at(12), false).await;
    is_refused(too_late, "isn't in the future");
    for (is_trial, is_there) in [(true, true), (false, false)] {
        let done = authority.revoke_issued_before(operator, of, at(10), is_trial).await.unwrap();
        assert_eq!((done.not_before, done.is_moved, done.tokens.all), (at(10), true, 1));
        assert_eq!(service.is_there(early.id).await, is_there);
    }
    assert!(service.is_there(recent.id).await);
    assert_eq!(service.audit(1), ["updated function_namespace_mark"]);
    let sequence = service.sequence().await;
    let back = authority.revoke_issued_before(owner, of, at(3), false).await.unwrap();
    assert_eq!((back.not_before, back.is_moved, back.tokens.all), (at(10), false, 0));
    assert_eq!(service.sequence().await, sequence);

    // Up to now is up to the end of this second: a token of it can't be told from one before.
    let done = authority.revoke_issued_before(operator, of, now(), false).await.unwrap();
    assert_eq!((done.not_before, done.tokens.all), (at(11), 1));
    assert!(!service.is_there(recent.id).await);
    assert_eq!(service.token(&namespace, None).await.err(), Some(Refusal::Busy));
    go_to(11);
    let token = service.token(&namespace, None).await.unwrap().token;

    let here = Region::default_region();
    let change = ApplicationChange::default();
    let new = NewApplication { name: "app".to_owned(), namespace_id: namespace.id, change };
    let app = authority.create_application(owner, FUNCTIONS, &here, new).await.unwrap();
    go_to(20);
    let of = Marked::Application(app.id);
    authority.revoke_issued_before(owner, of, now(), false).await.unwrap();
    assert_eq!(service.audit(1), ["updated function_mark"]);
    assert!(service.is_there(token.id).await, "it isn't for the application alone");
    let of = Marked::Bearer(service.owner_id);
    let done = authority.revoke_issued_before(operator, of, now(), false).await.unwrap();
    assert_eq!(done.tokens.all, 1);
    assert_eq!(service.audit(1), ["updated bearer_mark"]);
    assert!(!service.is_there(token.id).await);
    for (of, missing) in [
        (Marked::Namespace(app.id), Resource::Namespace.not_found(app.id)),
        (Marked::Application(namespace.id), Resource::AnyApplication.not_found(namespace.id)),
        (Marked::Bearer(app.id), Resource::User.not_found(app.id)),
    ] {
        let refused = authority.revoke_issued_before(operator, of, now(), true).await.err();
        assert_eq!(refused, Some(missing));
    }
}

#[tokio::test]
async fn what_another_organization_has_is_as_unknown_as_what_nobody_has() {
    let service = Service::new().await;
    let Service { authority, owner, .. } = &service;
    let (own, others) = (service.namespace("own").await, service.namespace("others").await);
    let here = Region::default_region();
    let change = ApplicationChange::default();
    let new = NewApplication { name: "app".to_owned(), namespace_id: others.id, change };
    let app = authority.create_application(owner, FUNCTIONS, &here, new).await.unwrap();
    let (kept, gone) =
        (service.token(&others, None).await.unwrap(), service.token(&others, None).await.unwrap());
    authority.delete_token(owner, &here, gone.token.id).await.unwrap();
    // It becomes another's, which the service itself never does.
    let beside = rusqlite::Connection::open(service.folder.file("issuer.db")).unwrap();
    let other = Uuid::max();
    beside.execute("INSERT INTO organizations VALUES (?1, ?1, 0, '', x'')", [other]).unwrap();
    let sql = "UPDATE namespaces SET organization_id = ? WHERE id = ?";
    beside.execute(sql, [other, others.id]).unwrap();
    let stranger = Uuid::new_v4();
    let sql = "INSERT INTO users VALUES (?, ?, 'owner', '', 'owner', '', '', '', '', '[]', 0, NULL, 0, 0, NULL, NULL)";
    beside.execute(sql, [stranger, other]).unwrap();

    let sequence = service.sequence().await;
    for id in [kept.token.id, gone.token.id, Uuid::new_v4()] {
        let id = TokenId::from(id);
        let alone = authority.revoke_id(owner, id.clone(), None, None, true).await;
        is_refused(alone, "expected the namespace");
        let in_own = authority.revoke_id(owner, id.clone(), Some(own.id), None, true).await;
        assert_eq!(in_own, Ok(IdRevocation::Remembered));
        let in_theirs = authority.revoke_id(owner, id, Some(others.id), None, true).await;
        assert_eq!(in_theirs.err(), Some(Resource::Namespace.not_found(others.id)));
    }
    for (of, missing) in [
        (Marked::Namespace(others.id), Resource::Namespace.not_found(others.id)),
        (Marked::Application(app.id), Resource::AnyApplication.not_found(app.id)),
        (Marked::Bearer(stranger), Resource::User.not_found(stranger)),
    ] {
        let refused = authority.revoke_issued_before(owner, of, now(), false).await.err();
        assert_eq!(refused, Some(missing));
    }
    let rotation = Rotation::Compromised;
    let refused = authority.rotate_key(owner, others.id, rotation, None, false).await.err();
    assert_eq!(refused, Some(Resource::Namespace.not_found(others.id)));
    assert_eq!(service.sequence().await, sequence);
}
