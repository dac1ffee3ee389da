//! envoy/issuer.service, run by systemd itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use testkit::api::good;
use testkit::envoy::wait_for;
use testkit::processes::*;

use crate::confined::is_root;
use crate::unit::{UNIT, has_systemd, setting};
use crate::{client, commands_after, make_a_token, wait_until_ready};

/// The targets that a service waits for at a machine's start or end; nothing is in them here.
const TARGETS: [&str; 6] = ["basic", "sysinit", "network", "time-sync", "shutdown", "multi-user"];

/// A user and a group that no machine has.
const USER: u32 = 64_837;

#[test]
fn systemd_runs_the_service_confined_and_starts_it_anew_when_it_is_killed() {
    const NAME: &str = "systemd_runs_the_service_confined_and_starts_it_anew_when_it_is_killed";
    if !has_systemd(NAME) {
        return;
    }
    if !is_root() {
        return skip(NAME, "this user may not start a systemd of its own");
    }
    let machine = Machine::start();
    let state = machine.folder.join("state/issuer");
    let key = fs::read_to_string(state.join("issuer.env")).unwrap();
    let client = client(machine.port, &key);
    assert!(!client.region.is_empty(), "{key}");

    // As the unit's head shows it: beside the service, as its user.
    let commands = commands_after(&read(UNIT), "runuser -u issuer -- ");
    assert_eq!(commands.len(), 1);
    let printed = machine.run(&format!("runuser -u issuer -- {}", commands[0]));
    assert!(printed.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{printed}");
    let made = machine.run(
        "runuser -u issuer -- issuer namespace create shop --algorithm ES256 --json \
         --database sqlite:/var/lib/issuer/issuer.db",
    );
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    make_a_token(&client, made["id"].as_str().unwrap());

    machine.assert_confined();
    for name in ["issuer.db", "issuer.key", "issuer.env"] {
        let metadata = fs::metadata(state.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);

    let before = machine.show("MainPID");
    machine.run(&format!("kill -KILL {before}"));
    wait_for(&format!("a new process\n{}", machine.log()), || {
        let now = machine.show("MainPID");
        (now != before && now != "0").then_some(())
    });
    wait_until_ready(machine.port, || machine.log());
    let kept = good(client.get(&client.functions("/namespaces?name=shop")));
    assert_eq!(kept["namespaces"][0]["id"], made["id"]);

    machine.run("systemctl stop issuer.service");
    let ended = ["ActiveState", "Result", "ExecMainStatus"].map(|name| machine.show(name));
    assert_eq!(ended, ["inactive", "success", "0"], "{}", machine.log());
}

/// Namespaces with a systemd in them.
struct Machine {
    folder: PathBuf,
    port: u16,
    systemd: Service,
}

impl Machine {
    fn start() -> Self {
        let folder = scratch("systemd");
        for name in ["units/issuer.service.d", "bin", "state"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("units/issuer.service", &read(UNIT));
        for target in TARGETS {
            write(&format!("units/{target}.target"), "[Unit]\nDefaultDependencies=no\n");
        }
        let [port] = free_ports();
        // There is no journal here.
        let changes = format!(
            "[Service]\nEnvironment=ISSUER_LISTEN=127.0.0.1:{port}\nRestartSec=0\n\
             StandardOutput=append:/srv/issuer.log\nStandardError=append:/srv/issuer.log\n"
        );
        write("units/issuer.service.d/here.conf", &changes);
        let user = setting("User");
        let root = "root:x:0:0::/root:/bin/sh\n";
        write("passwd", &format!("{root}{user}:x:{USER}:{USER}::/:/usr/sbin/nologin\n"));
        write("group", &format!("root:x:0:\n{user}:x:{USER}:\n"));
        fs::copy(issuer(), folder.join("bin/issuer")).unwrap();

        let mut command = Command::new("unshare");
        command.args(["--mount", "sh"]).arg(root_file("systemd.sh")).env("FOLDER", &folder);
        let systemd = Service::start("systemd", &folder, &mut command);
        let machine = Self { folder, port, systemd };
        wait_until_ready(port, || machine.log());
        machine
    }

    /// What a command prints that root types there.
    #[track_caller]
    fn run(&self, line: &str) -> String {
        let output = self.output(line);
        assert!(output.status.success(), "{line}: {}\n{}", text_of(&output), self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    fn output(&self, line: &str) -> Output {
        // The first process there is a child of the one that was started.
        let children = format!("/proc/{0}/task/{0}/children", self.systemd.id());
        let first = fs::read_to_string(children).unwrap();
        let mut command = Command::new("nsenter");
        command.args(["--target", first.trim(), "--mount", "--pid", "sh", "-c", line]);
        finished(&mut command)
    }

    fn show(&self, property: &str) -> String {
        let line = format!("systemctl show --value --property {property} issuer.service");
        self.run(&line).trim().to_owned()
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("issuer.log")).unwrap_or_default();
        self.systemd.log() + &log
    }

    /// As the kernel sees the process.
    fn assert_confined(&self) {
        let process = self.show("MainPID");
        let status = self.run(&format!("cat /proc/{process}/status"));
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_else(|| panic!("no {name} in {status}")).trim()
        };
        assert_eq!((field("NoNewPrivs"), field("Seccomp")), ("1", "2"));
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(field(set).trim_start_matches('0'), "", "{set}");
        }
        assert_eq!(field("Uid").split_whitespace().next(), Some(USER.to_string().as_str()));
        let limits = self.run(&format!("cat /proc/{process}/limits"));
        let limit = |name: &str| {
            let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(limit("Max core file size"), ["0", "0"]);
        let files = setting("LimitNOFILE");
        assert_eq!(limit("Max open files"), [files.as_str(), files.as_str()]);
        // Wherever something could be written at all, as the service's user and where it is.
        let mounts = self.run(&format!("cat /proc/{process}/mounts"));
        let mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let writable = mounts.filter(|words| words[3].starts_with("rw,")).map(|words| words[1]);
        let writable: Vec<_> = writable.filter(|path| *path != "/proc").collect();
        let find =
            format!("find {} -xdev -type d -writable 2>/dev/null || true", writable.join(" "));
        let found = self.run(&format!(
            "nsenter --target {process} --mount setpriv --reuid {USER} --regid {USER} \
             --clear-groups sh -c '{find}'"
        ));
        let found: BTreeSet<_> = found.lines().collect();
        assert_eq!(found, BTreeSet::from(["/tmp", "/var/lib/issuer", "/var/tmp"]));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.systemd.signal("-KILL");
        let _ = self.systemd.wait();
        // The control groups stay otherwise. The inner ones first.
        let name = self.folder.file_name().unwrap().to_str().unwrap();
        let script = format!(
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup
             find '/sys/fs/cgroup/{name}' -depth -type d -exec rmdir {{}} +"
        );
        for _ in 0..20 {
            let removed = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output();
            if removed.is_ok_and(|output| output.status.success()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

fn root_file(name: &str) -> PathBuf {
    root(&format!("tests/service_files/{name}"))
}
