//! How an operation is a route: authenticated, read, done, answered; and described.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts as _, Path, Request, State};
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, head, on};

use super::Api;
use super::answer::{Answer, Answered};
use super::arguments::Arguments;
use super::call::{Call, Names, Place, authenticate};
use super::error::{Errors, Failure};
use super::openapi::{Description, Operation};
use super::query::Query;
use super::reader::Reader;
use crate::http::body::{self, BodyError, BodyLimits};
use crate::http::request;
use crate::iam::action::Action;

/// The routes so far, and what describes them where that is wanted.
pub struct Routes {
    router: Router<Api>,
    description: Option<Description>,
}

impl Routes {
    /// None yet, and no description.
    pub fn new() -> Self {
        Self { router: Router::new(), description: None }
    }

    /// None yet, and their description.
    pub fn described() -> Self {
        Self { description: Some(Description::new()), ..Self::new() }
    }

    /// The routes of one version of one API.
    pub fn group<P: Place>(
        &mut self,
        prefix: impl Into<String>,
        tag: &'static str,
        errors: Errors,
        place: P,
    ) -> Group<'_, P> {
        Group { routes: self, prefix: prefix.into(), tag, common: Common { errors, place } }
    }

    /// A route that is no operation for a caller. It describes itself.
    pub fn plain(
        &mut self,
        path: &str,
        methods: MethodRouter<Api>,
        description: serde_json::Value,
    ) {
        self.router = std::mem::take(&mut self.router).route(path, methods);
        self.describe(path, description);
    }

    /// Describes a path that has its route elsewhere.
    pub fn describe(&mut self, path: &str, description: serde_json::Value) {
        if let Some(all) = &mut self.description {
            all.add_path(path, description);
        }
    }

    /// All routes.
    pub fn router(self) -> Router<Api> {
        self.router
    }

    /// Their description, or nothing.
    pub fn description(self) -> serde_json::Value {
        self.description.map(Description::finish).unwrap_or_default()
    }
}

/// The routes of one version of one API.
pub struct Group<'r, P> {
    routes: &'r mut Routes,
    prefix: String,
    tag: &'static str,
    common: Common<P>,
}

#[derive(Clone)]
struct Common<P> {
    errors: Errors,
    place: P,
}

/// A function for each method, all alike.
macro_rules! methods {
    ($($name:ident: $method:ident,)*) => {$(
        /// An operation: its name and what it does in words; what a caller needs a right to; what
        /// it reads of a request; and the operation itself.
        pub fn $name<I, A, F>(
            &mut self,
            path: &str,
            words: (&'static str, &'static str),
            action: Action,
            read: fn(&mut Reader, &P) -> I,
            run: fn(Call<P>, I) -> F,
        ) where
            I: Send + 'static,
            A: Answer,
            F: Future<Output = Answered<A>> + Send + 'static,
        {
            self.add((Method::$method, MethodFilter::$method), path, words, action, read, run);
        }
    )*};
}

impl<P: Place> Group<'_, P> {
    methods! { get: GET, post: POST, put: PUT, patch: PATCH, delete: DELETE, }

    /// Where the operations are.
    pub fn place(&self) -> &P {
        &self.common.place
    }

    /// Refuses HEAD where GET makes something: the answer to HEAD, which elsewhere is made of the
    /// one to GET, would not hold it.
    pub fn refuse_head(&mut self, path: &str) {
        let only_get = async || (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")]);
        let router = std::mem::take(&mut self.routes.router);
        self.routes.router = router.route(&format!("{}{path}", self.prefix), head(only_get));
    }

    fn add<I, A, F>(
        &mut self,
        (method, filter): (Method, MethodFilter),
        path: &str,
        (name, summary): (&'static str, &'static str),
        action: Action,
        read: fn(&mut Reader, &P) -> I,
        run: fn(Call<P>, I) -> F,
    ) where
        I: Send + 'static,
        A: Answer,
        F: Future<Output = Answered<A>> + Send + 'static,
    {
        let path = format!("{}{path}", self.prefix);
        if let Some(description) = &mut self.routes.description {
            let mut reader = Reader::describing();
            read(&mut reader, &self.common.place);
            description.add::<A>(Operation {
                has_body: has_body(&method),
                method,
                path: &path,
                tag: self.tag,
                name,
                summary,
                action,
                errors: self.common.errors,
                asked: reader.description(),
            });
        }
        let common = self.common.clone();
        let handler = async move |State(api): State<Api>, request: Request| match serve(
            api, &common, request, read, run,
        )
        .await
        {
            Ok(response) => response,
            Err(failure) => failure.respond(common.errors),
        };
        let router = std::mem::take(&mut self.routes.router);
        self.routes.router = router.route(&path, on(filter, handler));
    }
}

async fn serve<P: Place, I, A: Answer, F: Future<Output = Answered<A>>>(
    api: Api,
    Common { errors, place }: &Common<P>,
    request: Request,
    read: fn(&mut Reader, &P) -> I,
    run: fn(Call<P>, I) -> F,
) -> Result<Response, Failure> {
    let (mut parts, content) = request.into_parts();
    let has_body = has_body(&parts.method);
    let caller = match authenticate(&parts, &api).await {
        Ok(caller) => caller,
        Err(failure) => {
            // A client that is still sending wouldn't see the answer.
            if has_body {
                body::drop_all(content).await;
            }
            return Err(failure);
        }
    };
    // Python's sends `{}` with GET and DELETE, where it means nothing.
    let content = match has_body {
        true => Some(body::read(content, &BodyLimits::default()).await),
        false => None,
    };
    if let (Some(note), Some(key)) =
        (parts.extensions.get::<request::Caller>(), caller.access_key())
    {
        note.note(key);
    }
    let names = names(&mut parts).await.ok_or(Failure::UnknownPath)?;
    let place = place.of(&names).ok_or(Failure::UnknownPath)?;
    let body = arguments(content)?;
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let mut reader = Reader::new(names, query, body, *errors);
    let input = read(&mut reader, &place);
    reader.finish()?;
    Ok(run(Call { api, caller, place }, input).await?.respond())
}

fn has_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn arguments(content: Option<Result<Bytes, BodyError>>) -> Result<Arguments, Failure> {
    match content {
        Some(content) => Ok(Arguments::of_body(&content.map_err(Failure::Body)?)?),
        None => Ok(Arguments::default()),
    }
}

/// The names in a route's pattern, and what stands for them in the path.
async fn names(parts: &mut Parts) -> Option<Names> {
    Some(Names(Path::<Vec<(String, String)>>::from_request_parts(parts, &()).await.ok()?.0))
}
