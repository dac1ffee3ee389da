//! docs/TRUST.md, done from its first line to its last.

use std::collections::BTreeSet;

use namespace_jwt_core::trust::refusal::Refusal;
use testkit::processes::*;

use crate::markdown::{Block, Command, blocks};
use crate::part_of;
use crate::reader::Reader;
use crate::yaml;

pub const PAGE: &str = "docs/TRUST.md";

/// The ids in the page's YAML: the reader puts his own there.
const NAMESPACE: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";
const FUNCTION: &str = "0f5ad0e7-8bd7-4a7d-9d3f-5ef5be6c7e3a";

const ENVOY: &str = "target/envoy --config-path envoy.yaml --log-level warning";

#[test]
fn the_trust_page_is_followed_from_its_first_line_to_its_last() {
    let mut page = Page::open();
    for block in blocks(PAGE) {
        page.follow(&block);
    }
    page.assert_finished();
}

/// A reader of the page, with an Envoy.
struct Page {
    reader: Reader,
    /// Envoy's file, as far as the page has changed it.
    envoy: String,
}

impl Page {
    fn open() -> Self {
        let reader = Reader::new("trust", &["8080", "10000", "10001", "8081"]);
        Self { reader, envoy: without_issuer(&read("envoy/demo.yaml")) }
    }

    fn follow(&mut self, block: &Block) {
        let members = block.members();
        match (block.heading.as_str(), block.language.as_str(), &members[..]) {
            (_, "text", _) => {}
            ("Turn it on", "yaml", ["clusters"]) => {
                let cluster = block.text.split_once("clusters:\n").unwrap().1;
                let cluster: String = cluster.lines().map(|line| format!("  {line}\n")).collect();
                self.envoy = replace_all(
                    self.envoy.clone(),
                    &[("  clusters:\n", &format!("  clusters:\n{cluster}"))],
                );
            }
            ("Turn it on", "yaml", ["namespace_id", "application_id", "trust"]) => {
                self.set_members(&block.text);
                self.write();
            }
            ("Turn it on", "sh", _) => self.reader.follow(block),
            ("What to watch", "yaml", ["groups"]) => self.assert_watched(block),
            ("Keys that change", "sh", _) => {
                self.reader.follow(block);
                if block.text.contains(" --compromised ") {
                    self.expect("/", true, "403", "bad_signature");
                    self.make_token();
                    self.expect("/", true, "200", "allowed");
                }
            }
            ("A mirror", "sh", _) => self.reader.follow(block),
            ("A mirror", "yaml", ["trust"]) => {
                self.set_members(&block.text);
                let issuer = "address: 127.0.0.1, port_value: 8080";
                let mirror = "address: 127.0.0.1, port_value: 8081";
                self.envoy = replace_all(self.envoy.clone(), &[(issuer, mirror)]);
                self.restart();
                self.expect("/", true, "200", "allowed");
                self.reader.run("ask tokens/$(member id < service/token.json) -X DELETE");
                self.expect("/", true, "403", "revoked");
            }
            ("One filter for many applications", "yaml", ["protect", "trust"]) => {
                self.envoy = replace_all(
                    read("envoy/routes.yaml"),
                    &[("port_value: 10002", "port_value: 8080"), ("0.0.0.0", "127.0.0.1")],
                );
                self.set_members(&block.text);
            }
            ("One filter for many applications", "yaml", ["route_config"]) => {
                self.envoy = yaml::put(&self.envoy, "stat_prefix:", &block.text);
                self.restart();
                self.make_token();
                self.expect("/healthz", false, "200", "public");
                self.expect("/orders", false, "403", "missing_token");
                self.expect("/orders", true, "200", "allowed");
                self.expect("/ordersx", true, "403", "unprotected_route");
            }
            (heading, language, _) => panic!("{}: {language} under {heading}", block.place),
        }
    }

    /// Puts members into the filter's configuration.
    fn set_members(&mut self, members: &str) {
        self.envoy = yaml::put(&self.envoy, "trust:", members);
    }

    fn write(&self) {
        let ids = [(NAMESPACE, "NAMESPACE"), (FUNCTION, "FUNCTION")];
        let text = ids.iter().fold(self.envoy.clone(), |text, (id, name)| {
            text.replace(id, &self.reader.variable(name))
        });
        self.reader.folder.write("envoy.yaml", &self.reader.folder.localized(&text));
    }

    /// With what the page says in words: the two variables.
    fn restart(&mut self) {
        self.write();
        let line = format!(
            "env NAMESPACE_JWT_TRUST_KEY=\"$(cat service/trust.pem)\" \
             NAMESPACE_JWT_TRUST_ACCESS_KEY={} {ENVOY}",
            self.reader.variable("SCW_SECRET_KEY")
        );
        self.reader.start("envoy", &line);
    }

    fn make_token(&mut self) {
        let page = blocks(PAGE);
        let lines = page.iter().flat_map(|block| block.text.lines());
        let makes = |line: &&str| line.contains("> service/token");
        let lines: Vec<_> = lines.filter(makes).filter(|it| !it.starts_with("curl")).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        self.reader.run(&lines.join("\n"));
    }

    fn expect(&self, path: &str, with_token: bool, status: &str, decision: &str) {
        let header = match with_token {
            true => "-H \"X-Auth-Token: $(cat service/token)\" ",
            false => "",
        };
        let line = format!("curl -i {header}http://127.0.0.1:10000{path}");
        let (status, decision) = (Some(status.to_owned()), Some(decision.to_owned()));
        self.reader.folder.run(&Command { line, status, decision }, self.reader.service("envoy"));
    }

    /// Envoy has what the page names, and nothing else of the feed's; so for what an alert asks for.
    fn assert_watched(&self, block: &Block) {
        let ask = |page| {
            let line = format!("curl -s --unix-socket target/demo-admin.sock http://admin{page}");
            text_of(&self.reader.folder.shell(&line))
        };
        const PREFIX: &str = "wasmcustom.namespace_jwt.trust.";
        let shown = ask("/stats");
        let found = shown.lines().filter_map(|line| line.strip_prefix(PREFIX)?.split(':').next());
        let table = part_of(PAGE, "## What to watch\n", "\n\nWith a `metrics_name`");
        let quoted: Vec<_> = table.split('`').skip(1).step_by(2).collect();
        let gauges = ["issued", "sequence", "epoch", "revocations"].map(str::to_owned);
        for gauge in &gauges {
            let is_it = |it: &&str| it.trim_start_matches(PREFIX).trim_start_matches('.') == gauge;
            assert!(quoted.iter().any(is_it), "{PAGE} lacks {gauge}");
        }
        let failures = ["unknown_cluster", "no_answer", "error_status"];
        for failure in failures {
            assert!(quoted.contains(&failure), "{PAGE} lacks {failure}");
        }
        let reasons = part_of("docs/TRUST_FORMAT.md", "## What a reader takes\n", "\n## ");
        let reasons = Refusal::ALL.map(Refusal::name).map(|name| {
            assert!(reasons.contains(&format!("`{name}`")), "docs/TRUST_FORMAT.md lacks {name}");
            name
        });
        let counters = reasons.iter().chain(&failures).map(|name| format!("refused.{name}"));
        let documented: BTreeSet<_> = counters.chain(gauges).collect();
        assert_eq!(found.map(str::to_owned).collect::<BTreeSet<_>>(), documented);

        let shown = ask("/stats/prometheus");
        let rules = block.text.lines().filter_map(|it| it.trim().strip_prefix("expr: "));
        for rule in rules {
            let names = rule.split(|c: char| !c.is_alphanumeric() && c != '_');
            let names: Vec<_> = names.filter(|it| it.starts_with("namespace_jwt_")).collect();
            let [name] = names[..] else { panic!("{rule}") };
            assert!(shown.contains(&format!("\n{name}{{}} ")), "{rule}:\n{shown}");
        }
        // A time of today, and not an age.
        let (_, issued) = shown.split_once("\nnamespace_jwt_trust_issued{} ").expect("the gauge");
        let issued: f64 = issued.lines().next().unwrap().parse().unwrap();
        assert!(issued > 1.7e9, "{issued}");
    }

    fn assert_finished(&self) {
        let at_end = &self.envoy;
        assert!(at_end.contains("protect: route"), "the last section wasn't done");
    }
}

/// The demo's file before the page is followed.
fn without_issuer(demo: &str) -> String {
    let (before, rest) = demo.split_once("    - name: issuer\n").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    format!("{before}\n{after}")
}
