//! Whether the environment that the module sees is its own listener's.
//!
//! Envoy before 1.39 leaves `environment_variables` out of what tells one VM from another. Of
//! listeners that differ in nothing else all get the first one's environment, and an update of
//! the environment alone changes nothing: what was to be private may be public, or open to
//! another namespace's tokens. The module can't see which environment was meant. It can see
//! that the proxy is of that age and that no `vm_id` sets its VM apart: then it uses no
//! variable.

use std::fmt;

use namespace_jwt_core::config::{ConfigError, VARIABLES};

/// A proxy, as far as it matters here.
enum Proxy {
    /// An Envoy, or one that is made of it: Istio's too tells Envoy's version.
    Envoy { version: [u64; 3], development: bool },
    /// It has no such property, which every Envoy has that knows environment variables.
    Another,
    /// It doesn't answer: Envoy's `capability_restriction_config` may forbid the question.
    Silent,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envoy { version: [major, minor, patch], development } => {
                write!(f, "Envoy {major}.{minor}.{patch}{}", if *development { "-dev" } else { "" })
            }
            Self::Another => f.write_str("another proxy"),
            Self::Silent => f.write_str("a proxy that doesn't tell its version"),
        }
    }
}

impl Proxy {
    fn ask<E>(property: &impl Fn(&[&str]) -> Result<Option<Vec<u8>>, E>) -> Self {
        // Older releases have the node itself in the first place.
        for node in [&["xds", "node"][..], &["node"]] {
            let build = |rest: [&'static str; 2]| {
                property(&[node, &["user_agent_build_version"], &rest].concat())
            };
            // A number is 64 bits wide, little-endian, whatever its type in the message.
            let number = |name| match build(["version", name]) {
                Ok(Some(bytes)) => {
                    bytes.try_into().map(u64::from_le_bytes).map_err(|_| Self::Silent)
                }
                Ok(None) => Err(Self::Another),
                Err(_) => Err(Self::Silent),
            };
            let told = || {
                let version = [number("major_number")?, number("minor_number")?, number("patch")?];
                let label = build(["metadata", "build.label"]);
                let development = !matches!(label, Ok(None));
                Ok(Self::Envoy { version, development })
            };
            match told() {
                Err(Self::Another) => {}
                Ok(proxy) | Err(proxy) => return proxy,
            }
        }
        Self::Another
    }

    /// Whether VMs of different environments may be one. What can't be told counts as a yes.
    fn mixes_environments(&self) -> bool {
        match self {
            // What calls itself 1.39.0-dev may be older than the change.
            Self::Envoy { version, development } => {
                *version < [1, 39, 0] || (*version == [1, 39, 0] && *development)
            }
            Self::Another => false,
            Self::Silent => true,
        }
    }
}

/// The proxy, if the module may have got another listener's environment from it. `property`
/// asks the proxy.
fn borrowed_from<E>(property: impl Fn(&[&str]) -> Result<Option<Vec<u8>>, E>) -> Option<Proxy> {
    // The operator has set the VM apart.
    if matches!(property(&["plugin_vm_id"]), Ok(Some(id)) if !id.is_empty()) {
        return None;
    }
    Some(Proxy::ask(&property)).filter(Proxy::mixes_environments)
}

const WHY: &str =
    "before 1.39 Envoy may hand a VM without a `vm_id` another listener's environment";

/// Refuses `variables` (`SCW_PUBLIC`), which stand in for members of the configuration, where
/// the proxy may have handed over another listener's. `property` asks the proxy.
///
/// # Errors
///
/// Which they are, what to write instead, and why.
pub fn refuse_borrowed<E>(
    variables: &[&str],
    property: impl Fn(&[&str]) -> Result<Option<Vec<u8>>, E>,
) -> Result<(), String> {
    if variables.is_empty() {
        return Ok(());
    }
    let Some(proxy) = borrowed_from(property) else { return Ok(()) };
    let names = variables.join(", ");
    let stands_in = |(name, _): &(&str, &str)| variables.contains(name);
    let members: Vec<_> =
        VARIABLES.into_iter().filter(stands_in).map(|(_, member)| member).collect();
    let members = members.join(", ");
    let wanted = match proxy {
        Proxy::Silent => "a proxy that lets the module ask for its version (`proxy_get_property`)",
        _ => "a `vm_id` in `vm_config` that goes with no other environment",
    };
    Err(format!(
        "{names}: expected {wanted}, or the plugin configuration to have {members}, found neither \
         in {proxy}: {WHY}, or its own from before an update"
    ))
}

/// The error as the log shows it. What is missing may have been in an environment that the
/// module never got.
pub fn explained<E>(
    error: &ConfigError,
    property: impl Fn(&[&str]) -> Result<Option<Vec<u8>>, E>,
) -> String {
    match borrowed_from(property) {
        Some(proxy) if error.is_missing() => format!("{error} ({WHY}, and this is {proxy})"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use namespace_jwt_core::config::{Config, Environment};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// What a proxy answers.
    struct Answers {
        node: &'static [&'static str],
        vm_id: Result<Option<&'static str>, ()>,
        version: Result<Option<[u64; 3]>, ()>,
        label: Result<Option<&'static str>, ()>,
    }

    impl Answers {
        fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, ()> {
            let text = |text: &str| Vec::from(text);
            if path == ["plugin_vm_id"] {
                return self.vm_id.map(|id| id.map(text));
            }
            let Some(path) = path.strip_prefix(self.node) else { return Ok(None) };
            let part = |n: usize| self.version.map(|v| v.map(|v| v[n].to_le_bytes().to_vec()));
            match path {
                ["user_agent_build_version", "version", "major_number"] => part(0),
                ["user_agent_build_version", "version", "minor_number"] => part(1),
                ["user_agent_build_version", "version", "patch"] => part(2),
                ["user_agent_build_version", "metadata", "build.label"] => {
                    self.label.map(|label| label.map(text))
                }
                _ => Ok(None),
            }
        }
    }

    fn envoy(version: [u64; 3]) -> Answers {
        Answers {
            node: &["xds", "node"],
            vm_id: Ok(Some("")),
            version: Ok(Some(version)),
            label: Ok(None),
        }
    }

    fn refused(answers: &Answers) -> Option<String> {
        refuse_borrowed(&["SCW_PUBLIC"], |path| answers.property(path)).err()
    }

    #[test]
    fn variables_are_refused_where_they_may_be_another_listener_s() {
        let dev = Ok(Some("dev"));
        #[rustfmt::skip]
        let cases = [
            (envoy([1, 36, 4]), Some("Envoy 1.36.4")),
            (envoy([1, 38, 99]), Some("Envoy 1.38.99")),
            (envoy([1, 39, 0]), None),
            (envoy([1, 40, 0]), None),
            (envoy([1, 100, 0]), None),
            (envoy([2, 0, 0]), None),
            // Istio's proxies are built from between releases.
            (Answers { label: dev, ..envoy([1, 38, 1]) }, Some("Envoy 1.38.1-dev")),
            (Answers { label: dev, ..envoy([1, 39, 0]) }, Some("Envoy 1.39.0-dev")),
            (Answers { label: dev, ..envoy([1, 39, 1]) }, None),
            (Answers { label: dev, ..envoy([1, 40, 0]) }, None),
            (Answers { label: Err(()), ..envoy([1, 39, 0]) }, Some("Envoy 1.39.0-dev")),
            // An older release.
            (Answers { node: &["node"], ..envoy([1, 27, 0]) }, Some("Envoy 1.27.0")),
            // A `vm_id` of its own.
            (Answers { vm_id: Ok(Some("mine")), ..envoy([1, 36, 4]) }, None),
            (Answers { vm_id: Ok(None), ..envoy([1, 36, 4]) }, Some("Envoy 1.36.4")),
            // Not an Envoy.
            (Answers { node: &["elsewhere"], ..envoy([1, 36, 4]) }, None),
            (Answers { version: Ok(None), ..envoy([0, 0, 0]) }, None),
            // Questions that are forbidden, and a message that isn't there.
            (Answers { version: Err(()), vm_id: Err(()), ..envoy([1, 40, 0]) }, Some("a proxy that doesn't tell its version")),
            (envoy([0, 0, 0]), Some("Envoy 0.0.0")),
        ];
        for (answers, expected) in cases {
            let why = refused(&answers);
            let found = why.as_deref().and_then(|why| why.split_once("found neither in "));
            assert_eq!(found.and_then(|(_, found)| found.split(':').next()), expected, "{why:?}");
        }
        let short = |path: &[&str]| Ok::<_, ()>(path.contains(&"node").then(|| vec![1]));
        assert!(refuse_borrowed(&["SCW_PUBLIC"], short).is_err());
    }

    #[test]
    fn whoever_uses_no_variable_is_never_asked() {
        let property = |_: &[&str]| -> Result<_, ()> { panic!("asked") };
        assert_eq!(refuse_borrowed(&[], property), Ok(()));
    }

    #[test]
    fn each_variable_and_its_member_are_named() {
        let old = envoy([1, 36, 4]);
        let variables = ["SCW_PUBLIC_KEY", "SCW_NAMESPACE_ID", "NAMESPACE_JWT_TRUST_KEY"];
        assert_eq!(
            refuse_borrowed(&variables, |path| old.property(path)).unwrap_err(),
            "SCW_PUBLIC_KEY, SCW_NAMESPACE_ID, NAMESPACE_JWT_TRUST_KEY: expected a `vm_id` in \
             `vm_config` that goes with no other environment, or the plugin configuration to have \
             public_key, namespace_id, trust.public_keys, found neither in Envoy 1.36.4: before 1.39 Envoy may hand a VM without a `vm_id` \
             another listener's environment, or its own from before an update"
        );
        let silent = |_: &[&str]| Err(());
        assert!(refuse_borrowed(&variables, silent).unwrap_err().contains("`proxy_get_property`"));
    }

    #[test]
    fn what_is_missing_may_have_been_in_the_environment() {
        let error =
            |json: &str| Config::from_json(json.as_bytes(), &Environment::default()).err().unwrap();
        let old = envoy([1, 38, 2]);
        let own = Answers { vm_id: Ok(Some("mine")), ..envoy([1, 38, 2]) };
        for (json, answers, hint) in [
            ("", &old, true),
            (r#"{"namespace_id":"n"}"#, &old, true),
            (r#"{"public":1}"#, &old, false),
            ("", &own, false),
            ("", &envoy([1, 40, 0]), false),
        ] {
            let (error, line) =
                (error(json), explained(&error(json), |path| answers.property(path)));
            assert!(line.starts_with(&error.to_string()), "{line}");
            assert_eq!(line.ends_with("environment, and this is Envoy 1.38.2)"), hint, "{line}");
        }
    }
}
