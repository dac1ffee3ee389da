//! Envoy's configuration: listeners with the filter, as JSON.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::built::module;

/// The filter in one listener: its plugin configuration and the environment of
/// its VM.
#[derive(Clone, Default)]
pub struct Filter {
    configuration: Option<Value>,
    key_values: BTreeMap<String, String>,
    host_env_keys: Vec<String>,
    vm_id: Option<String>,
    plugin: Option<Value>,
}

impl Filter {
    /// The usual way: JSON in a `google.protobuf.StringValue`.
    pub fn new(configuration: &Value) -> Self {
        Self::from_text(&configuration.to_string())
    }

    pub fn from_text(text: &str) -> Self {
        Self {
            configuration: Some(json!({
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": text,
            })),
            ..Self::default()
        }
    }

    /// The other way: a `google.protobuf.Struct`.
    pub fn from_struct(configuration: &Value) -> Self {
        Self {
            configuration: Some(json!({
                "@type": "type.googleapis.com/google.protobuf.Struct",
                "value": configuration,
            })),
            ..Self::default()
        }
    }

    /// Any message, with its `@type`.
    pub fn from_message(message: Value) -> Self {
        Self { configuration: Some(message), ..Self::default() }
    }

    /// No plugin configuration at all.
    pub fn unconfigured() -> Self {
        Self::default()
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.key_values.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A variable that the VM gets from Envoy's own environment.
    pub fn host_env(mut self, name: &str) -> Self {
        self.host_env_keys.push(name.to_owned());
        self
    }

    /// Another `vm_id` than the listener's own name; an empty one is none.
    pub fn vm_id(mut self, id: &str) -> Self {
        self.vm_id = Some(id.to_owned());
        self
    }

    /// More members of the plugin, beside its configuration.
    pub fn plugin(mut self, members: Value) -> Self {
        self.plugin = Some(members);
        self
    }

    pub fn to_json(&self, listener: &str) -> Value {
        let mut vm = json!({
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module()}},
        });
        if !self.key_values.is_empty() || !self.host_env_keys.is_empty() {
            vm["environment_variables"] = json!({
                "key_values": self.key_values,
                "host_env_keys": self.host_env_keys,
            });
            // Else an Envoy before 1.39 takes another listener's.
            vm["vm_id"] = json!(listener);
        }
        if let Some(id) = &self.vm_id {
            vm["vm_id"] = json!(id);
        }
        let mut plugin = json!({
            "name": "namespace-jwt",
            "failure_policy": "FAIL_RELOAD",
            "vm_config": vm,
        });
        if let Some(configuration) = &self.configuration {
            plugin["configuration"] = configuration.clone();
        }
        if let Some(Value::Object(members)) = &self.plugin {
            plugin.as_object_mut().unwrap().extend(members.clone());
        }
        json!({
            "name": "namespace-jwt",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": plugin,
            },
        })
    }
}

/// Envoy's own filter, with one provider that every request needs.
pub fn jwt_authn(provider: Value) -> Value {
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"namespace": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "namespace"}}],
        },
    })
}

pub fn listener(name: &str, filter: Option<Value>, access_log: &Path) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    });
    json!({
        "name": name,
        "address": address(SocketAddr::from(([127, 0, 0, 1], 0))),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "codec_type": "AUTO",
                "route_config": {
                    "virtual_hosts": [{
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}],
                    }],
                },
                "http_filters": filter.into_iter().chain([router]).collect::<Vec<_>>(),
                "access_log": [{
                    "name": "envoy.access_loggers.file",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                        "path": access_log,
                        "log_format": {"json_format": {
                            "case": "%REQ(X-CASE)%",
                            "decision": "%FILTER_STATE(wasm.namespace_jwt:PLAIN)%",
                            "status": "%RESPONSE_CODE%",
                        }},
                    },
                }],
            },
        }]}],
    })
}

/// A cluster of hosts by their addresses.
pub fn cluster(name: &str, hosts: &[SocketAddr]) -> Value {
    let endpoints: Vec<_> =
        hosts.iter().map(|host| json!({"endpoint": {"address": address(*host)}})).collect();
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    })
}

pub fn address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})
}

pub fn write_listeners(file: &Path, listeners: &[Value]) {
    write(file, "type.googleapis.com/envoy.config.listener.v3.Listener", listeners);
}

pub fn write_clusters(file: &Path, clusters: &[Value]) {
    write(file, "type.googleapis.com/envoy.config.cluster.v3.Cluster", clusters);
}

/// Envoy sees a file that is moved into place, never a half-written one.
fn write(file: &Path, kind: &str, resources: &[Value]) {
    let typed = |resource: &Value| {
        let mut resource = resource.clone();
        resource["@type"] = json!(kind);
        resource
    };
    let resources: Vec<_> = resources.iter().map(typed).collect();
    let whole = file.with_extension("new");
    fs::write(&whole, json!({ "resources": resources }).to_string()).unwrap();
    fs::rename(&whole, file).unwrap();
}
