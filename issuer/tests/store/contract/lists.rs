//! Lists: filters, orders and pages.

use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::application::{Application, ApplicationFilter};
use namespace_jwt_issuer::model::namespace::{Namespace, NamespaceFilter};
use namespace_jwt_issuer::model::page::{Order, OrderBy, Page, PageRequest};
use namespace_jwt_issuer::model::token::{Token, TokenFilter};
use namespace_jwt_issuer::store::{Store, StoreError, read};
use uuid::Uuid;

use super::{Database, founded};
use crate::sample::{
    Organization, Step, application, ascending, descending, key, later, region, token,
};

const ALL: PageRequest = PageRequest { page: 1, size: 100 };
const FUNCTIONS: Product = Product::Functions;
const CREATED_AT: OrderBy = OrderBy::CreatedAt;
const NAME: OrderBy = OrderBy::Name;

/// Names in the order of their bytes, which is not every language's.
const NAMES: [&str; 8] = ["B", "a", "a-b", "a.b", "aB", "a_b", "ab", "b"];

async fn namespaces(
    store: &dyn Store,
    organization: Organization,
    filter: &NamespaceFilter,
    order: Order,
    page: PageRequest,
) -> Page<Namespace> {
    let by = organization.may(Action::Namespace(filter.product, Access::List));
    let filter = filter.clone();
    let list = move |transaction: &mut dyn namespace_jwt_issuer::store::Transaction| {
        transaction.namespaces(&by, &filter, order, page)
    };
    read::<_, StoreError>(store, list).await.unwrap()
}

async fn applications(
    store: &dyn Store,
    organization: Organization,
    filter: &ApplicationFilter,
    order: Order,
    page: PageRequest,
) -> Page<Application> {
    let by = organization.may(Action::Application(filter.product, Access::List));
    let filter = filter.clone();
    let list = move |transaction: &mut dyn namespace_jwt_issuer::store::Transaction| {
        transaction.applications(&by, &filter, order, page)
    };
    read::<_, StoreError>(store, list).await.unwrap()
}

async fn tokens(
    store: &dyn Store,
    organization: Organization,
    filter: &TokenFilter,
    page: PageRequest,
) -> Page<Token> {
    let by = [organization.may(Action::Token(FUNCTIONS, Access::List))];
    let filter = filter.clone();
    let list = move |transaction: &mut dyn namespace_jwt_issuer::store::Transaction| {
        transaction.tokens(&by, &filter, page)
    };
    read::<_, StoreError>(store, list).await.unwrap()
}

fn namespace_filter() -> NamespaceFilter {
    NamespaceFilter {
        product: FUNCTIONS,
        region: region("fr-par"),
        name: None,
        project_id: None,
        organization_id: None,
    }
}

fn application_filter(namespace: &Namespace) -> ApplicationFilter {
    ApplicationFilter {
        product: namespace.product,
        region: namespace.region.clone(),
        namespace_id: Some(namespace.id),
        name: None,
        project_id: None,
        organization_id: None,
    }
}

fn token_filter() -> TokenFilter {
    TokenFilter {
        region: region("fr-par"),
        namespace_id: None,
        application_id: None,
        newest_first: false,
    }
}

/// The pages of a list of 8, three at a time, are these items and no others.
fn assert_pages<T: PartialEq + std::fmt::Debug + Clone>(pages: &[Page<T>], expected: &[T]) {
    let found: Vec<_> = pages.iter().flat_map(|page| page.items.clone()).collect();
    assert_eq!(found, expected);
    let sizes: Vec<_> = pages.iter().map(|page| (page.items.len(), page.total)).collect();
    assert_eq!(sizes, [(3, 8), (3, 8), (2, 8), (0, 8), (0, 8)]);
}

fn threes() -> [PageRequest; 5] {
    [1, 2, 3, 4, u32::MAX].map(|page| PageRequest { page, size: 3 })
}

pub async fn pages_of_namespaces_are_in_order_and_do_not_overlap(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let mut made = Vec::new();
    for (at, name) in (0..).zip(NAMES) {
        let mut namespace = organization.namespace(name);
        // Four of each time, the names across them.
        namespace.created_at = later(at % 2);
        let step = Step::CreateNamespace(namespace.clone(), key(&namespace));
        organization.make(&*store, &step).await.unwrap();
        made.push(namespace);
    }
    for order in [CREATED_AT, NAME].into_iter().flat_map(|by| [ascending(by), descending(by)]) {
        match order.by {
            NAME => made.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes())),
            _ => made.sort_by_key(|it| (it.created_at, it.id)),
        }
        if order.is_descending {
            made.reverse();
        }
        let mut pages = Vec::new();
        for page in threes() {
            let filter = namespace_filter();
            pages.push(namespaces(&*store, organization, &filter, order, page).await);
        }
        assert_pages(&pages, &made);
    }
}

pub async fn pages_of_applications_and_tokens_do_not_overlap(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let (mut apps, mut keys) = (Vec::new(), Vec::new());
    for (at, name) in (0..).zip(NAMES) {
        let application =
            Application { created_at: later(at % 2), ..application(&namespace, name) };
        let step = Step::CreateApplication(application.clone());
        organization.make(&*store, &step).await.unwrap();
        let token = Token { created_at: later(at % 2), ..token(&key, Some(&application)) };
        organization.make(&*store, &Step::CreateToken(token.clone(), FUNCTIONS)).await.unwrap();
        apps.push(application);
        keys.push(token);
    }
    // Tokens are in the order in which they were made, which is that of no time that they show.
    for order in [ascending(CREATED_AT), descending(CREATED_AT)] {
        apps.sort_by_key(|it| (it.created_at, it.id));
        if order.is_descending {
            apps.reverse();
            keys.reverse();
        }
        let (mut app_pages, mut token_pages) = (Vec::new(), Vec::new());
        for page in threes() {
            let filter = application_filter(&namespace);
            app_pages.push(applications(&*store, organization, &filter, order, page).await);
            let filter = TokenFilter { newest_first: order.is_descending, ..token_filter() };
            token_pages.push(tokens(&*store, organization, &filter, page).await);
        }
        assert_pages(&app_pages, &apps);
        assert_pages(&token_pages, &keys);
    }
    let filter = application_filter(&namespace);
    for (order, first) in [(ascending(NAME), NAMES[0]), (descending(NAME), NAMES[7])] {
        let page = applications(&*store, organization, &filter, order, ALL).await;
        assert_eq!(page.items[0].name, first);
    }
}

pub async fn namespaces_are_filtered(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let project = Uuid::new_v4();
    database.add_project(organization, project);
    let wanted = organization.namespace("name");
    let others = [
        Namespace { product: Product::Containers, ..organization.namespace("name") },
        Namespace { region: region("nl-ams"), ..organization.namespace("name") },
        Namespace { project_id: project, ..organization.namespace("name") },
        organization.namespace("Name"),
        organization.namespace("name2"),
    ];
    for namespace in others.iter().chain([&wanted]) {
        let step = Step::CreateNamespace(namespace.clone(), key(namespace));
        organization.make(&*store, &step).await.unwrap();
    }
    let named = NamespaceFilter { name: Some("name".to_owned()), ..namespace_filter() };
    let (own, no) = (Some(organization.0), Some(Uuid::new_v4()));
    for (filter, ids) in [
        (
            NamespaceFilter { project_id: own, organization_id: own, ..named.clone() },
            vec![wanted.id],
        ),
        (NamespaceFilter { product: Product::Containers, ..named.clone() }, vec![others[0].id]),
        (NamespaceFilter { region: region("nl-ams"), ..named.clone() }, vec![others[1].id]),
        (NamespaceFilter { project_id: Some(project), ..named.clone() }, vec![others[2].id]),
        (NamespaceFilter { name: Some("NAME".to_owned()), ..named.clone() }, vec![]),
        (NamespaceFilter { name: Some("na%".to_owned()), ..named.clone() }, vec![]),
        (NamespaceFilter { name: Some("' OR 1".to_owned()), ..named.clone() }, vec![]),
        (NamespaceFilter { organization_id: no, ..namespace_filter() }, vec![]),
        (NamespaceFilter { project_id: no, ..namespace_filter() }, vec![]),
        (NamespaceFilter { region: region("pl-waw"), ..namespace_filter() }, vec![]),
        (named, vec![wanted.id, others[2].id]),
    ] {
        let page = namespaces(&*store, organization, &filter, Order::default(), ALL).await;
        let (mut found, mut expected) =
            (page.items.iter().map(|it| it.id).collect::<Vec<_>>(), ids);
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{filter:?}");
        assert_eq!(page.total, found.len() as u64);
    }
}

pub async fn applications_are_filtered(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, _) = organization.new_namespace(&*store, "one").await;
    let (other, _) = organization.new_namespace(&*store, "two").await;
    let one = organization.new_application(&*store, &namespace, "one").await;
    let two = organization.new_application(&*store, &namespace, "two").await;
    let theirs = organization.new_application(&*store, &other, "one").await;
    let all = application_filter(&namespace);
    let (own, no) = (Some(organization.0), Some(Uuid::new_v4()));
    for (filter, expected) in [
        (
            ApplicationFilter { project_id: own, organization_id: own, ..all.clone() },
            &[one.id, two.id][..],
        ),
        (ApplicationFilter { name: Some("two".to_owned()), ..all.clone() }, &[two.id]),
        (ApplicationFilter { name: Some("Two".to_owned()), ..all.clone() }, &[]),
        (ApplicationFilter { product: Product::Containers, ..all.clone() }, &[]),
        (ApplicationFilter { region: region("nl-ams"), ..all.clone() }, &[]),
        (ApplicationFilter { project_id: no, ..all.clone() }, &[]),
        (ApplicationFilter { organization_id: no, ..all.clone() }, &[]),
        (ApplicationFilter { namespace_id: Some(Uuid::new_v4()), ..all.clone() }, &[]),
        (
            ApplicationFilter { namespace_id: None, name: Some("one".to_owned()), ..all.clone() },
            &[one.id, theirs.id],
        ),
        (ApplicationFilter { namespace_id: None, project_id: no, ..all.clone() }, &[]),
        (ApplicationFilter { namespace_id: None, organization_id: no, ..all }, &[]),
        (application_filter(&other), &[theirs.id]),
    ] {
        let page = applications(&*store, organization, &filter, ascending(NAME), ALL).await;
        let mut found: Vec<_> = page.items.iter().map(|it| it.id).collect();
        let mut expected = expected.to_vec();
        if filter.namespace_id.is_none() {
            // Two of one name.
            found.sort();
            expected.sort();
        }
        assert_eq!((&found, page.total), (&expected, expected.len() as u64), "{filter:?}");
    }
}

pub async fn tokens_are_filtered(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let (other, other_key) = organization.new_namespace(&*store, "two").await;
    let application = organization.new_application(&*store, &namespace, "app").await;
    let whole = organization.new_token(&*store, &key, None, None).await.id;
    let part = organization.new_token(&*store, &key, Some(&application), None).await.id;
    let theirs = organization.new_token(&*store, &other_key, None, None).await.id;
    let all = token_filter();
    let (here, there) = (Some(namespace.id), Some(other.id));
    let app = Some(application.id);
    for (filter, expected) in [
        (all.clone(), vec![whole, part, theirs]),
        (TokenFilter { namespace_id: here, ..all.clone() }, vec![whole]),
        (TokenFilter { namespace_id: there, ..all.clone() }, vec![theirs]),
        (TokenFilter { application_id: app, ..all.clone() }, vec![part]),
        (TokenFilter { namespace_id: here, application_id: app, ..all.clone() }, vec![part]),
        (TokenFilter { namespace_id: there, application_id: app, ..all.clone() }, vec![]),
        (TokenFilter { namespace_id: app, ..all.clone() }, vec![]),
        (TokenFilter { application_id: here, ..all.clone() }, vec![]),
        (TokenFilter { region: region("nl-ams"), ..all }, vec![]),
    ] {
        let page = tokens(&*store, organization, &filter, ALL).await;
        let (mut found, mut expected) =
            (page.items.iter().map(|it| it.id).collect::<Vec<_>>(), expected);
        found.sort();
        expected.sort();
        assert_eq!((&found, page.total), (&expected, expected.len() as u64), "{filter:?}");
    }
}

pub async fn other_organizations_are_invisible(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let mut seen = Vec::new();
    for owner in [organization, other] {
        let (namespace, key) = owner.new_namespace(&*store, "name").await;
        let application = owner.new_application(&*store, &namespace, "app").await;
        let token = owner.new_token(&*store, &key, Some(&application), None).await;
        seen.push((owner, namespace, application, token));
    }
    for (owner, namespace, application, token) in &seen {
        let filter = namespace_filter();
        let page = namespaces(&*store, *owner, &filter, Order::default(), ALL).await;
        assert_eq!(page, Page { items: vec![namespace.clone()], total: 1 });
        let page = tokens(&*store, *owner, &token_filter(), ALL).await;
        assert_eq!(page, Page { items: vec![token.clone()], total: 1 });

        for (looking, _, _, _) in &seen {
            let expected = (looking == owner) as u64;
            let asked = NamespaceFilter { organization_id: Some(owner.0), ..namespace_filter() };
            let page = namespaces(&*store, *looking, &asked, Order::default(), ALL).await;
            assert_eq!(page.total, expected);
            let inside = application_filter(namespace);
            let page = applications(&*store, *looking, &inside, Order::default(), ALL).await;
            assert_eq!(page.total, expected);
            let of = TokenFilter { application_id: Some(application.id), ..token_filter() };
            assert_eq!(tokens(&*store, *looking, &of, ALL).await.total, expected);
        }
    }
}
