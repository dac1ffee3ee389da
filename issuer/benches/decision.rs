//! What it costs to decide a request: the caller's key, the rules of its policies and groups and
//! the decision, in a database of 10,000 principals and 1,000 policies.
//!
//! `cargo bench -p namespace-jwt-issuer --bench decision`, a part of `make bench-issuer`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark that can't go on says so by panicking"
)]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::Criterion;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::iam::condition::Facts;
use namespace_jwt_issuer::iam::decision::{Asking, Authorized, Scope, decide};
use namespace_jwt_issuer::iam::permission_set::PermissionSet;
use namespace_jwt_issuer::iam::principal::Principal;
use namespace_jwt_issuer::iam::rights::Rights;
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::api_key::{ApiKey, SecretHash, SecretKey, new_access_key};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::group::Group;
use namespace_jwt_issuer::model::iam_application::IamApplication;
use namespace_jwt_issuer::model::policy::{Policy, PolicyPrincipal, Rule, RuleCounts, RuleScope};
use namespace_jwt_issuer::store::change::iam::IamChange;
use namespace_jwt_issuer::store::change::{Change, Founding, Origin};
use namespace_jwt_issuer::store::sqlite::{Opening, Sqlite};
use namespace_jwt_issuer::store::{self, Store, StoreError, Transaction};
use tokio::runtime::Runtime;
use uuid::Uuid;

const PRINCIPALS: usize = 10_000;
const GROUPS: usize = 100;
const POLICIES: usize = 1_000;
const ORGANIZATION: Uuid = Uuid::from_u128(1);
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const GOAL: Duration = Duration::from_micros(200);
const SAMPLES: usize = 20_000;

fn main() {
    let runtime = Runtime::new().unwrap();
    let folder = Folder::new();
    let (store, callers) = runtime.block_on(filled(&folder.0.join("issuer.db")));
    let mut at = 0;
    let mut next = || {
        at = (at + 7_919) % callers.len();
        callers[at].clone()
    };
    // Inside of one transaction: what each request pays, but for the way to the thread.
    let decide_one = |caller: SecretHash| {
        runtime.block_on(async {
            store::read::<_, StoreError>(&store, move |transaction| {
                let start = Instant::now();
                let by = decided(transaction, &caller)?;
                Ok((start.elapsed(), by.action()))
            })
            .await
            .unwrap()
        })
    };
    let mut times: Vec<_> = (0..SAMPLES).map(|_| decide_one(next()).0).collect();
    times.sort_unstable();
    let (p50, p99) = (times[SAMPLES / 2], times[SAMPLES * 99 / 100]);
    let verdict = if p99 <= GOAL { "reached" } else { "MISSED" };
    println!("decision p50 {p50:?}, p99 {p99:?} (goal {GOAL:?}: {verdict})");

    let mut criterion = Criterion::default().without_plots().configure_from_args();
    criterion.bench_function("decision", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| black_box(decide_one(next())).0).sum());
    });
    criterion.final_summary();
}

/// As the service does it for each request.
fn decided(
    transaction: &mut dyn Transaction,
    secret: &SecretHash,
) -> Result<Authorized, StoreError> {
    let holder = transaction.key_holder(secret)?.expect("a caller that is there");
    let rights = Rights::By(transaction.rules_of_bearer(holder.key.bearer)?);
    let principal = Principal::Bearer(holder.key);
    let facts = Facts {
        address: Some(Ipv4Addr::new(192, 0, 2, 7).into()),
        user_agent: "benchmark",
        time: NOW,
    };
    let asking = Asking { principal: &principal, rights: &rights, facts };
    let action = Action::Token(Product::Functions, Access::Create);
    let scope = Scope { organization_id: ORGANIZATION, project_id: Some(ORGANIZATION) };
    Ok(decide(&asking, action, scope).expect("a caller that may"))
}

/// Applications with a key each, every one in a group; each group with ten policies.
async fn filled(path: &std::path::Path) -> (Sqlite, Vec<SecretHash>) {
    let store = Sqlite::open(path, Opening::CreateOrMigrate).unwrap();
    let founding = Founding {
        organization_id: ORGANIZATION,
        owner_id: Uuid::from_u128(2),
        created_at: NOW,
        api_url: String::new(),
        sealed_check: Vec::new(),
    };
    change(&store, move |work| work.establish(&founding)).await;
    let mut groups: Vec<_> = (0..GROUPS).map(group).collect();
    let mut callers = Vec::new();
    for number in 0..PRINCIPALS {
        let (application, secret) = (application(number), SecretKey::generate().hash());
        let bearer = Bearer::Application(application.id);
        groups[number % GROUPS].add(bearer);
        let (key, hash) = (key(bearer), secret.clone());
        change(&store, move |work| {
            make(work, IamChange::CreateApplication(&application))?;
            make(work, IamChange::CreateApiKey(&key, &hash))
        })
        .await;
        callers.push(secret);
    }
    for (number, group) in groups.into_iter().enumerate() {
        change(&store, move |work| {
            make(work, IamChange::CreateGroup(&group))?;
            make(work, IamChange::SetMembers(&group))?;
            for which in 0..POLICIES / GROUPS {
                let policy = policy(number * POLICIES / GROUPS + which, group.id);
                make(work, IamChange::CreatePolicy(&policy, &rules(which)))?;
            }
            Ok(())
        })
        .await;
    }
    (store, callers)
}

async fn change(
    store: &dyn Store,
    operation: impl FnMut(&mut dyn Transaction) -> Result<(), StoreError> + Send + 'static,
) {
    store::write(store, operation).await.unwrap();
}

fn make(transaction: &mut dyn Transaction, change: IamChange<'_>) -> Result<(), StoreError> {
    let principal = Principal::Operator { organization_id: ORGANIZATION };
    let facts = Facts { address: None, user_agent: "", time: NOW };
    let asking = Asking { principal: &principal, rights: &Rights::All, facts };
    let change = Change::Iam(change);
    let scope = Scope { organization_id: ORGANIZATION, project_id: None };
    let by = decide(&asking, change.action(), scope).unwrap();
    transaction.apply(&by, &change, &Origin { at: NOW, request: None })
}

fn application(number: usize) -> IamApplication {
    IamApplication {
        id: Uuid::new_v4(),
        organization_id: ORGANIZATION,
        name: format!("application-{number}"),
        description: String::new(),
        tags: Vec::new(),
        api_keys: 0,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn key(bearer: Bearer) -> ApiKey {
    ApiKey {
        access_key: new_access_key(),
        bearer,
        organization_id: ORGANIZATION,
        default_project_id: ORGANIZATION,
        description: String::new(),
        expires_at: None,
        creation_ip: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn group(number: usize) -> Group {
    Group {
        id: Uuid::new_v4(),
        organization_id: ORGANIZATION,
        name: format!("group-{number}"),
        description: String::new(),
        tags: Vec::new(),
        user_ids: Vec::new(),
        application_ids: Vec::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn policy(number: usize, group_id: Uuid) -> Policy {
    Policy {
        id: Uuid::new_v4(),
        organization_id: ORGANIZATION,
        name: format!("policy-{number}"),
        description: String::new(),
        tags: Vec::new(),
        principal: Some(PolicyPrincipal::Group(group_id)),
        counts: RuleCounts::default(),
        created_at: NOW,
        updated_at: NOW,
    }
}

/// Two rules for each policy of a group. The one that allows what is asked has a condition, and
/// stands in the last of them.
fn rules(which: usize) -> [Rule; 2] {
    let is_last = which + 1 == POLICIES / GROUPS;
    let set = if is_last { "FunctionsFullAccess" } else { "FunctionsReadOnly" };
    let condition = if is_last { "request.ip.startsWith('192.0.2.')" } else { "" };
    [("ContainersReadOnly", ""), (set, condition)].map(|(set, condition)| Rule {
        id: Uuid::new_v4(),
        sets: vec![PermissionSet::named(set).unwrap()],
        scope: RuleScope::Projects(vec![ORGANIZATION, Uuid::from_u128(9)]),
        condition: condition.to_owned(),
    })
}

/// A folder that goes with the benchmark.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let folder = folder.join(format!("decision-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
