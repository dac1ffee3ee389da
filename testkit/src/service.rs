//! A running `issuer serve` with files of its own, one per test.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::api::Client;
use crate::built::issuer;
use crate::envoy::wait_for;
use crate::processes::{self, finished, text_of};

/// How long the service may take to finish what is under way once it is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// The service's folder, and its process while there is one.
pub struct Service {
    pub folder: PathBuf,
    pub address: SocketAddr,
    process: Option<processes::Service>,
    starts: usize,
}

impl Service {
    /// An empty folder and a free port; nothing runs.
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let folder = crate::scratch().join(format!("service-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self { folder, address: free_address(), process: None, starts: 0 }
    }

    /// A service on an empty database.
    pub fn started() -> Self {
        let mut service = Self::new();
        service.start();
        service
    }

    /// Starts it, and waits until it answers.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same with more options.
    pub fn start_with(&mut self, options: &[&str]) {
        if let Err(log) = self.try_start(options) {
            panic!("expected the service to start, found that it ended:\n{log}");
        }
    }

    /// Starts a service that must not come up, and gives what it said.
    pub fn refuses_to_start(&mut self, options: &[&str]) -> String {
        match self.try_start(options) {
            Err(log) => log,
            Ok(()) => panic!("expected the service to refuse to start:\n{}", self.log()),
        }
    }

    /// Starts it, or gives the log of one that ends with a failure instead.
    pub fn try_start(&mut self, options: &[&str]) -> Result<(), String> {
        let mut command = self.command(&["serve", "--listen", &self.address.to_string()]);
        command.args(options);
        self.try_run(&mut command)
    }

    /// Runs a command, such as a shell that sets a limit first, that becomes the service.
    pub fn try_run(&mut self, command: &mut Command) -> Result<(), String> {
        assert!(self.process.is_none(), "the service runs already");
        self.starts += 1;
        let name = format!("serve-{}", self.starts);
        let mut process = processes::Service::start(&name, &self.folder, command);
        let client = Client::new(self.address, "", "").with_key(None);
        let ended = wait_for("the service to answer or to end", || {
            if let Some(status) = process.ended() {
                assert!(!status.success(), "it ended with 0, unasked\n{}", process.log());
                return Some(true);
            }
            let answer = client.try_send("GET", "/health", None);
            answer.is_ok_and(|answer| answer.status == 200).then_some(false)
        });
        if ended {
            return Err(process.log());
        }
        self.process = Some(process);
        Ok(())
    }

    /// A command of the program `issuer` on this service's database, with nothing set but that.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare_command(arguments);
        command.arg("--database").arg(self.database_option());
        command
    }

    /// The same without the option that names the database.
    pub fn bare_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(issuer());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|n| n.starts_with("ISSUER_") || n.starts_with("SCW_")) {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(&self.folder);
        command
    }

    /// What a command that has to succeed prints.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text_of(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command that has to fail says, in the program's own way of failing.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let said = text_of(&output);
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "expected {arguments:?} to be refused, found {}: {said}",
            output.status
        );
        said
    }

    fn output(&self, arguments: &[&str]) -> Output {
        finished(&mut self.command(arguments))
    }

    /// Ends it as the kernel would: without a chance to tidy up.
    pub fn kill(&mut self) {
        drop(self.process.take().expect("a running service"));
    }

    /// Tells it to stop, which has to be clean and soon.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("a running service");
        let begin = Instant::now();
        process.signal("-TERM");
        let status = process.wait();
        assert_eq!(status.code(), Some(0), "after SIGTERM\n{}", process.log());
        assert!(begin.elapsed() <= GRACE, "{:?} to stop", begin.elapsed());
    }

    /// Stops it cleanly and starts it on the same files.
    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// Whether its process is still there.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// The id of its process.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("a running service").id()
    }

    /// All that it wrote since its first start.
    pub fn log(&self) -> String {
        (1..=self.starts)
            .map(|n| self.folder.join(format!("serve-{n}.log")))
            .map(|file| fs::read_to_string(file).unwrap_or_default())
            .collect()
    }

    pub fn database(&self) -> PathBuf {
        self.folder.join("issuer.db")
    }

    pub fn database_option(&self) -> String {
        format!("sqlite:{}", self.database().display())
    }

    pub fn secrets_key(&self) -> PathBuf {
        self.folder.join("issuer.key")
    }

    pub fn init_file(&self) -> PathBuf {
        self.folder.join("issuer.env")
    }

    /// What the first start wrote for the official clients.
    pub fn variables(&self) -> BTreeMap<String, String> {
        read_variables(&fs::read_to_string(self.init_file()).expect("an init file"))
    }

    /// One of the platform's own clients, with nothing set but what the init file has.
    pub fn official_client(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars_os() {
            // A proxy that the machine has would be asked for loopback too.
            let name = name.to_str().unwrap_or_default().to_owned();
            if name.starts_with("SCW_") || name.to_ascii_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables());
        command
    }

    /// A client with the owner's key.
    pub fn client(&self) -> Client {
        let variables = self.variables();
        Client::new(self.address, &variables["SCW_DEFAULT_REGION"], &variables["SCW_SECRET_KEY"])
    }
}

impl Default for Service {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.process = None;
        if std::thread::panicking() {
            eprintln!("---- the service's log ----\n{}", self.log());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The variables of an init file: lines of a name, `=` and a value.
pub fn read_variables(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once('=').unwrap_or_else(|| panic!("no `=` in an init file's line")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A port that stays free while the service is down: none that the system gives to clients.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::SeqCst)) % 10_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
