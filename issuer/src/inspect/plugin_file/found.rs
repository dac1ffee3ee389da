//! The plugins in a configuration of Envoy's or in Kubernetes manifests.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use namespace_jwt_core::json::whole_or_double;
use serde_json::{Map, Value};

use super::{Names, Plugin, PluginFileError, Variable, kind};
use crate::inspect::display::excerpt;

/// The type of an HTTP filter that is a Wasm module, after the last slash.
pub(super) const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// A plugin where it was found.
pub(super) struct Found<'a> {
    pub(super) names: Names,
    place: Place<'a>,
}

enum Place<'a> {
    /// The filter of Envoy's, which has a `config`.
    Filter(&'a Value),
    /// The `spec` of a WasmPlugin.
    Spec(&'a Value),
}

/// Finds the plugins in a value, inside of what has these names.
pub(super) fn find<'a>(value: &'a Value, around: &Names, found: &mut Vec<Found<'a>>) {
    let members = match value {
        Value::Array(values) => return values.iter().for_each(|value| find(value, around, found)),
        Value::Object(members) => members,
        _ => return,
    };
    let mut names = around.clone();
    let name = || text(value.get("name"));
    if kind(value) == Some("WasmPlugin") {
        names.wasm_plugin = text(value.pointer("/metadata/name"));
        let place = Place::Spec(value.get("spec").unwrap_or(&Value::Null));
        return found.push(Found { names, place });
    }
    if let Some(filter) = wasm(value) {
        names.plugin = text(filter.pointer("/config/name"));
        return found.push(Found { names, place: Place::Filter(filter) });
    }
    if ["filter_chains", "default_filter_chain"].iter().any(|chain| get(value, chain).is_some()) {
        names.listener = name();
    }
    for (member, value) in members {
        names.filter = match member.as_str() {
            "typed_config" | "typedConfig" => name(),
            _ => None,
        };
        find(value, &names, found);
    }
}

/// The filter, if a value is one that is a Wasm module, itself or as a TypedStruct.
fn wasm(value: &Value) -> Option<&Value> {
    match type_name(value, "@type")? {
        WASM => Some(value),
        "xds.type.v3.TypedStruct" | "udpa.type.v1.TypedStruct" => {
            let is_wasm = type_name(value, "type_url").or(type_name(value, "typeUrl"))? == WASM;
            value.get("value").filter(|_| is_wasm)
        }
        _ => None,
    }
}

fn type_name<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()?.rsplit('/').next()
}

/// A member of a message of Envoy's, which has two spellings: `vm_config` and `vmConfig`.
fn get<'a>(value: &'a Value, member: &str) -> Option<&'a Value> {
    let mut words = member.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    value.get(member).or_else(|| value.get(camel)).filter(|value| !value.is_null())
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Found<'_> {
    /// Reads it as the proxy does.
    pub(super) fn read(self) -> Result<Plugin, PluginFileError> {
        let read = match self.place {
            Place::Filter(filter) => filter_parts(filter),
            Place::Spec(spec) => spec_parts(spec),
        };
        match read {
            Ok((configuration, variables)) => {
                Ok(Plugin { names: self.names, configuration, variables: Some(variables) })
            }
            Err(fault) => Err(PluginFileError::Unusable(self.names, fault)),
        }
    }
}

type Parts = (Vec<u8>, BTreeMap<String, Variable>);

/// What a filter of Envoy's hands to the module.
fn filter_parts(filter: &Value) -> Result<Parts, String> {
    let config = filter.get("config").unwrap_or(&Value::Null);
    let configuration = get(config, "configuration").map(any).transpose()?.unwrap_or_default();
    let environment = get(config, "vm_config").and_then(|vm| get(vm, "environment_variables"));
    let mut variables = BTreeMap::new();
    let given = environment.and_then(|environment| get(environment, "key_values"));
    for (name, value) in given.and_then(Value::as_object).into_iter().flatten() {
        let Some(value) = value.as_str() else {
            return Err(format!(
                "the value of {} in `key_values` is not a string, which Envoy refuses; put it \
                 into quotation marks",
                excerpt(name)
            ));
        };
        variables.insert(name.clone(), Variable::Inline(value.to_owned()));
    }
    let host = environment.and_then(|environment| get(environment, "host_env_keys"));
    for name in host.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if variables.insert(name.to_owned(), Variable::Host).is_some() {
            return Err(format!(
                "{} is there twice in `environment_variables`, which Envoy refuses; keep one",
                excerpt(name)
            ));
        }
    }
    Ok((configuration, variables))
}

/// The bytes that Envoy hands over for a `google.protobuf.Any`.
fn any(any: &Value) -> Result<Vec<u8>, String> {
    let value = any.get("value").filter(|value| !value.is_null());
    match (type_name(any, "@type"), value) {
        (Some("google.protobuf.StringValue"), Some(Value::String(text))) => {
            Ok(text.as_bytes().to_vec())
        }
        (Some("google.protobuf.StringValue"), Some(_)) => {
            Err("the `value` of a StringValue has to be a string that holds JSON; put it into \
                 quotation marks, or take `google.protobuf.Struct` for an object"
                .to_owned())
        }
        (Some("google.protobuf.BytesValue"), Some(Value::String(text))) => STANDARD
            .decode(text)
            .map_err(|_| "the `value` of a BytesValue has to be base64; correct it".to_owned()),
        (Some("google.protobuf.Struct"), Some(value @ Value::Object(_))) => {
            Ok(doubles(value).to_string().into_bytes())
        }
        (Some("google.protobuf.Struct"), Some(_)) => {
            Err("the `value` of a Struct has to be an object; write the members below it"
                .to_owned())
        }
        (Some("google.protobuf.StringValue" | "google.protobuf.Struct"), None) => {
            let members = any.as_object().map(Map::len);
            match members {
                Some(1) => Ok(Vec::new()),
                _ => Err("`configuration` has no `value`, and other members in its place; write \
                          them below `value`"
                    .to_owned()),
            }
        }
        (Some(other), _) => Err(format!(
            "`configuration` is of the type {}, which reaches the filter in a form that is not \
             JSON; take `type.googleapis.com/google.protobuf.Struct`",
            excerpt(other)
        )),
        (None, _) => Err("`configuration` has no `@type`; add \
                          `\"@type\": type.googleapis.com/google.protobuf.Struct`"
            .to_owned()),
    }
}

/// A Struct as the filter gets it: every number is a double.
fn doubles(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            number.as_f64().and_then(whole_or_double).map_or(Value::Null, Value::Number)
        }
        Value::Array(values) => values.iter().map(doubles).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), doubles(value))).collect(),
        ),
        other => other.clone(),
    }
}

/// What a WasmPlugin hands to the module.
fn spec_parts(spec: &Value) -> Result<Parts, String> {
    let configuration = match get(spec, "plugin_config") {
        None => Vec::new(),
        Some(config @ Value::Object(_)) => doubles(config).to_string().into_bytes(),
        Some(_) => {
            return Err("`pluginConfig` is not an object; write the members below it".to_owned());
        }
    };
    let mut variables = BTreeMap::new();
    let env = get(spec, "vm_config").and_then(|vm| vm.get("env"));
    for entry in env.and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = text(entry.get("name")) else { continue };
        let from_host = get(entry, "value_from").is_some_and(|from| from == "HOST" || from == 1);
        let variable = match entry.get("value") {
            _ if from_host => Variable::Host,
            Some(Value::String(value)) => Variable::Inline(value.clone()),
            None | Some(Value::Null) => Variable::Inline(String::new()),
            Some(_) => {
                return Err(format!(
                    "the value of {} in `env` is not a string; put it into quotation marks",
                    excerpt(&name)
                ));
            }
        };
        variables.insert(name, variable);
    }
    Ok((configuration, variables))
}
