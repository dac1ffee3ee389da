//! What README.md and docs/ show is done as a reader would do it: each YAML is given to a real
//! Envoy, or held against its published schema, and each command is run.
//!
//! A block needs no mark for that. A YAML block is known by its outermost members, a command by
//! its program; one that is neither known nor named in `NOT_RUN` fails.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use namespace_jwt_core::config::MEMBERS;
use serde_json::{Value, json};

use folder::{Folder, NOT_RUN, decisions};
use markdown::{Block, blocks};
use testkit::processes::*;

mod folder;
mod links;
mod markdown;
mod messages;
mod promises;
mod reader;
mod service;
mod trust;
mod yaml;

const RECIPES: &str = "docs/RECIPES.md";
const TROUBLESHOOTING: &str = "docs/TROUBLESHOOTING.md";
const WHOLE: &str = "A whole Envoy";

/// What a YAML block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Envoy's own configuration.
    Bootstrap,
    /// Listeners in a file of their own.
    Listeners,
    /// Members of the HTTP connection manager.
    ConnectionManager,
    /// Members of the filter's configuration.
    Filter,
    /// Manifests for Kubernetes.
    Manifests,
}

impl Kind {
    fn of(block: &Block) -> Self {
        let members = block.members();
        let all = |names: &[&str]| members.iter().all(|member| names.contains(member));
        let manager = ["http_filters", "route_config", "upgrade_configs"];
        match members.first() {
            Some(&"apiVersion") => Self::Manifests,
            Some(&"resources") => Self::Listeners,
            _ if members.contains(&"static_resources") => Self::Bootstrap,
            Some(_) if all(&manager) => Self::ConnectionManager,
            Some(_) if all(&MEMBERS) => Self::Filter,
            _ => panic!("{}: YAML of no known kind: {members:?}", block.place),
        }
    }
}

/// The part of a page between these two.
fn part_of(page: &str, from: &str, to: &str) -> String {
    let text = read(page);
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{page}: no {from:?}"));
    rest.split_once(to).unwrap_or_else(|| panic!("{page}: no {to:?}")).0.to_owned()
}

fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    for folder in ["", "docs/"] {
        for entry in fs::read_dir(root(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                pages.push(format!("{folder}{name}"));
            }
        }
    }
    pages
}

#[test]
fn every_block_is_one_that_a_test_does_something_with() {
    let (mut seen, mut promised) = (0, 0);
    for page in pages() {
        for block in blocks(&page) {
            seen += 1;
            if block.language == "sh" {
                let commands = block.commands();
                promised += commands.iter().filter(|it| it.status.is_some()).count();
            }
            let known = match (block.language.as_str(), page.as_str()) {
                ("yaml", RECIPES) => Kind::of(&block) != Kind::Manifests,
                ("yaml", "README.md") => Kind::of(&block) == Kind::ConnectionManager,
                ("yaml", "docs/ISTIO.md") => Kind::of(&block) == Kind::Manifests,
                ("sh", RECIPES | TROUBLESHOOTING | service::PAGE | "README.md") => true,
                // Of which each block is done, or the test fails.
                ("yaml" | "sh", trust::PAGE) | ("sh", service::IAM_PAGE) => true,
                ("sh", _) => block.commands().iter().all(|command| {
                    let mut words = command.line.split_whitespace();
                    words.any(|word| NOT_RUN.iter().any(|(name, _)| *name == word))
                }),
                ("text", _) => true,
                // core/tests/trust_format.rs makes that example anew.
                ("json", "docs/TRUST_FORMAT.md") => true,
                _ => false,
            };
            assert!(known, "{}: no test knows what to do with this block", block.place);
        }
    }
    assert!(seen >= 40 && promised >= 30, "{seen} blocks, {promised} statuses promised");
}

// --- docs/RECIPES.md ---------------------------------------------------------------------

macro_rules! recipes {
    ($($test:ident: $heading:literal,)*) => {
        $(#[test]
        fn $test() {
            follow($heading);
        })*

        #[test]
        fn every_recipe_is_followed() {
            let mut headings: Vec<_> = blocks(RECIPES).into_iter().map(|it| it.heading).collect();
            headings.dedup();
            assert_eq!(headings, [$($heading),*]);
        }
    };
}

recipes! {
    recipe_whole: "A whole Envoy",
    recipe_authorization: "A token in `Authorization`",
    recipe_open_route: "An open route",
    recipe_two_applications: "Two applications on two routes",
    recipe_chosen_route: "A route chosen by the token header",
    recipe_cors: "Browsers: CORS",
    recipe_web_sockets: "Browsers: WebSockets",
    recipe_health_checks: "Health checks",
    recipe_triggers: "Triggers that can't carry a token",
    recipe_report_only: "Report only, first",
    recipe_rotation: "Rotate the key",
    recipe_revocation: "Revoke a token",
    recipe_reasons: "See why a request was refused",
}

/// The gateway of the recipes, running.
struct Gateway {
    folder: Folder,
    listeners: String,
    envoy: Service,
    _function: Service,
}

fn section(heading: &str) -> Vec<Block> {
    let found: Vec<_> = blocks(RECIPES).into_iter().filter(|it| it.heading == heading).collect();
    assert!(!found.is_empty(), "{heading}");
    found
}

fn follow(heading: &str) {
    let mut gateway = Gateway::start(heading);
    for block in section(heading).iter().skip(if heading == WHOLE { Gateway::BLOCKS } else { 0 }) {
        gateway.follow(block);
    }
}

impl Gateway {
    /// The blocks of the first recipe that make and start it.
    const BLOCKS: usize = 4;

    fn start(name: &str) -> Self {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let folder = Folder::new(&name, &["10443", "10001"]);
        let whole = section(WHOLE);
        static MADE: OnceLock<Folder> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            let folder = Folder::new("made", &[]);
            for command in whole[0].commands() {
                folder.run(&command, None);
            }
            folder
        });
        for file in ["keys", "token", "tls.key", "tls.pem"] {
            run(Command::new("cp").arg("-r").arg(made.path.join(file)).arg(&folder.path));
        }
        for (block, file, kind) in [
            (&whole[1], "envoy.yaml", Kind::Bootstrap),
            (&whole[2], "listeners.yaml", Kind::Listeners),
        ] {
            assert_eq!(Kind::of(block), kind, "{}", block.place);
            folder.write(file, &folder.localized(&block.text));
        }
        folder.write("listeners.new.yaml", &folder.localized(&whole[2].text));
        let [function, envoy] = &whole[3].commands()[..] else { panic!("two services") };
        let function = folder.start("function", &format!("{} --port 10001", function.line));
        let options = "--disable-hot-restart --concurrency 1 --file-flush-interval-msec 5";
        let envoy = folder.start("envoy", &format!("{} {options}", envoy.line));
        let listeners = whole[2].text.clone();
        let gateway = Self { folder, listeners, envoy, _function: function };
        gateway.wait_for("Envoy", || gateway.stat("lds.update_success") == 1);
        gateway
    }

    fn follow(&mut self, block: &Block) {
        match block.language.as_str() {
            "yaml" => self.change(block),
            "sh" => {
                for command in block.commands() {
                    self.folder.run(&command, Some(&self.envoy));
                }
            }
            other => panic!("{}: {other}", block.place),
        }
    }

    /// Moves changed listeners into place.
    fn change(&mut self, block: &Block) {
        let beside = match Kind::of(block) {
            Kind::ConnectionManager => "stat_prefix:",
            Kind::Filter => "namespace_id:",
            other => panic!("{}: {other:?}", block.place),
        };
        let changed = yaml::put(&self.listeners, beside, &block.text);
        let refused = block.text.starts_with("# refused\n");
        let stat = if refused { "lds.update_rejected" } else { "lds.update_success" };
        let before = self.stat(stat);
        self.folder.write("listeners.new.yaml", &self.folder.localized(&changed));
        let moved = self.folder.shell("mv listeners.new.yaml listeners.yaml");
        assert!(moved.status.success());
        self.wait_for(&block.place, || self.stat(stat) > before);
        if !refused {
            self.listeners = changed;
        }
    }

    fn stat(&self, name: &str) -> u64 {
        let page = format!("http://admin/stats?filter={name}");
        let output = self.folder.shell(&format!("curl -s --unix-socket admin.sock '{page}'"));
        let text = text_of(&output);
        text.trim().rsplit(": ").next().and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    fn wait_for(&self, what: &str, done: impl Fn() -> bool) {
        let started = Instant::now();
        while !done() {
            assert!(started.elapsed() < Duration::from_secs(30), "{what}\n{}", self.envoy.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a token again and again while `doing`, and gives the statuses.
    fn statuses_while(&mut self, token: &str, doing: impl FnOnce(&mut Self)) -> Vec<String> {
        let done = AtomicBool::new(false);
        let url = self.folder.localized("https://localhost:10443/");
        let folder = self.folder.path.clone();
        let ask = || {
            let header = fs::read_to_string(folder.join(token)).unwrap();
            let header = format!("X-Auth-Token: {}", header.trim());
            let mut curl = Command::new("curl");
            curl.args(["-s", "-o", "function", "-w", "%{http_code}", "--cacert", "tls.pem"]);
            let output = curl.args(["-H", &header, &url]).current_dir(&folder).output();
            text_of(&output.unwrap())
        };
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut statuses = vec![ask()];
                while !done.load(Ordering::SeqCst) {
                    statuses.push(ask());
                }
                statuses
            });
            doing(self);
            // What a worker takes up later than the main thread counts it is asked as well.
            std::thread::sleep(Duration::from_secs(1));
            done.store(true, Ordering::SeqCst);
            asking.join().unwrap()
        })
    }
}

#[test]
fn no_good_token_is_refused_while_the_key_is_rotated() {
    let mut gateway = Gateway::start("rotation without a refusal");
    let recipe = section("Rotate the key");
    let (updates, commands): (Vec<_>, Vec<_>) =
        recipe.iter().partition(|block| block.language == "yaml");
    let [both, new_alone, mistake] = updates[..] else { panic!("three updates") };
    gateway.follow(commands[0]);
    let old = gateway.statuses_while("token", |gateway| gateway.follow(both));
    gateway.follow(commands[1]);
    let new = gateway.statuses_while("new-token", |gateway| {
        gateway.follow(new_alone);
        gateway.follow(mistake);
    });
    for statuses in [old, new] {
        assert!(statuses.len() > 4, "{statuses:?}");
        assert!(statuses.iter().all(|status| status == "200"), "{statuses:?}");
    }
}

/// Why the recipe says so: without `forward_token` the admitted request goes the other way.
#[test]
fn a_removed_token_header_changes_the_route() {
    let mut gateway = Gateway::start("changed route");
    let recipe = section("A route chosen by the token header");
    assert_eq!(Kind::of(&recipe[1]), Kind::ConnectionManager);
    let path = |gateway: &Gateway| {
        let line = r#"curl -s --cacert tls.pem -H "X-Auth-Token: $(cat token)" https://localhost:10443/hello"#;
        let answer: Value = serde_json::from_slice(&gateway.folder.shell(line).stdout).unwrap();
        answer["path"].as_str().unwrap().to_owned()
    };
    gateway.follow(&recipe[1]);
    gateway.wait_for("the other route", || path(&gateway) == "/public/hello");
    gateway.follow(&recipe[0]);
    gateway.wait_for("the route that the token chose", || path(&gateway) == "/private/hello");
    assert_eq!(decisions(&gateway.envoy).last().unwrap(), "allowed");
}

#[test]
fn the_function_never_sees_a_token_of_the_chosen_route() {
    let mut gateway = Gateway::start("chosen route's token");
    for block in &section("A route chosen by the token header")[..2] {
        gateway.follow(block);
    }
    let line =
        r#"curl -s --cacert tls.pem -H "X-Auth-Token: $(cat token)" https://localhost:10443/hello"#;
    let output = gateway.folder.shell(line);
    assert!(output.status.success());
    assert!(!text_of(&output).contains("x-auth-token"), "{}", text_of(&output));
}

// --- docs/TROUBLESHOOTING.md -------------------------------------------------------------

/// The names that a metrics store and an access log see.
#[test]
fn the_names_that_are_documented_are_the_proxys() {
    let gateway = Gateway::start("names");
    let ask = "curl -s --cacert tls.pem https://localhost:10443/";
    gateway.wait_for("an answer", || gateway.folder.shell(ask).status.success());
    gateway.wait_for("its line", || !decisions(&gateway.envoy).is_empty());
    assert!(gateway.envoy.log().contains(r#""details":"namespace_jwt_denied{missing_token}""#));
    for (page, documented, found) in [
        ("/stats", "wasmcustom.namespace_jwt.decision.<code>", ": 1\n"),
        ("/stats/prometheus", "namespace_jwt_decision_<code>", "{} 1\n"),
    ] {
        assert!(read(TROUBLESHOOTING).contains(&format!("| `{page}` | `{documented}` |")));
        let name = documented.replace("<code>", "missing_token") + found;
        let line = format!("curl -s --unix-socket admin.sock http://admin{page}");
        let counters = text_of(&gateway.folder.shell(&line));
        assert!(counters.contains(&format!("\n{name}")), "{name}");
    }
}

#[test]
fn a_filters_own_counters_have_its_name() {
    let mut gateway = Gateway::start("own counters");
    for block in section("Two applications on two routes") {
        gateway.follow(&block);
    }
    for (page, documented) in [
        ("/stats", "wasmcustom.namespace_jwt.orders.decision.<code>"),
        ("/stats/prometheus", "namespace_jwt_orders_decision_<code>"),
    ] {
        assert!(read(TROUBLESHOOTING).contains(documented));
        let line = format!("curl -s --unix-socket admin.sock http://admin{page}");
        let counters = text_of(&gateway.folder.shell(&line));
        assert!(counters.contains(&documented.replace("<code>", "allowed")), "{counters}");
    }
}

#[test]
fn a_token_is_explained_as_the_page_shows() {
    let gateway = Gateway::start("inspect");
    let configuration = json!({
        "namespace_id": "6a1f6f4e-6a52-4b0e-8f0e-6d2a9c1b7e10",
        "application_id": "11111111-1111-4111-8111-111111111111",
    });
    gateway.folder.write("plugin.json", &configuration.to_string());
    let key = "SCW_PUBLIC_KEY=\"$(cat keys/public.pem)\"";
    let mut ran = 0;
    for block in blocks(TROUBLESHOOTING).iter().filter(|block| block.language == "sh") {
        for command in block.commands() {
            let output = gateway.folder.shell(&format!("{key} {}", command.line));
            assert!(output.status.success(), "{}: {}", command.line, text_of(&output));
            ran += 1;
        }
    }
    assert!(ran >= 3, "{ran} commands");
}

// --- README.md ---------------------------------------------------------------------------

#[test]
fn every_make_target_that_the_readme_lists_is_there() {
    let makefile = read("Makefile");
    let readme = read("README.md");
    let targets = readme.split("`make ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next());
    let mut listed = 0;
    for target in targets {
        let rule = |line: &str| line.split(':').next().unwrap().split(' ').any(|it| it == target);
        assert!(makefile.lines().any(|line| !line.starts_with('.') && rule(line)), "{target}");
        listed += 1;
    }
    assert!(listed >= 15, "{listed} targets");
}

#[test]
fn the_readme_puts_the_filter_into_an_envoy() {
    let folder = Folder::new("readme", &["10000", "10001", "9901"]);
    let mut running = Vec::new();
    for block in blocks("README.md").iter().filter(|block| block.heading != service::SECTION) {
        match block.language.as_str() {
            "sh" => {
                for command in block.commands() {
                    folder.run(&command, running.first());
                }
            }
            "yaml" => {
                assert_eq!(Kind::of(block), Kind::ConnectionManager, "{}", block.place);
                let frame = read("envoy/demo.yaml");
                let whole = yaml::put(&frame, "stat_prefix:", &block.text);
                folder.write("envoy.yaml", &folder.localized(&whole));
                let options = "--log-level warning --disable-hot-restart --concurrency 1";
                let envoy = format!(
                    "target/envoy --config-path envoy.yaml {options} --file-flush-interval-msec 5"
                );
                running.push(folder.start("envoy", &envoy));
                running.push(folder.start("function", "python3 envoy/function.py --port 10001"));
            }
            _ => {}
        }
    }
    assert_eq!(running.len(), 2, "one Envoy and its function");
}

// --- docs/ISTIO.md -----------------------------------------------------------------------

#[test]
fn the_manifests_fit_their_schemas_and_start_in_envoy() {
    let keys = Keys::make("istio-page");
    let folder = Folder::new("istio", &[]);
    run(Command::new("cp").arg("-r").arg(keys.folder.join("keys")).arg(&folder.path));
    let Some(node) = node_with_packages() else { return };
    let blocks = blocks("docs/ISTIO.md");
    fs::create_dir(folder.path.join("service")).unwrap();
    let trust_key = part_of("docs/TRUST_FORMAT.md", "value 7:\n\n```text\n", "```\n");
    folder.write("service/trust.pem", &trust_key);
    let mut plugins = 0;
    for block in blocks.iter().filter(|block| block.language == "yaml") {
        // A key of another type stands in for an RSA key, which takes long to make.
        let text = folder.localized(&block.text).replace(" RSA PUBLIC KEY", " PUBLIC KEY");
        folder.write("manifest.yaml", &text);
        let file = folder.path.join("manifest.yaml");
        let output = node.run(&["tests/deployment/manifests.mjs", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}: {}", block.place, text_of(&output));
        let manifests: Value = serde_json::from_slice(&output.stdout).unwrap();
        let is_plugin = |manifest: &&Value| manifest["kind"] == "WasmPlugin";
        let Some(plugin) = manifests.as_array().unwrap().iter().find(is_plugin) else { continue };
        plugins += 1;
        let spec = &plugin["spec"];
        assert_eq!(spec["failStrategy"], "FAIL_CLOSE", "{}", block.place);
        assert_eq!(spec["phase"], "AUTHN", "{}", block.place);
        // As Istio hands it to Envoy: a string of JSON.
        let configuration = json!({
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": spec["pluginConfig"].to_string(),
        });
        let frame = read("envoy/demo.yaml");
        let member = format!("configuration: {configuration}\n");
        let (started, log) = validate(&yaml::put(&frame, "failure_policy:", &member), &[]);
        assert!(started, "{}: {log}", block.place);
    }
    assert!(plugins >= 4, "{plugins} plugins");
}
