//! All of a piece of work or nothing, however many there are at once.

use std::sync::Arc;
use std::sync::mpsc;

use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::namespace_key::NamespaceKey;
use namespace_jwt_issuer::model::token::Token;
use namespace_jwt_issuer::store::{Store, StoreError, read, write};
use tokio::task::{JoinHandle, JoinSet};

use super::kept::get;
use super::{Database, founded};
use crate::sample::{NOW, Organization, Step, origin, token};

const FUNCTIONS: Product = Product::Functions;

/// Keeps whoever writes at it until it is dropped, so that what comes meanwhile is waiting when it
/// goes on.
struct Held {
    release: mpsc::Sender<()>,
    done: JoinHandle<Result<(), StoreError>>,
}

impl Held {
    async fn new(store: &Arc<dyn Store>) -> Self {
        let (release, wait) = mpsc::channel::<()>();
        let (started, has_started) = mpsc::channel::<()>();
        let store = Arc::clone(store);
        let done = tokio::spawn(async move {
            write(&*store, move |_| {
                let _ = started.send(());
                // It ends when the other side is dropped.
                let _ = wait.recv();
                Ok(())
            })
            .await
        });
        tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
        Self { release, done }
    }

    async fn release(self) {
        drop(self.release);
        self.done.await.unwrap().unwrap();
    }
}

/// What a piece of work does after it has made its token.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Kept,
    Refused,
    TwiceTheSame,
    Panics,
}

/// Makes tokens at once, which end in turn in each of the ways, and tells how each went.
async fn many(
    store: &Arc<dyn Store>,
    organization: Organization,
    key: &NamespaceKey,
    ends: &[End],
) -> Vec<(Token, End, Result<(), StoreError>)> {
    let held = Held::new(store).await;
    let mut tasks = JoinSet::new();
    for end in ends.iter().cycle().take(64).copied() {
        let (store, token) = (Arc::clone(store), token(key, None));
        tasks.spawn(async move {
            let step = Step::CreateToken(token.clone(), FUNCTIONS);
            let result = write(&*store, move |transaction| {
                organization.apply(transaction, &step, &origin(NOW))?;
                match end {
                    End::Kept => Ok(()),
                    End::Refused => Err(StoreError::Busy),
                    End::TwiceTheSame => organization.apply(transaction, &step, &origin(NOW)),
                    End::Panics => panic!("on purpose"),
                }
            });
            (token, end, result.await)
        });
    }
    // All have been submitted when all have been polled once.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    held.release().await;
    tasks.join_all().await
}

pub async fn what_is_refused_changes_nothing(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (_, key) = organization.new_namespace(&*store, "one").await;
    let before = database.audit().len();
    let ends = [End::Kept, End::Refused, End::TwiceTheSame];
    let results = many(&store, organization, &key, &ends).await;
    let mut kept = 0;
    for (token, end, result) in results {
        let expected = match end {
            End::Kept => Ok(()),
            End::Refused => Err(StoreError::Busy),
            _ => Err(StoreError::AlreadyExists),
        };
        assert_eq!(result, expected);
        assert_eq!(get!(store, token, token.id).is_some(), end == End::Kept, "{end:?}");
        kept += usize::from(end == End::Kept);
    }
    assert_eq!(database.audit().len(), before + kept);
}

pub async fn what_panics_changes_nothing_and_the_store_goes_on(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (_, key) = organization.new_namespace(&*store, "one").await;
    let before = database.audit().len();
    let results = many(&store, organization, &key, &[End::Kept, End::Panics]).await;
    let mut kept = 0;
    for (token, end, result) in results {
        assert_eq!(matches!(result, Err(StoreError::Unavailable(_))), end == End::Panics);
        assert_eq!(get!(store, token, token.id).is_some(), end == End::Kept);
        kept += usize::from(end == End::Kept);
    }
    assert_eq!(database.audit().len(), before + kept);

    // More of them than any store has threads that read.
    for _ in 0..20 {
        let result = read::<(), StoreError>(&*store, |_| panic!("on purpose")).await;
        assert!(matches!(result, Err(StoreError::Unavailable(_))));
    }
    let token = organization.new_token(&*store, &key, None, None).await;
    assert_eq!(get!(store, token, token.id), Some(token.clone()));
}

pub async fn a_read_changes_nothing(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (_, key) = organization.new_namespace(&*store, "one").await;
    let before = database.audit();
    let token = token(&key, None);
    let step = Step::CreateToken(token.clone(), FUNCTIONS);
    // Whether it is refused or undone.
    let _ = read(&*store, move |it| organization.apply(it, &step, &origin(NOW))).await;
    assert_eq!(get!(store, token, token.id), None);
    assert_eq!(database.audit(), before);
}

pub async fn many_write_at_once(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let (namespace, key) =
                organization.new_namespace(&*store, &format!("name-{number}")).await;
            let application = organization.new_application(&*store, &namespace, "app").await;
            let token = organization.new_token(&*store, &key, Some(&application), None).await;
            let gone = organization.new_token(&*store, &key, None, None).await;
            organization.make(&*store, &Step::DeleteToken(gone, FUNCTIONS)).await.unwrap();
            (namespace, application, token)
        });
    }
    for (namespace, application, token) in tasks.join_all().await {
        assert_eq!(get!(store, namespace, namespace.id), Some(namespace));
        assert_eq!(get!(store, application, application.id), Some(application));
        assert_eq!(get!(store, token, token.id), Some(token));
    }
    assert_eq!(database.audit().len(), 64 * 5);
    assert_eq!(database.revocations().len(), 64);
}

pub async fn a_read_sees_what_was_written_before(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (_, key) = organization.new_namespace(&*store, "one").await;
    for _ in 0..100 {
        let token = organization.new_token(&*store, &key, None, None).await;
        assert_eq!(get!(store, token, token.id), Some(token.clone()));
        let step = Step::DeleteToken(token.clone(), FUNCTIONS);
        organization.make(&*store, &step).await.unwrap();
        assert_eq!(get!(store, token, token.id), None);
    }
}

/// Whoever was told that it took too long isn't surprised by it later.
pub async fn what_nobody_waits_for_any_more_isn_t_done(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let held = Held::new(&store).await;
    let given_up = tokio::spawn({
        let store = Arc::clone(&store);
        let step = Step::CreateProject(organization.project("given up"));
        async move { organization.make(&*store, &step).await }
    });
    // It is in the queue once it has been looked at, and nobody is at the other end afterwards.
    tokio::task::yield_now().await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    held.release().await;
    organization.make(&*store, &Step::CreateProject(organization.project("kept"))).await.unwrap();
    assert_eq!(database.audit().len(), 1);
}
