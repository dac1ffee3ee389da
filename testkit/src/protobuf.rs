//! The protobuf messages that the proxy and the filter exchange, read and written by `prost`:
//! apart from the product, which does it by hand.

use prost::Message;
use serde_json::{Map, Value as Json};

/// What the proxy's `verify_signature` takes
/// (Envoy, `source/extensions/common/wasm/ext/verify_signature.proto`).
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)] // It holds a token.
pub struct VerifySignatureArguments {
    /// The hash function: `sha256`.
    #[prost(string, tag = "1")]
    pub hash_function: String,
    /// The key: a DER SubjectPublicKeyInfo.
    #[prost(bytes = "vec", tag = "2")]
    pub public_key: Vec<u8>,
    /// The signature: RSA's own bytes, or ECDSA's DER (RFC 3279 §2.2.3).
    #[prost(bytes = "vec", tag = "3")]
    pub signature: Vec<u8>,
    /// What was signed.
    #[prost(bytes = "vec", tag = "4")]
    pub text: Vec<u8>,
}

/// What `verify_signature` answers.
#[derive(Clone, PartialEq, Message)]
pub struct VerifySignatureResult {
    /// Whether the signature is good.
    #[prost(bool, tag = "1")]
    pub result: bool,
    /// Why it isn't, or couldn't be checked.
    #[prost(string, tag = "2")]
    pub error: String,
}

/// `google.protobuf.Struct`: a JSON object. A map is a list of entries on the wire, and only as
/// a list does it tell of an entry that is there twice.
#[derive(Clone, PartialEq, Message)]
pub struct Struct {
    /// The members.
    #[prost(message, repeated, tag = "1")]
    pub fields: Vec<Entry>,
}

/// A member of a [`Struct`].
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    /// Its name.
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    /// Its value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<Value>,
}

/// `google.protobuf.Value`: any JSON value.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// Which one.
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<Kind>,
}

/// The kinds of a [`Value`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Kind {
    /// `null`.
    #[prost(int32, tag = "1")]
    Null(i32),
    /// A number.
    #[prost(double, tag = "2")]
    Number(f64),
    /// A string.
    #[prost(string, tag = "3")]
    String(String),
    /// `true` or `false`.
    #[prost(bool, tag = "4")]
    Bool(bool),
    /// An object.
    #[prost(message, tag = "5")]
    Struct(Struct),
    /// An array.
    #[prost(message, tag = "6")]
    List(ListValue),
}

/// `google.protobuf.ListValue`: a JSON array.
#[derive(Clone, PartialEq, Message)]
pub struct ListValue {
    /// Its values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// `xds.type.v3.TypedStruct`.
#[derive(Clone, PartialEq, Message)]
pub struct TypedStruct {
    /// The type that the members are of.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The members.
    #[prost(message, optional, tag = "2")]
    pub value: Option<Struct>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    /// The type of the message.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// A JSON object as a `Struct`.
pub fn structure(members: &Map<String, Json>) -> Struct {
    let entry = |(name, held): (&String, &Json)| Entry {
        key: Some(name.clone()),
        value: Some(value(held)),
    };
    Struct { fields: members.iter().map(entry).collect() }
}

/// A JSON value as a `Value`.
pub fn value(of: &Json) -> Value {
    let kind = match of {
        Json::Null => Kind::Null(0),
        Json::Number(number) => Kind::Number(number.as_f64().expect("every number is one")),
        Json::String(text) => Kind::String(text.clone()),
        Json::Bool(flag) => Kind::Bool(*flag),
        Json::Object(members) => Kind::Struct(structure(members)),
        Json::Array(values) => Kind::List(ListValue { values: values.iter().map(value).collect() }),
    };
    Value { kind: Some(kind) }
}
