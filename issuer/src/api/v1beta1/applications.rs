//! `/functions` and `/containers`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{SecretView, secrets};
use crate::api::answer::{Listed, Status, Time};
use crate::api::applications::{Asked, View, id};
use crate::api::arguments::Arguments;
use crate::api::call::Regional;
use crate::api::reader::Reader;
use crate::api::settings::{self, HealthCheckView, ScalingOptionView, seconds};
use crate::model::Product;
use crate::model::application::{
    Application, ApplicationChange, ApplicationFilter, NewApplication, Privacy, ScalingOption,
    SettingsChange,
};

pub fn new(it: &mut Reader, place: &Regional) -> NewApplication {
    let body = &mut it.body;
    NewApplication {
        name: body.new_name(),
        namespace_id: body.required_id("namespace_id"),
        change: changed(body, place.product),
    }
}

pub fn filter(it: &mut Reader, Regional { product, region }: &Regional) -> Asked {
    let query = &mut it.query;
    let namespace_id = query.required_id("namespace_id", "give the id of a namespace");
    let filter = ApplicationFilter {
        product: *product,
        region: region.clone(),
        namespace_id: Some(namespace_id),
        name: query.text("name"),
        project_id: query.id("project_id"),
        organization_id: query.id("organization_id"),
    };
    (filter, query.order(), query.page())
}

pub fn change(it: &mut Reader, place: &Regional) -> (Uuid, ApplicationChange) {
    (id(it, place), changed(&mut it.body, place.product))
}

fn changed(it: &mut Arguments, product: Product) -> ApplicationChange {
    let privacy = it.choice("privacy", "unknown_privacy", &["public", "private"]);
    let mut settings = SettingsChange {
        min_scale: it.number("min_scale"),
        max_scale: it.number("max_scale"),
        memory_limit: it.number("memory_limit"),
        cpu_limit: it.number("cpu_limit"),
        timeout: it.duration("timeout"),
        http_option: it.choice("http_option", "unknown_http_option", &["enabled", "redirected"]),
        sandbox: it.choice("sandbox", "unknown_sandbox", &["v1", "v2"]),
        private_network_id: it.id_or_empty("private_network_id"),
        ..SettingsChange::default()
    };
    match product {
        Product::Functions => {
            settings.runtime = it.text("runtime").filter(|text| text != "unknown_runtime");
            settings.handler = it.text("handler");
        }
        Product::Containers => {
            settings.registry_image = it.text("registry_image");
            settings.port = it.number("port");
            settings.protocol = it.choice("protocol", "unknown_protocol", &["http1", "h2c"]);
            settings.max_concurrency = it.number("max_concurrency");
            settings.local_storage_limit = it.number("local_storage_limit");
            settings.command = it.texts("command");
            settings.args = it.texts("args");
            // The older name of one of them; the newer one wins.
            let concurrency = settings.max_concurrency.map(ScalingOption::ConcurrentRequests);
            settings.scaling_option = settings::scaling_option(it).or(concurrency);
            settings.liveness_probe = settings::probe(it, "health_check");
        }
    }
    ApplicationChange {
        description: it.description_text(),
        privacy: privacy.as_deref().and_then(Privacy::from_name),
        variables: it.listed_variables(),
        tags: it.texts("tags"),
        settings,
    }
}

/// A function or a container, as clients read it, and the names of its operations.
pub trait ApplicationView: View {
    const LIST: (&'static str, &'static str);
    const CREATE: (&'static str, &'static str);
    const GET: (&'static str, &'static str);
    const UPDATE: (&'static str, &'static str);
    const DELETE: (&'static str, &'static str);
    const DEPLOY: (&'static str, &'static str);
}

/// What functions and containers have in common.
#[derive(Serialize, JsonSchema)]
struct Common {
    cpu_limit: u32,
    created_at: Time,
    description: String,
    domain_name: String,
    environment_variables: BTreeMap<String, String>,
    error_message: Option<String>,
    http_option: String,
    id: Uuid,
    max_scale: u32,
    memory_limit: u32,
    min_scale: u32,
    name: String,
    namespace_id: Uuid,
    privacy: &'static str,
    private_network_id: Option<String>,
    ready_at: Time,
    region: String,
    sandbox: String,
    secret_environment_variables: Vec<SecretView>,
    status: Status,
    tags: Vec<String>,
    timeout: String,
    updated_at: Time,
}

/// A function.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "v1beta1.Function")]
pub struct FunctionView {
    #[serde(flatten)]
    common: Common,
    build_message: Option<String>,
    handler: String,
    runtime: String,
    runtime_message: &'static str,
}

/// A container.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "v1beta1.Container")]
pub struct ContainerView {
    #[serde(flatten)]
    common: Common,
    args: Vec<String>,
    command: Vec<String>,
    health_check: HealthCheckView,
    local_storage_limit: u32,
    max_concurrency: u32,
    port: u32,
    protocol: String,
    registry_image: String,
    scaling_option: ScalingOptionView,
}

impl Common {
    fn of(it: &mut Application, status: Status) -> Self {
        let settings = &mut it.settings;
        let private_network_id = std::mem::take(&mut settings.private_network_id);
        Self {
            cpu_limit: settings.cpu_limit,
            created_at: Time::micros(it.created_at),
            description: std::mem::take(&mut it.description),
            domain_name: std::mem::take(&mut it.domain_name),
            secret_environment_variables: secrets(&mut it.variables),
            environment_variables: std::mem::take(&mut it.variables.plain),
            error_message: None,
            http_option: std::mem::take(&mut settings.http_option),
            id: it.id,
            max_scale: settings.max_scale,
            memory_limit: settings.memory_limit,
            min_scale: settings.min_scale,
            name: std::mem::take(&mut it.name),
            namespace_id: it.namespace_id,
            privacy: it.privacy.name(),
            private_network_id: Some(private_network_id).filter(|id| !id.is_empty()),
            ready_at: Time::micros(it.created_at),
            region: it.region.to_string(),
            sandbox: std::mem::take(&mut settings.sandbox),
            status,
            tags: std::mem::take(&mut it.tags),
            timeout: seconds(settings.timeout),
            updated_at: Time::micros(it.updated_at),
        }
    }
}

impl View for FunctionView {
    fn of(mut it: Application, status: Status) -> Self {
        Self {
            common: Common::of(&mut it, status),
            build_message: None,
            handler: it.settings.handler,
            runtime: it.settings.runtime,
            runtime_message: "",
        }
    }
}

impl ApplicationView for FunctionView {
    const LIST: (&'static str, &'static str) =
        ("ListFunctions", "List the functions of a namespace");
    const CREATE: (&'static str, &'static str) = ("CreateFunction", "Make a function");
    const GET: (&'static str, &'static str) = ("GetFunction", "Read a function");
    const UPDATE: (&'static str, &'static str) = ("UpdateFunction", "Change a function");
    const DELETE: (&'static str, &'static str) =
        ("DeleteFunction", "Delete a function, and revoke its tokens");
    const DEPLOY: (&'static str, &'static str) =
        ("DeployFunction", "Answer as if it were deployed: nothing here runs code");
}

impl View for ContainerView {
    fn of(mut it: Application, status: Status) -> Self {
        Self {
            common: Common::of(&mut it, status),
            args: it.settings.args,
            command: it.settings.command,
            health_check: HealthCheckView::of(it.settings.liveness_probe),
            local_storage_limit: it.settings.local_storage_limit,
            max_concurrency: it.settings.max_concurrency,
            port: it.settings.port,
            protocol: it.settings.protocol,
            registry_image: it.settings.registry_image,
            scaling_option: ScalingOptionView::of(it.settings.scaling_option),
        }
    }
}

impl ApplicationView for ContainerView {
    const LIST: (&'static str, &'static str) =
        ("ListContainers", "List the containers of a namespace");
    const CREATE: (&'static str, &'static str) = ("CreateContainer", "Make a container");
    const GET: (&'static str, &'static str) = ("GetContainer", "Read a container");
    const UPDATE: (&'static str, &'static str) = ("UpdateContainer", "Change a container");
    const DELETE: (&'static str, &'static str) =
        ("DeleteContainer", "Delete a container, and revoke its tokens");
    const DEPLOY: (&'static str, &'static str) =
        ("DeployContainer", "Answer as if it were deployed: nothing here runs code");
}

impl Listed for FunctionView {
    const NAME: &'static str = "functions";
}

impl Listed for ContainerView {
    const NAME: &'static str = "containers";
}
