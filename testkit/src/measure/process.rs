//! Processes: the time and the memory that one takes, and the processor that it stays on.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The time that all threads of a process spent on a processor.
pub fn cpu_time(process: u32) -> Duration {
    let threads =
        fs::read_dir(format!("/proc/{process}/task")).expect("Linux, and the process running");
    let nanoseconds = threads.filter_map(|thread| {
        // A thread may end meanwhile. The first number is what we want, in nanoseconds
        // (Documentation/scheduler/sched-stats.rst).
        let numbers = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        numbers.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// A command that runs on one processor, so that what is measured isn't moved about.
pub fn on_processor(processor: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &processor.to_string(), program]);
    command
}

/// Keeps a running process and all its threads on one processor.
pub fn pin(process: u32, processor: usize) {
    let done = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &processor.to_string(), &process.to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "taskset (util-linux) can't pin process {process}"
    );
}

/// Has this process's first thread go before everything else on its processor, so that what it
/// measures isn't its own wait for that. Whether the system permits it: root may do it.
pub fn go_first() -> bool {
    let done = Command::new("chrt")
        .args(["--reset-on-fork", "--fifo", "--pid", "1", &std::process::id().to_string()])
        .stderr(Stdio::null())
        .status();
    done.is_ok_and(|status| status.success())
}

/// The memory that a process has, in bytes.
pub fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux");
    let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).expect("kB");
    kilobytes * 1024
}
