//! Who types what a page shows: its commands one after the other, as in one shell.

use std::process::Command as Process;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::processes::*;

use crate::folder::Folder;
use crate::markdown::Block;

/// What a page starts that goes on until something ends it: how the line begins, and the name of its
/// log.
const GO_ON: [(&str, &str); 5] = [
    ("target/release/issuer serve ", "issuer"),
    ("target/release/issuer trust publish ", "publish"),
    ("python3 -m http.server ", "mirror"),
    ("python3 envoy/function.py", "function"),
    ("target/envoy ", "envoy"),
];

pub struct Reader {
    pub folder: Folder,
    /// All that was printed.
    pub printed: String,
    /// The lines of it that are JSON.
    pub answers: Vec<Value>,
    running: Vec<(&'static str, Service)>,
    /// The shell's functions, which no variable can hold.
    functions: String,
}

impl Reader {
    /// In an empty folder, where the page's ports are others.
    pub fn new(name: &str, ports: &[&'static str]) -> Self {
        let folder = Folder::new(name, ports);
        folder.before_each("[ ! -e variables ] || . ./variables");
        let (printed, functions) = Default::default();
        Self { folder, printed, answers: Vec::new(), running: Vec::new(), functions }
    }

    /// Types a block of commands.
    pub fn follow(&mut self, block: &Block) {
        let mut lines = String::new();
        for line in block.text.lines() {
            let goes_on = GO_ON.iter().find(|(begin, _)| line.starts_with(begin));
            let promises = line.split_once(" # ").is_some();
            // As the text before it says.
            let ends_service = line.starts_with("target/release/issuer restore ");
            if goes_on.is_some() || promises || ends_service {
                self.run(&std::mem::take(&mut lines));
            }
            if let Some((_, name)) = goes_on {
                self.start(name, line);
            } else if promises {
                self.folder.run(&block.command(line), self.service("envoy"));
            } else {
                if ends_service {
                    self.stop("issuer");
                }
                lines += &format!("{line}\n");
            }
        }
        self.run(&lines);
    }

    /// Starts what goes on, in place of what goes on under that name.
    pub fn start(&mut self, name: &'static str, line: &str) {
        self.stop(name);
        let options = match name {
            "function" => " --port 10001",
            "envoy" => " --disable-hot-restart --concurrency 2 --file-flush-interval-msec 5",
            _ => "",
        };
        let service = self.folder.start(name, &format!("exec {line}{options}"));
        self.running.push((name, service));
        if name == "issuer" {
            let end = Instant::now() + Duration::from_secs(30);
            let is_ready = || {
                let asked = self.folder.shell("curl -fsS http://127.0.0.1:8080/ready");
                asked.status.success()
            };
            while !is_ready() {
                assert!(Instant::now() < end, "{}", self.logs());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Ends what was started under a name, if it runs.
    pub fn stop(&mut self, name: &str) {
        if let Some(at) = self.running.iter().position(|(running, _)| *running == name) {
            self.running.swap_remove(at).1.stop();
        }
    }

    /// What was started under a name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.running.iter().find(|(running, _)| *running == name).map(|(_, service)| service)
    }

    /// The value of a variable that the page set.
    pub fn variable(&self, name: &str) -> String {
        let output = self.folder.shell(&format!("printf %s \"${name}\""));
        assert!(output.status.success(), "{}", text_of(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs lines in a shell that has the variables and functions of those before.
    pub fn run(&mut self, lines: &str) {
        let is_function = |line: &&str| line.contains("() {") && line.ends_with('}');
        let functions: Vec<_> = lines.lines().filter(is_function).collect();
        // Whatever is set goes on to the next lines.
        let typed = self.folder.localized(lines).replace("set +a\n", "");
        let script = format!(
            "[ ! -e variables ] || . ./variables\n{}set -a\n{typed}\nexport -p > variables\n",
            self.functions
        );
        for function in functions {
            self.functions += &format!("{}\n", self.folder.localized(function));
        }
        let mut process = Process::new("sh");
        let output = process.args(["-euc", &script]).current_dir(&self.folder.path).output();
        let output = output.unwrap();
        let printed = text_of(&output);
        assert!(output.status.success(), "{lines}\n{printed}\n{}", self.logs());
        let stdout = String::from_utf8(output.stdout).unwrap();
        let answers = serde_json::Deserializer::from_str(&stdout).into_iter::<Value>();
        self.answers.extend(answers.map_while(Result::ok));
        self.printed += &printed;
    }

    fn logs(&self) -> String {
        self.running.iter().map(|(_, service)| service.log()).collect()
    }
}
