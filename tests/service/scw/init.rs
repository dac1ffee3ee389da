//! `scw init`, and the config file that it writes in place of variables.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};
use testkit::processes::text_of;

use super::Scw;

/// The file, in a home.
const CONFIG: &str = ".config/scw/config.yaml";

#[test]
#[ignore = "builds scw, which takes minutes"]
fn init_writes_a_file_that_serves_once_it_has_the_address() {
    let Some(scw) = Scw::started() else { return };
    let (organization, project) =
        (scw.variable("SCW_DEFAULT_ORGANIZATION_ID"), scw.variable("SCW_DEFAULT_PROJECT_ID"));
    let mut init = initialize(&scw);
    init.arg(format!("project-id={project}"));
    assert_eq!(asks_the_platform(&mut init), [""; 0]);

    let file = scw.home().join(CONFIG);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let config = fs::read_to_string(&file).unwrap();
    let lines = config.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let members = lines.map(|line| line.split_once(": ").expect("a member and its value"));
    let members: Value = members.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let expected = json!({
        "access_key": scw.variable("SCW_ACCESS_KEY"),
        "secret_key": scw.variable("SCW_SECRET_KEY"),
        "default_organization_id": organization,
        "default_project_id": project,
        "default_region": "fr-par",
        "default_zone": "fr-par-1",
    });
    assert_eq!(members, expected, "it leaves the address out");

    // The address still has to be in the environment, or be written there by hand: what
    // `scw config set` writes is read by nobody.
    let list = ["function", "namespace", "list"];
    let mut with_address = scw.bare();
    with_address.env("SCW_API_URL", scw.variable("SCW_API_URL"));
    assert_eq!(json_of(with_address.args(list)), json!([]));
    let set = ["config", "set", &format!("api-url={}", scw.variable("SCW_API_URL"))];
    json_of(scw.bare().args(set));
    assert_ne!(asks_the_platform(scw.bare().args(list)), [""; 0]);
    fs::write(&file, format!("{config}\napi_url: {}\n", scw.variable("SCW_API_URL"))).unwrap();
    assert_eq!(json_of(scw.bare().args(list)), json!([]));
}

/// It looks the key up at the platform, wherever the variable says: SERVICE.md warns of that.
#[test]
#[ignore = "builds scw, which takes minutes"]
fn init_without_a_project_takes_the_key_to_the_platform() {
    let Some(scw) = Scw::started() else { return };
    let asked = asks_the_platform(&mut initialize(&scw));
    assert!(!asked.is_empty() && asked.iter().all(|it| it.starts_with("CONNECT ")), "{asked:?}");
}

#[test]
#[ignore = "builds scw, which takes minutes"]
fn init_adds_the_ssh_key_of_the_home() {
    let Some(scw) = Scw::started() else { return };
    let none = scw.complaint("iam ssh-key init");
    assert!(none.starts_with("Could not find an SSH key"), "{none}");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy";
    fs::create_dir_all(scw.home().join(".ssh")).unwrap();
    fs::write(scw.home().join(".ssh/id_ed25519.pub"), format!("{key} ada@home\n")).unwrap();
    // Without a terminal it doesn't wait for the answer to its question.
    assert!(scw.human("iam ssh-key init").contains("successfully added"));
    let keys = scw.json("iam ssh-key list");
    assert_eq!((&keys[0]["public_key"], &keys[1]), (&json!(key), &Value::Null));
}

/// `scw init` with nothing but the address in its environment, and all that it would ask for but
/// the project.
fn initialize(scw: &Scw) -> Command {
    let mut command = scw.bare();
    command.env("SCW_API_URL", scw.variable("SCW_API_URL")).arg("init");
    let arguments = [
        ("access-key", "SCW_ACCESS_KEY"),
        ("secret-key", "SCW_SECRET_KEY"),
        ("organization-id", "SCW_DEFAULT_ORGANIZATION_ID"),
    ];
    command.args(arguments.map(|(name, of)| format!("{name}={}", scw.variable(of))));
    command.args(["send-telemetry=false", "install-autocomplete=false", "with-ssh-key=false"]);
    command
}

/// What a command asks of a proxy that would take it to other machines, and doesn't.
fn asks_the_platform(command: &mut Command) -> Vec<String> {
    const END: &str = "end";
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let asked = thread::spawn(move || {
        let first_line = |stream: TcpStream| {
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let lines = proxy.incoming().map(|stream| first_line(stream.unwrap()));
        lines.take_while(|line| line != END).collect()
    });
    command.env("HTTPS_PROXY", format!("http://{address}")).output().expect("scw runs");
    writeln!(TcpStream::connect(address).unwrap(), "{END}").unwrap();
    asked.join().unwrap()
}

fn json_of(command: &mut Command) -> Value {
    let output = command.args(["-o", "json"]).output().expect("scw runs");
    assert!(output.status.success(), "{command:?}: {}", text_of(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
