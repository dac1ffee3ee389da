//! envoy/issuer.service, as systemd's own tools read it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use testkit::processes::*;

pub const UNIT: &str = "envoy/issuer.service";

/// Of ten, as `systemd-analyze security` counts: 0 is a service that can reach nothing. What it
/// counts for the rest is the network, and the user's own files.
const EXPOSURE: f64 = 1.5;

/// The settings of the unit, in their order.
pub fn settings() -> Vec<(String, String)> {
    let text = read(UNIT);
    let lines = text.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty());
    lines
        .map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line}")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The value of a setting that stands there once.
pub fn setting(name: &str) -> String {
    let found: Vec<_> = settings().into_iter().filter(|(it, _)| it == name).collect();
    let [(_, value)] = &found[..] else { panic!("{name}: {found:?}") };
    value.clone()
}

/// Whether systemd's tools are here; says so if not.
pub fn has_systemd(test: &str) -> bool {
    let found = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !found {
        skip(test, "no systemd-analyze here");
    }
    found
}

/// The unit with the tests' program in place of the installed one, as a file.
fn unit_here(test: &str) -> PathBuf {
    let program = setting("ExecStart").split(' ').next().unwrap().to_owned();
    let file = scratch(test).join("issuer.service");
    let here = issuer().display().to_string();
    fs::write(&file, replace_all(read(UNIT), &[(&program, &here)])).unwrap();
    file
}

#[test]
fn systemd_knows_every_line_of_the_unit() {
    const NAME: &str = "systemd_knows_every_line_of_the_unit";
    if !has_systemd(NAME) {
        return;
    }
    let file = unit_here("unit-lines");
    let verify = |file: &PathBuf| {
        finished(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(file))
    };
    // It may have something to say on other units of this machine.
    let said = |output| {
        let lines = text_of(&output);
        lines.lines().filter(|line| line.contains("issuer")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said(verify(&file)), "");
    // Else it would say nothing of anything.
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("ProtectClock=", "ProtectClocks=")).unwrap();
    assert!(said(verify(&file)).contains("ProtectClocks"));
}

#[test]
fn systemd_finds_little_that_the_service_could_reach() {
    const NAME: &str = "systemd_finds_little_that_the_service_could_reach";
    if !has_systemd(NAME) {
        return;
    }
    let file = unit_here("unit-exposure");
    let mut command = Command::new("systemd-analyze");
    command.args(["security", "--offline=true", "--no-pager"]).arg(&file);
    let report = text_of(&finished(&mut command));
    let (_, level) = report.split_once("Overall exposure level for ").expect(&report);
    let level = level.split_whitespace().nth(1).unwrap();
    assert!(level.parse::<f64>().unwrap() <= EXPOSURE, "{level}\n{report}");
}

#[test]
fn the_unit_gives_the_service_the_time_and_the_files_that_it_may_need() {
    let number = |name| setting(name).parse::<u64>().unwrap();
    // Its own limits: issuer/src/serve/listener.rs.
    let page = read("docs/SERVICE.md");
    assert!(page.contains("| connections | 10,000, or 100 fewer than the process may have files"));
    assert!(number("LimitNOFILE") >= 10_100);
    assert!(page.contains("for\nwhich it has 10 seconds."));
    assert!(number("TimeoutStopSec") > 10);
    // Whatever it is told in the environment is told by variables that it reads.
    let environment = setting("Environment");
    let names =
        environment.split(' ').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name);
    let names: BTreeSet<_> = names.collect();
    assert_eq!(names, BTreeSet::from(["ISSUER_DATABASE", "ISSUER_LISTEN"]));
    let folder = format!("/var/lib/{}", setting("StateDirectory"));
    assert_eq!(setting("WorkingDirectory"), folder);
    assert!(environment.contains(&format!("=sqlite:{folder}/issuer.db")), "{environment}");
}
