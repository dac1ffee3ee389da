//! Pages of measurements: under what is said there by hand, what a benchmark writes.

use std::fs;
use std::process::Command;

use crate::root;

/// The first line of what a command prints, if it runs.
pub fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok();
    let text = output.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    text.unwrap_or_else(|| "unknown".to_owned())
}

/// The date, and the machine: how many processors, of which kind, and its kernel.
pub fn date_and_machine() -> (String, String) {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let machine = format!(
        "{} processors ({}) with Linux {}",
        std::thread::available_parallelism().map_or(0, usize::from),
        processor.as_deref().unwrap_or("unknown"),
        said("uname", &["-r"]),
    );
    (said("date", &["-u", "+%Y-%m-%d"]), machine)
}

/// Puts `text` after the line that says that `command` writes the rest of the page, and the
/// picture into its file.
///
/// # Panics
///
/// When the page isn't there or has no such line.
pub fn write(command: &str, page: &str, text: &str, picture: (&str, &str)) {
    let mark = format!("<!-- From here on `{command}` writes this page. -->\n");
    let before = fs::read_to_string(root(page)).expect(page);
    let (by_hand, _) = before.split_once(&mark).unwrap_or_else(|| panic!("no {mark} in {page}"));
    fs::write(root(page), format!("{by_hand}{mark}\n{text}")).expect(page);
    let (file, drawn) = picture;
    fs::write(root(file), drawn).expect(file);
    eprintln!("==> written: {page} and {file}");
}
