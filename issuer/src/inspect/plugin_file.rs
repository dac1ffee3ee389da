//! The filter's configuration in a file: alone, or where Envoy or Istio has it.

mod found;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use serde_json::{Map, Value, json};

use super::display::excerpt;
use super::yaml::{self, Dialect, YamlError, YamlFault};
use found::{WASM, find};
use namespace_jwt_core::config::{Config, ConfigError, Environment, VARIABLES};
use namespace_jwt_core::json;

/// Members of Envoy's configuration in which a file may be recognized as one.
const ENVOY: [&str; 13] = [
    "@type",
    "admin",
    "configuration",
    "dynamic_resources",
    "filter_chains",
    "http_filters",
    "listeners",
    "node",
    "resources",
    "static_resources",
    "typed_config",
    "typedConfig",
    "vm_config",
];

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// As its first character says: JSON if that is a brace or a bracket, else YAML.
    ByContent,
    /// YAML, whatever it begins with.
    Yaml,
}

/// A plugin's configuration, as it is handed to the filter, and its environment.
pub struct Plugin {
    /// The names under which it can be chosen.
    pub names: Names,
    /// The plugin configuration.
    configuration: Vec<u8>,
    /// Its variables; none where the file has no say in them.
    variables: Option<BTreeMap<String, Variable>>,
}

/// What names a plugin, as far as there are names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The name of the HTTP filter.
    pub filter: Option<String>,
    /// The `name` in the filter's `config`.
    pub plugin: Option<String>,
    /// The name of the listener.
    pub listener: Option<String>,
    /// The name of the Istio resource.
    pub wasm_plugin: Option<String>,
}

enum Variable {
    /// With the value that the file gives.
    Inline(String),
    /// From the environment of the proxy.
    Host,
}

/// Where a variable's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file.
    File,
    /// The environment that was looked up.
    Environment,
    /// Nowhere: the file takes it from the environment, where it isn't set.
    Unset,
}

impl Source {
    /// The source in a word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Environment => "environment",
            Self::Unset => "unset",
        }
    }
}

/// Why a file holds no configuration that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginFileError {
    /// It is no text.
    NotText,
    /// It can't be read as YAML.
    Yaml(YamlError),
    /// It is something else: what it looks like, and what to do.
    LooksLike(&'static str),
    /// It is Envoy's, without a filter that is a Wasm module.
    NoFilter,
    /// It has Kubernetes resources of these kinds, and none with the filter.
    NoWasmPlugin(Vec<String>),
    /// It holds several plugins, and none was chosen, or several have the name.
    Several(Vec<Names>),
    /// None of its plugins has the name that was chosen.
    NotThere(Vec<Names>),
    /// A plugin was chosen, and the file is a plugin configuration by itself.
    NothingToChoose,
    /// The plugin of these names is written in a way that doesn't work: what is wrong.
    Unusable(Names, String),
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            ("WasmPlugin", &self.wasm_plugin),
            ("filter", &self.filter),
            ("plugin", &self.plugin),
            ("listener", &self.listener),
        ];
        let mut separator = "";
        for (what, name) in names {
            if let Some(name) = name {
                write!(f, "{separator}{what} {}", excerpt(name))?;
                separator = ", ";
            }
        }
        if separator.is_empty() { f.write_str("a filter without a name") } else { Ok(()) }
    }
}

impl fmt::Display for PluginFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[Names]| {
            names.iter().map(|names| format!("({names})")).collect::<Vec<_>>().join(" ")
        };
        match self {
            Self::NotText => f.write_str(
                "not a text in UTF-8; give the filter's configuration in JSON or YAML, alone or \
                 in Envoy's or Istio's",
            ),
            Self::Yaml(error @ YamlError { fault: YamlFault::Grammar(_), .. }) => write!(
                f,
                "{error}; give the filter's configuration in JSON or YAML, alone or in Envoy's or \
                 Istio's"
            ),
            Self::Yaml(error) => error.fmt(f),
            Self::LooksLike(what) => f.write_str(what),
            Self::NoFilter => write!(
                f,
                "this looks like a configuration of Envoy, without an HTTP filter of the type \
                 {WASM}; give the file that has the filter, or the plugin configuration alone"
            ),
            Self::NoWasmPlugin(kinds) => write!(
                f,
                "this looks like Kubernetes resources ({}) without a WasmPlugin; give the file \
                 that has it, or put a configuration that is text in another resource into a \
                 file of its own",
                kinds.iter().map(|kind| excerpt(kind)).collect::<Vec<_>>().join(", ")
            ),
            Self::Several(names) => {
                write!(f, "there are several plugins; choose one with --plugin: {}", list(names))
            }
            Self::NotThere(names) => write!(
                f,
                "--plugin: no plugin has that name; choose one of those there: {}",
                list(names)
            ),
            Self::NothingToChoose => f.write_str(
                "--plugin chooses a plugin in a configuration of Envoy or Istio, and this is a \
                 plugin configuration alone; leave --plugin out",
            ),
            Self::Unusable(names, fault) => write!(f, "{names}: {fault}"),
        }
    }
}

impl std::error::Error for PluginFileError {}

/// Reads a file: a plugin configuration, which is a JSON object, also written as YAML; or any
/// part of Envoy's configuration with a Wasm filter in it, or Kubernetes manifests with
/// Istio's WasmPlugin or EnvoyFilter. `chosen` is the name of a filter, a plugin, a listener
/// or a WasmPlugin.
///
/// # Errors
///
/// [`PluginFileError`].
pub fn read(file: &[u8], syntax: Syntax, chosen: Option<&str>) -> Result<Plugin, PluginFileError> {
    let text = std::str::from_utf8(file).map_err(|_| PluginFileError::NotText)?;
    // YAML may begin with a byte order mark. JSON may not, which the filter's reader says.
    let content = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_json = syntax == Syntax::ByContent && content.trim_start().starts_with(['{', '[']);
    let documents = match is_json {
        true => json_documents(content),
        false => yaml_documents(content)?,
    };
    let mut plugins = Vec::new();
    for document in &documents {
        find(document, &Names::default(), &mut plugins);
    }
    if plugins.is_empty() {
        return alone(text, is_json, &documents, chosen);
    }
    let all: Vec<_> = plugins.iter().map(|plugin| plugin.names.clone()).collect();
    if let Some(name) = chosen {
        plugins.retain(|plugin| plugin.names.have(name));
    }
    match (plugins.pop(), plugins.is_empty()) {
        (Some(plugin), true) => plugin.read(),
        (None, _) => Err(PluginFileError::NotThere(all)),
        (Some(last), false) => {
            let names = plugins.into_iter().chain([last]).map(|plugin| plugin.names);
            Err(PluginFileError::Several(names.collect()))
        }
    }
}

impl Plugin {
    /// The filter's configuration, with the variables that the file takes from the proxy's
    /// environment looked up through `host`.
    ///
    /// # Errors
    ///
    /// The filter's own, if it would refuse the configuration.
    pub fn config(&self, host: impl Fn(&str) -> Option<OsString>) -> Result<Config, ConfigError> {
        let environment = Environment::read(|name| match &self.variables {
            None => host(name),
            Some(variables) => match variables.get(name)? {
                Variable::Inline(value) => Some(value.into()),
                Variable::Host => host(name),
            },
        })?;
        Config::from_json(&self.configuration, &environment)
    }

    /// The variables that stand in for members which the configuration leaves out.
    pub fn variables(
        &self,
        host: impl Fn(&str) -> Option<OsString>,
    ) -> Vec<(&'static str, Source)> {
        let members: Map<String, Value> = json::object(&self.configuration).unwrap_or_default();
        let source = |name: &str| match &self.variables {
            None => host(name).map(|_| Source::Environment),
            Some(variables) => variables.get(name).map(|variable| match variable {
                Variable::Inline(_) => Source::File,
                Variable::Host if host(name).is_some() => Source::Environment,
                Variable::Host => Source::Unset,
            }),
        };
        let is_left_out = |member: &str| match member.split_once('.') {
            None => !members.contains_key(member),
            Some((object, member)) => {
                members.get(object).is_some_and(|it| it.get(member).is_none())
            }
        };
        let left_out = VARIABLES.iter().filter(|(_, member)| is_left_out(member));
        left_out.filter_map(|(name, _)| Some((*name, source(name)?))).collect()
    }

    /// Whether the file is more than the plugin configuration.
    pub fn is_part(&self) -> bool {
        self.variables.is_some()
    }
}

impl Names {
    fn have(&self, name: &str) -> bool {
        [&self.filter, &self.plugin, &self.listener, &self.wasm_plugin]
            .iter()
            .any(|own| own.as_deref() == Some(name))
    }

    /// The names for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "filter": self.filter,
            "plugin": self.plugin,
            "listener": self.listener,
            "wasm_plugin": self.wasm_plugin,
        })
    }
}

fn json_documents(text: &str) -> Vec<Value> {
    match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text).into_iter().collect(),
        false => json::object(text.as_bytes()).map(Value::Object).into_iter().collect(),
    }
}

fn yaml_documents(text: &str) -> Result<Vec<Value>, PluginFileError> {
    let read = |dialect| yaml::documents(text, dialect);
    let documents = read(Dialect::Envoy).map_err(|error| match looks_like(text) {
        Some(what) => PluginFileError::LooksLike(what),
        None => PluginFileError::Yaml(error),
    })?;
    match documents.iter().any(|document| kind(document).is_some()) {
        true => read(Dialect::Kubernetes).map_err(PluginFileError::Yaml),
        false => Ok(documents),
    }
}

/// The kind of a Kubernetes resource.
fn kind(document: &Value) -> Option<&str> {
    document.get("apiVersion")?;
    document.get("kind")?.as_str()
}

/// A file without any plugin of Envoy's or Istio's in it: a plugin configuration, or wrong.
fn alone(
    text: &str,
    is_json: bool,
    documents: &[Value],
    chosen: Option<&str>,
) -> Result<Plugin, PluginFileError> {
    let kinds: Vec<_> = documents.iter().filter_map(kind).map(str::to_owned).collect();
    if !kinds.is_empty() {
        return Err(PluginFileError::NoWasmPlugin(kinds));
    }
    let is_envoys = |document: &Value| ENVOY.iter().any(|member| document.get(member).is_some());
    if documents.iter().any(is_envoys) {
        return Err(PluginFileError::NoFilter);
    }
    let configuration = match documents {
        _ if is_json || text.trim().is_empty() => text.as_bytes().to_vec(),
        [] => Vec::new(),
        [object @ Value::Object(_)] => object.to_string().into_bytes(),
        _ => {
            return Err(PluginFileError::LooksLike(looks_like(text).unwrap_or(
                "this is neither a JSON object nor one in YAML; give the filter's configuration, \
                 alone or in Envoy's or Istio's",
            )));
        }
    };
    match chosen {
        None => Ok(Plugin { names: Names::default(), configuration, variables: None }),
        Some(_) => Err(PluginFileError::NothingToChoose),
    }
}

/// What a text that isn't a configuration looks like, and what to do.
fn looks_like(text: &str) -> Option<&'static str> {
    let start = text.trim_start();
    if start.starts_with("-----BEGIN") {
        return Some(
            "this looks like a key in PEM; give the filter's configuration, which holds it as \
             `public_key`",
        );
    }
    if super::pasted::looks_like_token(start.trim_end()) {
        return Some(
            "this looks like a token; give it as `-` on standard input, and the filter's \
             configuration here",
        );
    }
    if start.starts_with("SCW_") || start.starts_with("export SCW_") {
        return Some(
            "this looks like a list of variables; export them to this command's environment, and \
             give a file with `{}` as the configuration",
        );
    }
    None
}
