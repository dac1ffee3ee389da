//! The platform's own command, `scw`, works unmodified, with nothing set but what the init file has.
//!
//! Building it takes minutes, so these run by `make test-clients` alone.

mod containers;
mod functions;
mod iam;
mod init;
mod projects;
mod refusals;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use testkit::go;
use testkit::mint::from_base64url;
use testkit::processes::text_of;
use testkit::service::Service;

use crate::tell;

/// An address of which nothing is heard.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The command, a service, and whose key the command has.
struct Scw {
    program: PathBuf,
    service: Service,
    caller: Option<Key>,
}

#[derive(Clone)]
struct Key {
    access_key: String,
    secret_key: String,
}

impl Scw {
    /// None where the command can't be had.
    fn started() -> Option<Self> {
        static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| {
            tell("building scw: minutes, the first time");
            let package = "github.com/scaleway/scaleway-cli/v2/cmd/scw";
            go::program_of("tests/service/scw", package, "the platform's command scw")
        });
        let program = program.clone()?;
        Some(Self { program, service: Service::started(), caller: None })
    }

    /// One of the init file's variables.
    fn variable(&self, name: &str) -> String {
        self.service.variables()[name].clone()
    }

    /// Another home each, so that no test finds what another left there.
    fn home(&self) -> PathBuf {
        self.service.folder.join("home")
    }

    /// The command with nothing set but what keeps it to itself.
    fn bare(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", self.home()).stdin(Stdio::null());
        command.env("SCW_DISABLE_CHECK_VERSION", "true");
        // It reports its crashes to its makers, and has no switch for that.
        command.env("HTTPS_PROXY", NOWHERE);
        command
    }

    /// The command with the init file's variables, and the caller's key.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare();
        command.envs(self.service.variables());
        if let Some(Key { access_key, secret_key }) = &self.caller {
            command.env("SCW_ACCESS_KEY", access_key).env("SCW_SECRET_KEY", secret_key);
        }
        command.args(arguments);
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("scw runs");
        let said = text_of(&output);
        assert!(
            !said.contains(&self.variable("SCW_SECRET_KEY")),
            "{arguments:?}: the key in the output"
        );
        output
    }

    /// The JSON that a command prints that has to succeed: its words, with spaces between them.
    #[track_caller]
    fn json(&self, words: &str) -> Value {
        self.json_of(&words.split(' ').collect::<Vec<_>>())
    }

    #[track_caller]
    fn json_of(&self, arguments: &[&str]) -> Value {
        let output = self.output(&[&["-o", "json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text_of(&output));
        let found = serde_json::from_slice(&output.stdout);
        found.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text_of(&output)))
    }

    /// What it prints for people, where it has to succeed.
    #[track_caller]
    fn human(&self, words: &str) -> String {
        let output = self.output(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{words}: {}", text_of(&output));
        text_of(&output)
    }

    /// The error in JSON of a command that has to fail. Nothing is printed where results would be.
    #[track_caller]
    fn refused(&self, words: &str) -> Value {
        let arguments: Vec<_> = words.split(' ').collect();
        let output = self.output(&[&["-o", "json"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{words}: {}", text_of(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{words}");
        let found = serde_json::from_slice(&output.stderr);
        found.unwrap_or_else(|error| panic!("{words}: {error}: {}", text_of(&output)))
    }

    /// What it tells people of an error.
    #[track_caller]
    fn complaint(&self, words: &str) -> String {
        let output = self.output(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(1), "{words}: {}", text_of(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{words}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// A command that has to find nothing, as v1beta1 says it: without telling the kind and the id.
    #[track_caller]
    fn gone(&self, words: &str, message: &str) {
        assert_eq!(self.refused(words)["message"], message, "{words}");
    }

    /// The same of the other APIs.
    #[track_caller]
    fn missing(&self, words: &str, resource: &str) {
        let error = self.refused(words);
        assert_eq!(error["error"]["resource"], resource, "{words}: {error}");
        let id = error["error"]["resource_id"].as_str().unwrap();
        assert!(words.contains(id), "{words}: {error}");
        assert_eq!(error["message"], format!("cannot find resource '{resource}' with ID '{id}'"));
    }

    /// A new application without any rights, and a key of its own.
    fn application(&self, name: &str) -> (String, Key) {
        let application = text(&self.json(&format!("iam application create name={name}")), "id");
        let made = self.json(&format!("iam api-key create application-id={application}"));
        (application, Key::of(&made))
    }
}

impl Key {
    /// As the answer to its creation has it.
    fn of(made: &Value) -> Self {
        Self { access_key: text(made, "access_key"), secret_key: text(made, "secret_key") }
    }
}

#[track_caller]
fn text(object: &Value, name: &str) -> String {
    object[name]
        .as_str()
        .unwrap_or_else(|| panic!("expected a text as {name} of {object}"))
        .to_owned()
}

/// The ids of a list, in its order.
#[track_caller]
fn ids(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|it| text(it, "id")).collect()
}

/// What a token says.
fn claims(token: &Value) -> Value {
    let token = text(token, "token");
    let payload = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&from_base64url(payload)).expect("JSON")
}
