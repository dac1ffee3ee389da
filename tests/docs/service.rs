//! The commands that start and ask the service, on README.md and on its own page.

use std::fs;

use serde_json::{Value, json};
use testkit::processes::*;

use crate::markdown::{Block, blocks};
use crate::reader::Reader;

/// The service's own page.
pub const PAGE: &str = "docs/SERVICE.md";

/// The page of who may do what.
pub const IAM_PAGE: &str = "docs/IAM.md";

/// README's section about it.
pub const SECTION: &str = "The service behind it";

#[test]
fn the_service_is_started_and_asked_as_the_readme_shows() {
    let blocks: Vec<_> =
        blocks("README.md").into_iter().filter(|block| block.heading == SECTION).collect();
    let reader = follow("service-readme", &blocks);
    assert_eq!(reader.answers.last().unwrap()["name"], "shop");
}

#[test]
fn the_service_is_run_backed_up_and_restored_as_its_page_shows() {
    let reader = follow("service-page", &blocks(PAGE));
    assert_eq!(reader.answers.last().unwrap()["namespaces"][0]["name"], "house");
    let made = reader.printed.matches("-----BEGIN PUBLIC KEY-----").count();
    assert_eq!(made, 2, "a namespace's and the service's own\n{}", reader.printed);
    for file in ["issuer.db", "issuer.key", "issuer.env", "copy.db", "owner.env"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(reader.folder.path.join("service").join(file)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{file}");
    }
    assert!(reader.folder.path.join("service/issuer.db.replaced-1").exists());

    // What goes from it into the filter's configuration admits its token.
    let service = reader.folder.path.join("service");
    let answer: Value =
        serde_json::from_slice(&fs::read(service.join("token.json")).unwrap()).unwrap();
    let configuration = json!({
        "namespace_id": "garden",
        "application_id": answer["function_id"],
        "public_key": fs::read_to_string(service.join("public.pem")).unwrap(),
    });
    reader.folder.write("filter.json", &configuration.to_string());
    let inspect = "target/release/issuer inspect - --config filter.json < service/token";
    let output = reader.folder.shell(inspect);
    assert!(output.status.success(), "{}", text_of(&output));
}

#[test]
fn rights_are_given_and_tried_as_their_page_shows() {
    let reader = follow("iam-page", &blocks(IAM_PAGE));
    for said in [
        "allowed: list:function_token, in organization ",
        "denied: create:function_token, in organization ",
        "not yet",
        "allowed: create:function_token, in project ",
        "users: 100\n",
    ] {
        assert!(reader.printed.contains(said), "{said}\n{}", reader.printed);
    }
}

/// What a metrics store sees, each by its name.
#[test]
fn the_services_figures_are_those_of_its_page() {
    let starting = blocks(PAGE).into_iter().take(1).collect::<Vec<_>>();
    let reader = follow("service-figures", &starting);
    let ask = |path| {
        let line = format!("curl -fsS http://127.0.0.1:8080/{path}");
        text_of(&reader.folder.shell(&line))
    };
    ask("health");
    let shown = ask("metrics");
    let found = shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|line| {
        let (name, kind) = line.split_once(' ').unwrap();
        name.to_owned() + if kind == "counter" { "_total" } else { "" }
    });
    let page = read(PAGE);
    let (_, table) = page.split_once("\n| figure | what it counts |\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut documented: Vec<_> = rows.map(|(name, _)| name.to_owned()).collect();
    let mut found: Vec<_> = found.collect();
    documented.sort();
    found.sort();
    assert_eq!(documented, found);
}

fn follow(name: &str, blocks: &[Block]) -> Reader {
    let mut reader = Reader::new(name, &["8080"]);
    for block in blocks.iter().filter(|block| block.language == "sh") {
        reader.follow(block);
    }
    reader
}
