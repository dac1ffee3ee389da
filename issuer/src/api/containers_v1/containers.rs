//! `/containers`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::api::answer::{Listed, Status, Time};
use crate::api::applications::{Asked, View, id};
use crate::api::arguments::Arguments;
use crate::api::call::Regional;
use crate::api::reader::Reader;
use crate::api::settings::{self, ProbeView, ScalingOptionView, seconds};
use crate::model::Product;
use crate::model::application::{
    Application, ApplicationChange, ApplicationFilter, NewApplication, Privacy, SettingsChange,
};

/// How v1 says `http_option`.
const ENABLED: &str = "enabled";
const REDIRECTED: &str = "redirected";

pub fn new(it: &mut Reader, _: &Regional) -> NewApplication {
    let body = &mut it.body;
    NewApplication {
        name: body.new_name(),
        namespace_id: body.required_id("namespace_id"),
        change: changed(body),
    }
}

pub fn filter(it: &mut Reader, Regional { region, .. }: &Regional) -> Asked {
    let query = &mut it.query;
    let filter = ApplicationFilter {
        product: Product::Containers,
        region: region.clone(),
        namespace_id: query.id("namespace_id"),
        name: query.text("name"),
        project_id: query.id("project_id"),
        organization_id: query.id("organization_id"),
    };
    (filter, query.order(), query.page())
}

pub fn change(it: &mut Reader, place: &Regional) -> (Uuid, ApplicationChange) {
    (id(it, place), changed(&mut it.body))
}

fn changed(it: &mut Arguments) -> ApplicationChange {
    let privacy = it.choice("privacy", "unknown_privacy", &["public", "private"]);
    // Clients spell it so when they make a container, and without the `s` when they change one.
    let https_only = it.boolean("https_connections_only");
    let https_only = https_only.or(it.boolean("https_connection_only"));
    let http_option = https_only.map(|only| if only { REDIRECTED } else { ENABLED });
    ApplicationChange {
        description: it.description_text(),
        privacy: privacy.as_deref().and_then(Privacy::from_name),
        variables: it.mapped_variables(),
        tags: it.texts("tags"),
        settings: SettingsChange {
            min_scale: it.number("min_scale"),
            max_scale: it.number("max_scale"),
            memory_limit: it.megabytes("memory_limit_bytes"),
            cpu_limit: it.number("mvcpu_limit"),
            timeout: it.duration("timeout"),
            http_option: http_option.map(str::to_owned),
            sandbox: it.choice("sandbox", "unknown_sandbox", &["v1", "v2"]),
            private_network_id: it.id_or_empty("private_network_id"),
            registry_image: it.text("image"),
            port: it.number("port"),
            protocol: it.choice("protocol", "unknown_protocol", &["http1", "h2c"]),
            local_storage_limit: it.megabytes("local_storage_limit_bytes"),
            command: it.texts("command"),
            args: it.texts("args"),
            scaling_option: settings::scaling_option(it),
            liveness_probe: settings::probe(it, "liveness_probe"),
            startup_probe: settings::probe(it, "startup_probe").map(Some),
            ..SettingsChange::default()
        },
    }
}

/// A container, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "v1.Container")]
pub struct ContainerView {
    args: Vec<String>,
    command: Vec<String>,
    created_at: Time,
    description: String,
    environment_variables: BTreeMap<String, String>,
    https_connections_only: bool,
    id: Uuid,
    image: String,
    liveness_probe: ProbeView,
    local_storage_limit_bytes: u64,
    max_scale: u32,
    memory_limit_bytes: u64,
    min_scale: u32,
    mvcpu_limit: u32,
    name: String,
    namespace_id: Uuid,
    port: u32,
    privacy: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    private_network_id: String,
    protocol: String,
    public_endpoint: String,
    region: String,
    sandbox: String,
    scaling_option: ScalingOptionView,
    secret_environment_variables: BTreeMap<String, String>,
    startup_probe: Option<ProbeView>,
    status: Status,
    tags: Vec<String>,
    timeout: String,
    updated_at: Time,
}

impl View for ContainerView {
    fn of(it: Application, status: Status) -> Self {
        let settings = it.settings;
        let bytes = |megabytes: u32| u64::from(megabytes).saturating_mul(1_000_000);
        Self {
            args: settings.args,
            command: settings.command,
            created_at: Time::micros(it.created_at),
            description: it.description,
            environment_variables: it.variables.plain,
            https_connections_only: settings.http_option == REDIRECTED,
            id: it.id,
            image: settings.registry_image,
            liveness_probe: ProbeView::of(settings.liveness_probe),
            local_storage_limit_bytes: bytes(settings.local_storage_limit),
            max_scale: settings.max_scale,
            memory_limit_bytes: bytes(settings.memory_limit),
            min_scale: settings.min_scale,
            mvcpu_limit: settings.cpu_limit,
            name: it.name,
            namespace_id: it.namespace_id,
            port: settings.port,
            privacy: it.privacy.name(),
            private_network_id: settings.private_network_id,
            protocol: settings.protocol,
            public_endpoint: format!("https://{}", it.domain_name),
            region: it.region.to_string(),
            sandbox: settings.sandbox,
            scaling_option: ScalingOptionView::of(settings.scaling_option),
            secret_environment_variables: it.variables.secret,
            startup_probe: settings.startup_probe.map(ProbeView::of),
            status,
            tags: it.tags,
            timeout: seconds(settings.timeout),
            updated_at: Time::micros(it.updated_at),
        }
    }
}

impl Listed for ContainerView {
    const NAME: &'static str = "containers";
}
