//! Pages of tokens, which are found by counts: they have to be those of a list of all, whatever was
//! made and deleted.

use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::namespace::Namespace;
use namespace_jwt_issuer::model::page::PageRequest;
use namespace_jwt_issuer::model::token::{Token, TokenFilter, TokenSubject};
use namespace_jwt_issuer::store::{Store, StoreError, Transaction, read, write};

use super::{Database, founded};
use crate::sample::{Organization, Step, application, key, later, origin, region, token};

const FUNCTIONS: Product = Product::Functions;

/// More than two blocks of numbers.
const TOKENS: usize = 2_500;

pub async fn pages_of_many_tokens_are_those_of_a_list_of_all(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, signing) = organization.new_namespace(&*store, "one").await;
    let elsewhere = Namespace { region: region("nl-ams"), ..organization.namespace("two") };
    let elsewhere_key = key(&elsewhere);
    let step = Step::CreateNamespace(elsewhere.clone(), elsewhere_key.clone());
    organization.make(&*store, &step).await.unwrap();
    let mut apps = Vec::new();
    for name in ["a", "b"] {
        let app = application(&namespace, name);
        organization.make(&*store, &Step::CreateApplication(app.clone())).await.unwrap();
        apps.push(app);
    }
    // Of each kind now and then, and of one kind for more than a block.
    let mut tokens: Vec<Token> = (0..TOKENS)
        .map(|number| match number {
            700..1_900 => token(&signing, Some(&apps[0])),
            _ if number % 3 == 0 => token(&elsewhere_key, None),
            _ if number % 3 == 1 => token(&signing, None),
            _ => token(&signing, Some(&apps[1])),
        })
        .collect();
    for (number, token) in tokens.iter_mut().enumerate() {
        token.created_at = later((number % 7) as u64);
    }
    let made = tokens.iter().map(|it| Step::CreateToken(it.clone(), FUNCTIONS)).collect();
    make_all(&*store, organization, made).await;
    check(&*store, organization, &namespace, &tokens).await;

    // Some go: one by one, a whole block's worth, the last ones, and all of an application.
    let gone = |number: usize| {
        number.is_multiple_of(5) || (1_024..2_048).contains(&number) || number > 2_490
    };
    let deleted = tokens.iter().enumerate().filter(|(number, _)| gone(*number));
    let deleted = deleted.map(|(_, it)| Step::DeleteToken(it.clone(), FUNCTIONS)).collect();
    make_all(&*store, organization, deleted).await;
    let mut number = 0;
    tokens.retain(|_| {
        number += 1;
        !gone(number - 1)
    });
    check(&*store, organization, &namespace, &tokens).await;

    let more: Vec<_> = (0..3).map(|_| token(&signing, Some(&apps[1]))).collect();
    let made = more.iter().map(|it| Step::CreateToken(it.clone(), FUNCTIONS)).collect();
    make_all(&*store, organization, made).await;
    tokens.extend(more);
    organization.make(&*store, &Step::DeleteApplication(apps[0].clone())).await.unwrap();
    tokens.retain(|it| it.subject != TokenSubject::Application(apps[0].id));
    // What was made before some second goes, of one namespace.
    let mark = Step::MarkNamespace(namespace.clone(), later(3));
    organization.make(&*store, &mark).await.unwrap();
    tokens.retain(|it| it.namespace_id != namespace.id || it.created_at >= later(3));
    check(&*store, organization, &namespace, &tokens).await;

    organization.make(&*store, &Step::DeleteNamespace(namespace.clone())).await.unwrap();
    tokens.retain(|it| it.namespace_id != namespace.id);
    check(&*store, organization, &namespace, &tokens).await;
}

/// Makes changes, in one transaction.
async fn make_all(store: &dyn Store, organization: Organization, steps: Vec<Step>) {
    let all = move |transaction: &mut dyn Transaction| {
        for (at, step) in (0..).zip(&steps) {
            organization.apply(transaction, step, &origin(later(at)))?;
        }
        Ok::<_, StoreError>(())
    };
    write(store, all).await.unwrap();
}

/// Every page of every list is a part of `tokens`, which are in the order in which they were made.
async fn check(
    store: &dyn Store,
    organization: Organization,
    namespace: &Namespace,
    tokens: &[Token],
) {
    let is_here = |it: &&Token| it.namespace_id == namespace.id;
    let subjects = tokens.iter().map(|it| it.subject);
    let applications: std::collections::BTreeSet<_> = subjects
        .filter_map(|subject| match subject {
            TokenSubject::Application(id) => Some(id),
            TokenSubject::Namespace(_) => None,
        })
        .collect();
    let all = TokenFilter {
        region: namespace.region.clone(),
        namespace_id: None,
        application_id: None,
        newest_first: false,
    };
    let mut lists: Vec<(TokenFilter, Vec<Token>)> = vec![
        (all.clone(), tokens.iter().filter(is_here).cloned().collect()),
        (
            TokenFilter { region: region("nl-ams"), ..all.clone() },
            tokens.iter().filter(|it| !is_here(it)).cloned().collect(),
        ),
        (
            TokenFilter { namespace_id: Some(namespace.id), ..all.clone() },
            tokens
                .iter()
                .filter(|it| it.subject == TokenSubject::Namespace(namespace.id))
                .cloned()
                .collect(),
        ),
    ];
    for id in applications {
        let subject = TokenSubject::Application(id);
        lists.push((
            TokenFilter { application_id: Some(id), ..all.clone() },
            tokens.iter().filter(|it| it.subject == subject).cloned().collect(),
        ));
    }
    for (filter, mut expected) in lists {
        for newest_first in [false, true] {
            let filter = TokenFilter { newest_first, ..filter.clone() };
            let total = expected.len() as u64;
            for (number, part) in (1..).zip(expected.chunks(97)) {
                let found = page(store, organization, &filter, number).await;
                assert!(found.items == part, "page {number} of {filter:?}");
                assert_eq!(found.total, total, "{filter:?}");
            }
            for behind in [expected.len() / 97 + 2, 1_000_000] {
                let behind = u32::try_from(behind).unwrap();
                let found = page(store, organization, &filter, behind).await;
                assert_eq!((found.items.len(), found.total), (0, total), "{filter:?}");
            }
            expected.reverse();
        }
    }
}

async fn page(
    store: &dyn Store,
    organization: Organization,
    filter: &TokenFilter,
    number: u32,
) -> namespace_jwt_issuer::model::page::Page<Token> {
    let by = [organization.may(Action::Token(FUNCTIONS, Access::List))];
    let filter = filter.clone();
    let page = PageRequest { page: number, size: 97 };
    let list = move |transaction: &mut dyn Transaction| transaction.tokens(&by, &filter, page);
    read::<_, StoreError>(store, list).await.unwrap()
}
