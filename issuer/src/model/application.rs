//! A function or a container: what a namespace's tokens open.
//!
//! Privacy and tokens are what this service is about. What runs the code isn't here, so
//! [`Settings`] are kept and answered, and nothing else.

use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Product;
use super::region::Region;
use super::variables::{Variables, VariablesChange};

/// A function or a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Its id.
    pub id: Uuid,
    /// The namespace that it is in.
    pub namespace_id: Uuid,
    /// Whether it is a function or a container.
    pub product: Product,
    /// Where it was made.
    pub region: Region,
    /// Its name, of which a namespace has one.
    pub name: String,
    /// What it is for, in its owner's words.
    pub description: String,
    /// Who may call it.
    pub privacy: Privacy,
    /// The host name under which it is called.
    pub domain_name: String,
    /// Its environment variables, besides its namespace's.
    pub variables: Variables,
    /// Labels.
    pub tags: Vec<String>,
    /// How its code is run.
    pub settings: Settings,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}

/// Who may call an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Anyone.
    Public,
    /// Whoever has a token.
    Private,
}

impl Privacy {
    /// Its name, in the database and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }

    /// The privacy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Public, Self::Private].into_iter().find(|privacy| privacy.name() == name)
    }
}

/// Declares the settings once: what an application has, and what a request may change.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// How an application's code would be run. The members are those of the platform's API,
        /// and so are the defaults.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct Settings {
            $($(#[$doc])* pub $name: $type,)*
        }

        /// The settings that a request names. What is `None` stays as it is.
        #[derive(Clone, Debug, Default)]
        pub struct SettingsChange {
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        impl Settings {
            /// The settings after a change.
            #[must_use]
            pub fn changed(&self, change: &SettingsChange) -> Self {
                Self { $($name: change.$name.as_ref().unwrap_or(&self.$name).clone(),)* }
            }
        }
    };
}

settings! {
    /// The least instances.
    min_scale: u32,
    /// The most instances.
    max_scale: u32,
    /// MB.
    memory_limit: u32,
    /// Thousandths of a virtual CPU.
    cpu_limit: u32,
    /// How long a request may take.
    timeout: Duration,
    /// `enabled`, or `redirected` to HTTPS.
    http_option: String,
    /// `v1` or `v2`.
    sandbox: String,
    /// The private network that it is attached to, or empty.
    private_network_id: String,
    /// A function's runtime.
    runtime: String,
    /// What of a function's code is called.
    handler: String,
    /// A container's image.
    registry_image: String,
    /// The port of a container.
    port: u32,
    /// A container's protocol: `http1` or `h2c`.
    protocol: String,
    /// The most requests at once in an instance of a container.
    max_concurrency: u32,
    /// A container's disk, in MB.
    local_storage_limit: u32,
    /// A container's command.
    command: Vec<String>,
    /// The arguments of a container's command.
    args: Vec<String>,
    /// What starts another instance of a container.
    scaling_option: ScalingOption,
    /// How a container is asked whether it is well.
    liveness_probe: Probe,
    /// How a container is asked whether it has started, if in another way.
    startup_probe: Option<Probe>,
}

impl Settings {
    /// What an application has that asks for nothing.
    pub fn of(product: Product) -> Self {
        let (memory_limit, cpu_limit, max_scale) = match product {
            Product::Functions => (256, 140, 20),
            Product::Containers => (2048, 1000, 5),
        };
        Self {
            min_scale: 0,
            max_scale,
            memory_limit,
            cpu_limit,
            timeout: Duration::from_secs(300),
            http_option: "enabled".to_owned(),
            sandbox: "v2".to_owned(),
            private_network_id: String::new(),
            runtime: String::new(),
            handler: String::new(),
            registry_image: String::new(),
            port: 8080,
            protocol: "http1".to_owned(),
            max_concurrency: 50,
            local_storage_limit: 1000,
            command: Vec::new(),
            args: Vec::new(),
            scaling_option: ScalingOption::ConcurrentRequests(50),
            liveness_probe: Probe {
                failure_threshold: 30,
                interval: Duration::from_secs(10),
                timeout: Duration::from_secs(1),
                check: Check::Tcp,
            },
            startup_probe: None,
        }
    }
}

/// What starts another instance of a container: when more than so much of something is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalingOption {
    /// Requests at once.
    #[serde(rename = "concurrent_requests_threshold")]
    ConcurrentRequests(u32),
    /// Percent of the processor.
    #[serde(rename = "cpu_usage_threshold")]
    CpuUsage(u32),
    /// Percent of the memory.
    #[serde(rename = "memory_usage_threshold")]
    MemoryUsage(u32),
}

/// How a container is asked something about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// After how many bad answers on end the container counts as failed.
    pub failure_threshold: u32,
    /// From one question to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The question.
    pub check: Check,
}

/// A question to a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// Whether it accepts a connection.
    Tcp,
    /// Whether it answers a request to this path well.
    Http(String),
}

/// An application that is asked for.
pub struct NewApplication {
    /// Its name.
    pub name: String,
    /// The namespace that it is to be in.
    pub namespace_id: Uuid,
    /// Everything else.
    pub change: ApplicationChange,
}

/// What a request makes of an application. What is `None` stays as it is.
#[derive(Default)]
pub struct ApplicationChange {
    /// The description.
    pub description: Option<String>,
    /// Who may call it.
    pub privacy: Option<Privacy>,
    /// The environment variables.
    pub variables: VariablesChange,
    /// The labels, in place of all that are there.
    pub tags: Option<Vec<String>>,
    /// How its code is run.
    pub settings: SettingsChange,
}

/// Which applications a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Of this product.
    pub product: Product,
    /// Of this region.
    pub region: Region,
    /// Of this namespace.
    pub namespace_id: Option<Uuid>,
    /// Of this name exactly.
    pub name: Option<String>,
    /// Of this project.
    pub project_id: Option<Uuid>,
    /// Of this organization.
    pub organization_id: Option<Uuid>,
}

/// The host name of an application: its namespace's name and the beginning of its id, and its own
/// name, under the service's suffix. The part before the suffix is one label of the DNS, of at
/// most 63 characters (RFC 1035 §2.3.4).
pub fn domain_name(namespace_name: &str, namespace_id: Uuid, name: &str, suffix: &str) -> String {
    let is_label = |c: &char| c.is_ascii_alphanumeric();
    let namespace: String = namespace_name.chars().filter(is_label).take(20).collect();
    let id: String = namespace_id.simple().to_string().chars().take(8).collect();
    let in_label = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().map(in_label).take(34).collect();
    format!("{namespace}{id}-{name}.{suffix}").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_name_is_a_label_under_the_suffix() {
        let id = Uuid::parse_str("c30fc741-cf43-4aa3-afd6-db71a86a538e").unwrap();
        for (namespace, name, expected) in [
            ("test-function-token-ns", "hello", "testfunctiontokennsc30fc741-hello.functions.test"),
            ("Ns_1", "My_App.v2", "ns1c30fc741-my-app-v2.functions.test"),
        ] {
            assert_eq!(domain_name(namespace, id, name, "functions.test"), expected);
        }
        let longest = domain_name(&"n".repeat(63), id, &"a".repeat(63), "x");
        assert_eq!(longest.split('.').next().unwrap().len(), 63);
    }
}
