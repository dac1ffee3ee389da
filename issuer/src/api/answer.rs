//! Good answers: 200 with JSON whatever was done, or 204 with nothing.

use std::collections::BTreeMap;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use namespace_jwt_core::time::UnixTime;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::authority::refusal::Refusal;
use crate::calendar::{rfc3339, rfc3339_micros};
use crate::http::answer;
use crate::model::page::Page;

/// What an operation ends with.
pub type Answered<A> = Result<A, Refusal>;

/// A good answer of one kind.
pub trait Answer {
    /// Its status in the API's description.
    const STATUS: &'static str;

    /// The answer to a client.
    fn respond(self) -> Response;

    /// Its description, after the one of OpenAPI 3.1 for a response.
    fn describe(schemas: &mut SchemaGenerator) -> Value;
}

/// What was asked for, in JSON. What makes something answers 200 too, as on the platform.
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema> Answer for Json<T> {
    const STATUS: &'static str = "200";

    fn respond(self) -> Response {
        // Structures of texts, numbers and maps with texts as keys have a JSON form.
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        let mut response = answer::json_text(StatusCode::OK, text);
        // It may hold a token, also where the method is GET.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn describe(schemas: &mut SchemaGenerator) -> Value {
        let schema = schemas.subschema_for::<T>();
        json!({"description": "Done.", "content": {"application/json": {"schema": schema}}})
    }
}

/// The description of the API, which anybody may keep for a while.
pub fn described(text: &str) -> Response {
    let mut response = answer::json_text(StatusCode::OK, text.to_owned());
    let an_hour = HeaderValue::from_static("public, max-age=3600");
    response.headers_mut().insert(CACHE_CONTROL, an_hour);
    response
}

/// That it was done, and no more.
pub struct NoContent;

impl Answer for NoContent {
    const STATUS: &'static str = "204";

    fn respond(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        // Without a body, and there on the platform all the same.
        response.headers_mut().insert(CONTENT_TYPE, answer::JSON);
        response
    }

    fn describe(_: &mut SchemaGenerator) -> Value {
        json!({"description": "Done."})
    }
}

/// What stands in lists.
pub trait Listed {
    /// The member that the list's items stand in.
    const NAME: &'static str;
}

/// A page of a list, under the name of its items.
pub struct List<T> {
    items: Vec<T>,
    total_count: u64,
}

impl<T> List<T> {
    /// A page, as clients read it.
    pub fn of<I>(page: Page<I>, view: impl Fn(I) -> T) -> Json<Self> {
        let items = page.items.into_iter().map(view).collect();
        Json(Self { items, total_count: page.total })
    }
}

impl<T: Serialize + Listed> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(T::NAME, &self.items)?;
        map.serialize_entry("total_count", &self.total_count)?;
        map.end()
    }
}

impl<T: JsonSchema + Listed> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}.List", T::schema_name()).into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let item = schemas.subschema_for::<T>();
        let mut properties = BTreeMap::new();
        properties.insert(T::NAME, json!({"type": "array", "items": item}));
        properties.insert("total_count", json!({"type": "integer", "minimum": 0}));
        json_schema!({
            "type": "object",
            "properties": properties,
            "required": [T::NAME, "total_count"],
        })
    }
}

/// A time in RFC 3339.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Time(String);

impl Time {
    /// To the microsecond: when something was made or changed.
    pub fn micros(time: UnixTime) -> Self {
        Self(rfc3339_micros(time))
    }

    /// As short as it can be written: what somebody asked for.
    pub fn plain(time: UnixTime) -> Self {
        Self(rfc3339(time))
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// The state of something. What runs code isn't here, so all there is is ready at once.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Status {
    /// It can be used.
    Ready,
    /// It was just deleted.
    Deleting,
}
