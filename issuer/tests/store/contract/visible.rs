//! What somebody sees of lists who may see it in some projects alone.

use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::iam::decision::{Authorized, Denied, Scope};
use namespace_jwt_issuer::model::Product::{self, Containers, Functions};
use namespace_jwt_issuer::model::application::{Application, ApplicationFilter};
use namespace_jwt_issuer::model::namespace::{Namespace, NamespaceFilter};
use namespace_jwt_issuer::model::namespace_key::NamespaceKey;
use namespace_jwt_issuer::model::page::{Order, OrderBy, PageRequest};
use namespace_jwt_issuer::model::policy::Rule;
use namespace_jwt_issuer::model::project::ProjectFilter;
use namespace_jwt_issuer::model::ssh_key::{SshKey, SshKeyFilter};
use namespace_jwt_issuer::model::token::{Token, TokenFilter, TokenSubject};
use namespace_jwt_issuer::store::{Store, StoreError, Transaction, read, write};
use uuid::Uuid;

use super::pages::{all_pages, all_pages_of};
use super::{Database, founded};
use crate::sample::{
    IamStep, Organization, Step, application, descending, key, later, make, origin, region,
    rule_in, token,
};

/// Two projects and the default one, with a namespace of each product in each, and another
/// organization's.
struct World {
    organization: Organization,
    other: Organization,
    projects: [Uuid; 3],
    namespaces: Vec<(Namespace, NamespaceKey, Application)>,
}

/// The projects in which somebody sees what is of a product, unless they may not even ask.
type Seen = Option<Vec<Uuid>>;

impl World {
    async fn new(database: &impl Database, store: &dyn Store, organization: Organization) -> Self {
        let other = Organization(Uuid::new_v4());
        database.add_organization(other);
        let projects = [Uuid::new_v4(), Uuid::new_v4(), organization.0];
        projects[..2].iter().for_each(|id| database.add_project(organization, *id));
        let mut world = Self { organization, other, projects, namespaces: vec![] };
        for (owner, project_id) in
            projects.map(|id| (organization, id)).into_iter().chain([(other, other.0)])
        {
            for product in Product::ALL {
                let created_at = later(world.namespaces.len() as u64);
                let namespace =
                    Namespace { product, project_id, created_at, ..owner.namespace("one") };
                let key = key(&namespace);
                let step = Step::CreateNamespace(namespace.clone(), key.clone());
                owner.make(store, &step).await.unwrap();
                let app = Application { created_at, ..application(&namespace, "app") };
                owner.make(store, &Step::CreateApplication(app.clone())).await.unwrap();
                world.namespaces.push((namespace, key, app));
            }
        }
        world
    }

    /// Rules, and what somebody sees who has them.
    fn cases(&self) -> Vec<(Vec<Rule>, [Seen; 2])> {
        let [one, two, default] = self.projects;
        let all = || Some(self.projects.to_vec());
        let functions = |ids: &[Uuid]| rule_in(&["FunctionsReadOnly"], ids);
        let containers = |ids: &[Uuid]| rule_in(&["ContainersFullAccess"], ids);
        vec![
            (vec![functions(&[one])], [Some(vec![one]), None]),
            (vec![containers(&[two, one])], [None, Some(vec![one, two])]),
            (vec![functions(&[one]), containers(&[two])], [Some(vec![one]), Some(vec![two])]),
            (vec![functions(&[one]), functions(&[default])], [Some(vec![one, default]), None]),
            (
                vec![rule_in(&["AllProductsReadOnly"], &[two]), functions(&[one])],
                [Some(vec![one, two]), Some(vec![two])],
            ),
            (
                vec![self.organization.rule(&["FunctionsReadOnly"]), containers(&[one])],
                [all(), Some(vec![one])],
            ),
            (vec![self.organization.rule(&["AllProductsReadOnly"])], [all(), all()]),
            // Nothing of another organization's, and nothing where nothing is.
            (vec![functions(&[self.other.0, one])], [Some(vec![one]), None]),
            (vec![containers(&[self.other.0, Uuid::new_v4()])], [None, Some(vec![])]),
        ]
    }

    fn sees(&self, action: Action, rules: &[Rule], expected: bool) -> Option<Authorized> {
        let found = self.organization.user_sees(action, rules);
        assert_eq!(found.as_ref().err(), (!expected).then_some(&Denied::NoRule), "{rules:?}");
        found.ok()
    }
}

pub async fn namespaces_and_applications_are_seen_in_the_projects_of_a_permission(
    database: &impl Database,
) {
    let (store, organization) = founded(database).await;
    let world = World::new(database, &*store, organization).await;
    for (rules, expected) in world.cases() {
        for (product, expected) in Product::ALL.into_iter().zip(expected) {
            let action = Action::Namespace(product, Access::List);
            let Some(by) = world.sees(action, &rules, expected.is_some()) else { continue };
            let own = world.namespaces.iter().filter(|(it, ..)| {
                it.product == product && expected.iter().flatten().any(|id| *id == it.project_id)
            });
            let own: Vec<_> = own.collect();
            let all = NamespaceFilter {
                product,
                region: region("fr-par"),
                name: None,
                project_id: None,
                organization_id: None,
            };
            let list = {
                let (by, all) = (by.clone(), all.clone());
                move |it: &mut dyn Transaction, page| {
                    it.namespaces(&by, &all, Order::default(), page)
                }
            };
            let found = all_pages(&*store, list).await;
            assert_eq!(found, own.iter().map(|it| it.0.clone()).collect::<Vec<_>>(), "{rules:?}");
            let action = Action::Application(product, Access::List);
            let by_app = world.sees(action, &rules, true).unwrap();
            let of_apps = ApplicationFilter {
                product,
                region: region("fr-par"),
                namespace_id: None,
                name: None,
                project_id: None,
                organization_id: None,
            };
            let list = {
                let (by, all) = (by_app.clone(), of_apps.clone());
                move |it: &mut dyn Transaction, page| {
                    it.applications(&by, &all, Order::default(), page)
                }
            };
            let found = all_pages(&*store, list).await;
            assert_eq!(found, own.iter().map(|it| it.2.clone()).collect::<Vec<_>>(), "{rules:?}");

            // To ask for what isn't visible makes it no more visible.
            for (namespace, _, app) in world.namespaces.iter().filter(|it| it.0.product == product)
            {
                let project_id = Some(namespace.project_id);
                let is_seen = own.iter().any(|it| it.0 == *namespace);
                let within = NamespaceFilter { project_id, ..all.clone() };
                let by = by.clone();
                let found = all_pages(&*store, move |it, page| {
                    it.namespaces(&by, &within, descending(OrderBy::Name), page)
                });
                assert_eq!(
                    found.await,
                    is_seen.then(|| namespace.clone()).into_iter().collect::<Vec<_>>()
                );
                for within in [
                    ApplicationFilter { project_id, ..of_apps.clone() },
                    ApplicationFilter { namespace_id: Some(namespace.id), ..of_apps.clone() },
                ] {
                    let by = by_app.clone();
                    let found = all_pages(&*store, move |it, page| {
                        it.applications(&by, &within, descending(OrderBy::Name), page)
                    });
                    assert_eq!(
                        found.await,
                        is_seen.then(|| app.clone()).into_iter().collect::<Vec<_>>()
                    );
                }
            }
        }
    }
}

/// More than two blocks of numbers.
const TOKENS: usize = 2_300;

pub async fn tokens_are_seen_by_product_and_project_on_every_page(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let world = World::new(database, &*store, organization).await;
    // Of each namespace by turns, and of one alone for more than a block.
    let mut tokens: Vec<_> = (0..TOKENS)
        .map(|number| {
            let at = if (600..1_800).contains(&number) { 2 } else { number % 8 };
            let (_, key, app) = &world.namespaces[at];
            (at, token(key, (number % 3 == 0).then_some(app)))
        })
        .collect();
    let change = async |steps: Vec<(usize, Step)>| {
        let owners: Vec<_> = steps
            .into_iter()
            .map(|(at, step)| (if at < 6 { organization } else { world.other }, step))
            .collect();
        let all = move |transaction: &mut dyn Transaction| {
            for (owner, step) in &owners {
                owner.apply(transaction, step, &origin(later(0)))?;
            }
            Ok::<_, StoreError>(())
        };
        write(&*store, all).await.unwrap();
    };
    let product = |at: usize| world.namespaces[at].0.product;
    let made = tokens.iter().map(|(at, it)| (*at, Step::CreateToken(it.clone(), product(*at))));
    change(made.collect()).await;
    check_tokens(&*store, &world, &tokens).await;

    let gone = |number: usize| number.is_multiple_of(5) || (1_024..2_048).contains(&number);
    let deleted = tokens.iter().enumerate().filter(|(number, _)| gone(*number));
    let deleted = deleted.map(|(_, (at, it))| (*at, Step::DeleteToken(it.clone(), product(*at))));
    change(deleted.collect()).await;
    let mut numbers = 0..;
    tokens.retain(|_| !gone(numbers.next().unwrap()));
    change(vec![(3, Step::DeleteNamespace(world.namespaces[3].0.clone()))]).await;
    tokens.retain(|(at, _)| *at != 3);
    check_tokens(&*store, &world, &tokens).await;
}

async fn check_tokens(store: &dyn Store, world: &World, tokens: &[(usize, Token)]) {
    let all = TokenFilter {
        region: region("fr-par"),
        namespace_id: None,
        application_id: None,
        newest_first: false,
    };
    for (rules, expected) in world.cases() {
        let by = Product::ALL.into_iter().zip(&expected).filter_map(|(product, expected)| {
            let action = Action::Token(product, Access::List);
            world.sees(action, &rules, expected.is_some())
        });
        // In whichever order the permissions come.
        let by: Vec<_> = by.collect();
        let is_seen = |at: usize| {
            let namespace = &world.namespaces[at].0;
            let seen = match namespace.product {
                Functions => &expected[0],
                Containers => &expected[1],
            };
            seen.iter().flatten().any(|id| *id == namespace.project_id)
        };
        let seen: Vec<_> =
            tokens.iter().filter(|it| is_seen(it.0)).map(|it| it.1.clone()).collect();
        for newest_first in [false, true] {
            let filter = TokenFilter { newest_first, ..all.clone() };
            let mut by = by.clone();
            let mut expected = seen.clone();
            if newest_first {
                by.reverse();
                expected.reverse();
            }
            let list = move |it: &mut dyn Transaction, page| it.tokens(&by, &filter, page);
            let found = all_pages_of(store, 97, list).await;
            assert!(found == expected, "{} of {}: {rules:?}", found.len(), expected.len());
        }
        for (at, (namespace, _, app)) in world.namespaces.iter().enumerate() {
            for (filter, subject) in [
                (
                    TokenFilter { namespace_id: Some(namespace.id), ..all.clone() },
                    TokenSubject::Namespace(namespace.id),
                ),
                (
                    TokenFilter { application_id: Some(app.id), ..all.clone() },
                    TokenSubject::Application(app.id),
                ),
            ] {
                let own = tokens.iter().map(|(_, it)| it).filter(|it| it.subject == subject);
                let own = own.filter(|_| is_seen(at)).cloned();
                let by = by.clone();
                let list = move |it: &mut dyn Transaction, page| it.tokens(&by, &filter, page);
                let found = all_pages_of(store, 97, list).await;
                assert!(found == own.collect::<Vec<_>>(), "{at} {subject:?} {rules:?}");
            }
        }
    }
}

pub async fn a_list_of_tokens_needs_a_permission_for_tokens(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let token = organization.may(Action::Token(Functions, Access::List));
    let namespace = organization.may(Action::Namespace(Functions, Access::List));
    for by in [vec![], vec![namespace.clone()], vec![token, namespace]] {
        let filter = TokenFilter {
            region: region("fr-par"),
            namespace_id: None,
            application_id: None,
            newest_first: false,
        };
        let page = PageRequest { page: 1, size: 1 };
        let found = read(&*store, move |it| it.tokens(&by, &filter, page)).await;
        assert_eq!(found, Err(StoreError::NotPermitted));
    }
}

pub async fn ssh_keys_and_projects_are_seen_in_the_projects_of_a_permission(
    database: &impl Database,
) {
    let (store, organization) = founded(database).await;
    let world = World::new(database, &*store, organization).await;
    let [one, two, default] = world.projects;
    let mut keys = Vec::new();
    for (at, project_id) in (0..).zip([one, two, default, one, two]) {
        let key =
            SshKey { project_id, created_at: later(at), ..organization.ssh_key("of somebody") };
        organization.does(&*store, IamStep::CreateSshKey(key.clone())).await;
        keys.push(key);
    }
    world.other.does(&*store, IamStep::CreateSshKey(world.other.ssh_key("theirs"))).await;
    let within = |ids: &[Uuid]| rule_in(&["SSHKeysReadOnly"], ids);
    for (rules, expected) in [
        (vec![within(&[one])], vec![one]),
        (vec![within(&[one]), within(&[default])], vec![one, default]),
        (vec![within(&[world.other.0, two])], vec![two]),
        (vec![within(&[world.other.0])], vec![]),
        (vec![organization.rule(&["SSHKeysReadOnly"])], vec![one, two, default]),
    ] {
        let by = world.sees(Action::SshKey(Access::List), &rules, true).unwrap();
        let seen = keys.iter().filter(|it| expected.contains(&it.project_id)).cloned();
        let asking = by.clone();
        let found = all_pages(&*store, move |it, page| {
            it.ssh_keys(&asking, &SshKeyFilter::default(), Order::default(), page)
        });
        assert_eq!(found.await, seen.collect::<Vec<_>>(), "{rules:?}");
        for project in world.projects {
            let by = by.clone();
            let filter = SshKeyFilter { project_id: Some(project), ..SshKeyFilter::default() };
            let found = all_pages(&*store, move |it, page| {
                it.ssh_keys(&by, &filter, Order::default(), page)
            });
            assert_eq!(!found.await.is_empty(), expected.contains(&project), "{rules:?}");
        }
    }
    world.sees(Action::SshKey(Access::List), &[rule_in(&["SSHKeysReadOnly"], &[])], false);

    // No rule for a project shows projects, but a permission in one would show that one.
    let action = Action::Project(Access::List);
    world.sees(action, &[rule_in(&["ProjectReadOnly"], &[one])], false);
    let all = world.sees(action, &[organization.rule(&["ProjectReadOnly"])], true).unwrap();
    for (by, expected) in [
        (all, vec![one, two, default]),
        (organization.may_in(action, Some(one)), vec![one]),
        (organization.may_in(action, Some(world.other.0)), vec![]),
    ] {
        let found = all_pages(&*store, move |it, page| {
            it.projects(&by, &ProjectFilter::default(), Order::default(), page)
        });
        let mut found: Vec<_> = found.await.into_iter().map(|it| it.id).collect();
        let mut expected = expected;
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}

pub async fn a_change_is_made_by_a_rule_for_its_project_and_no_other(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let world = World::new(database, &*store, organization).await;
    let (namespace, key, _) = &world.namespaces[0];
    let step = Step::CreateToken(token(key, None), Functions);
    let action = step.change().action();
    let scope = |project_id| Scope { organization_id: organization.0, project_id };
    let rule = |project| [rule_in(&["FunctionsFullAccess"], &[project])];
    let (here, there) = (namespace.project_id, world.projects[1]);
    // Decided for there, it is no permission here, and here there is none.
    let elsewhere = organization.user_may(action, scope(Some(there)), &rule(there)).unwrap();
    let refused = make(&*store, &elsewhere, &step, &origin(later(0))).await;
    assert_eq!(refused, Err(StoreError::NotPermitted));
    for asked in [Some(here), None] {
        let refused = organization.user_may(action, scope(asked), &rule(there)).err();
        assert_eq!(refused, Some(Denied::NoRule));
    }
    let by = organization.user_may(action, scope(Some(here)), &rule(here)).unwrap();
    make(&*store, &by, &step, &origin(later(0))).await.unwrap();
}
