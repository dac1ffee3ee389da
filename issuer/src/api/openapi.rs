//! The description of the API in OpenAPI 3.1, made of the operations themselves: what each reads of
//! a request, and the type of what it answers.

use axum::http::Method;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::asked::{self, Asked};
use super::error::Errors;
use super::reader;
use crate::iam::action::Action;

/// What describes one operation.
pub struct Operation<'a> {
    /// Its method.
    pub method: Method,
    /// Its path, with names in braces.
    pub path: &'a str,
    /// The API that it belongs to.
    pub tag: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What a caller needs a right to.
    pub action: Action,
    /// How it tells of errors.
    pub errors: Errors,
    /// Whether it has a body.
    pub has_body: bool,
    /// What it reads.
    pub asked: reader::Description,
}

/// The description so far.
pub struct Description {
    paths: Map<String, Value>,
    schemas: SchemaGenerator,
}

impl Description {
    /// Of nothing yet.
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self { paths: Map::new(), schemas: settings.into_generator() }
    }

    /// Adds a path that describes itself.
    pub fn add_path(&mut self, path: &str, description: Value) {
        self.paths.insert(path.to_owned(), description);
    }

    /// Adds an operation that answers with an `A`.
    pub fn add<A: Answer>(&mut self, operation: Operation<'_>) {
        let Operation { method, path, tag, name, summary, action, errors, has_body, asked } =
            operation;
        let mut parameters: Vec<_> = names(path).map(path_parameter).collect();
        parameters.extend(asked.query.into_iter().map(query_parameter));
        let mut responses = failures(errors, &method, has_body);
        responses.insert(A::STATUS.to_owned(), A::describe(&mut self.schemas));
        let mut described = json!({
            "operationId": format!("{tag} {name}").replace(' ', "."),
            "parameters": parameters,
            "responses": responses,
            "security": [{"key": []}],
            "summary": summary,
            "tags": [tag],
            "x-permission": {"action": action.name(), "resource": action.resource()},
        });
        if let (true, Some(members)) = (has_body, described.as_object_mut()) {
            let is_required = asked.body.iter().any(|it| it.is_required);
            let schema = asked::object(asked.body, asked.is_closed);
            let content = json!({"application/json": {"schema": schema}});
            let body = json!({"content": content, "required": is_required});
            members.insert("requestBody".to_owned(), body);
        }
        let at_path = self.paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = at_path.as_object_mut() {
            methods.insert(method.as_str().to_ascii_lowercase(), described);
        }
    }

    /// The whole document.
    pub fn finish(mut self) -> Value {
        let mut schemas = self.schemas.take_definitions(true);
        for (name, schema) in error_schemas() {
            schemas.insert(name.to_owned(), schema);
        }
        let key = json!({
            "type": "apiKey",
            "in": "header",
            "name": "X-Auth-Token",
            "description": "The secret key of an API key.",
        });
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "issuer serve",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "The platform's API for namespaces, functions, containers, tokens, \
                    projects and IAM, and what this service alone has: keys, revocations, and the feed \
                    that tells gateways of them.",
                "license": {"name": env!("CARGO_PKG_LICENSE")},
            },
            "paths": self.paths,
            "components": {
                "responses": all_failures(),
                "schemas": schemas,
                "securitySchemes": {"key": key},
            },
        })
    }
}

/// A path that anybody may GET, and that answers with JSON.
pub fn open(name: &str, summary: &str, more: &[(&str, Value)]) -> Value {
    let content = json!({"application/json": {"schema": {"type": "object"}}});
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({"description": "Done.", "content": content}));
    responses.extend(more.iter().map(|(status, it)| ((*status).to_owned(), it.clone())));
    json!({"get": {
        "operationId": format!("Service.{name}"),
        "responses": responses,
        "security": [],
        "summary": summary,
        "tags": ["Service"],
    }})
}

/// The description of the description.
pub fn of_itself() -> Value {
    open("OpenAPI", "Read this description", &[])
}

/// The names in a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Value {
    let schema = match name {
        "region" => json!({"type": "string", "pattern": "^[a-z]{2}-[a-z]{3,7}$"}),
        _ => asked::uuid(),
    };
    json!({"in": "path", "name": name, "required": true, "schema": schema})
}

fn query_parameter(asked: Asked) -> Value {
    // An empty value is none, also among several. Where any text may be, that says nothing more.
    let or_empty = |schema: Value| match schema == json!({"type": "string"}) {
        true => schema,
        false => json!({"anyOf": [schema, {"const": ""}]}),
    };
    let mut schema = asked.schema;
    if let Some(items) = schema.get_mut("items") {
        *items = or_empty(items.take());
    } else if !asked.is_required {
        schema = or_empty(schema);
    }
    json!({"in": "query", "name": asked.name, "required": asked.is_required, "schema": schema})
}

/// The answers to requests that aren't done: their statuses, and where they are described.
fn failures(errors: Errors, method: &Method, has_body: bool) -> Map<String, Value> {
    let (missing, taken) = match errors {
        Errors::Brief => ("IsMissing", "IsThere"),
        Errors::Typed => ("NotFound", "AlreadyExists"),
    };
    let mut all = vec![
        ("400", "InvalidArguments"),
        ("401", "DeniedAuthentication"),
        ("403", "PermissionsDenied"),
        ("404", missing),
        ("429", "TooManyRequests"),
        ("503", "Unavailable"),
    ];
    if *method != Method::GET {
        all.push(("409", taken));
        if errors == Errors::Typed {
            all.push(("412", "PreconditionFailed"));
        }
    }
    if has_body {
        all.extend([("408", "BodyTooSlow"), ("413", "BodyTooLong")]);
    }
    all.into_iter()
        .map(|(status, name)| {
            let reference = format!("#/components/responses/{name}");
            (status.to_owned(), json!({"$ref": reference}))
        })
        .collect()
}

/// All of these answers.
fn all_failures() -> Value {
    let busy = "There is too much to do, or the database is away. `Retry-After` says when.";
    json!({
        "InvalidArguments": failure("An argument can't be.", "InvalidArguments"),
        "DeniedAuthentication":
            failure("The key is missing, unknown or has expired.", "DeniedAuthentication"),
        "PermissionsDenied":
            failure("The caller may not do this, or there is no room for more.", "Error"),
        "IsMissing": failure("There is no such thing.", "Message"),
        "NotFound": failure("There is no such thing.", "Error"),
        "IsThere": failure("There is one already.", "Message"),
        "AlreadyExists": failure("There is one already.", "Error"),
        "PreconditionFailed": failure("It is still in use.", "Error"),
        "TooManyRequests": failure("Too many requests of this address had no good key.", "Error"),
        "BodyTooSlow": failure("The body didn't arrive in time.", "Message"),
        "BodyTooLong": failure("The body is longer than 1 MiB.", "Message"),
        "Unavailable": failure(busy, "Message"),
    })
}

/// An answer to a request that isn't done, with a body of one of the schemas that errors have.
pub fn failure(description: &str, schema: &str) -> Value {
    let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

/// The shapes of errors, as `error` writes them.
fn error_schemas() -> [(&'static str, Value); 4] {
    let text = || json!({"type": "string"});
    [
        (
            "Message",
            json!({"type": "object", "properties": {"message": text()}, "required": ["message"]}),
        ),
        (
            "Error",
            json!({
                "type": "object",
                "properties": {"message": text(), "type": text()},
                "required": ["message", "type"],
            }),
        ),
        (
            "DeniedAuthentication",
            json!({
                "type": "object",
                "properties": {
                    "message": text(),
                    "method": asked::one_of(["api_key"]),
                    "reason": asked::one_of(["invalid_argument", "not_found", "expired"]),
                    "type": asked::one_of(["denied_authentication"]),
                },
                "required": ["message", "method", "reason", "type"],
            }),
        ),
        (
            "InvalidArguments",
            json!({
                "type": "object",
                "properties": {
                    "details": {"type": "array", "minItems": 1, "items": {
                        "type": "object",
                        "properties": {
                            "argument_name": text(),
                            "help_message": text(),
                            "reason": asked::one_of(["required", "format", "constraint"]),
                        },
                        "required": ["argument_name", "help_message", "reason"],
                    }},
                    "message": text(),
                    "type": asked::one_of(["invalid_arguments"]),
                },
                "required": ["details", "message", "type"],
            }),
        ),
    ]
}
