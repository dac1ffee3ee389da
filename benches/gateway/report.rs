//! Where the results go: docs/PERFORMANCE.md, under what is said there by hand, and a picture.

use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: &str = "docs/PERFORMANCE.md";
const PICTURE: &str = "docs/performance.svg";
/// What `make bench` writes begins after this line.
const MARK: &str = "<!-- From here on `make bench` writes this page. -->\n";

/// The machine, the date and the programs.
pub fn heading(rounds: usize) -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok();
        let text = output.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
        text.unwrap_or_else(|| "unknown".to_owned())
    };
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let envoy = said("target/envoy", &["--version"]);
    // … version: <commit>/1.40.0/Clean/RELEASE/BoringSSL
    let version = envoy.split_once("version: ").and_then(|(_, it)| it.split('/').nth(1));
    format!(
        "Measured on {}, in {rounds} rounds, on {} processors ({}) with Linux {} and Envoy {}.\n",
        said("date", &["-u", "+%Y-%m-%d"]),
        std::thread::available_parallelism().map_or(0, usize::from),
        processor.as_deref().unwrap_or("unknown"),
        said("uname", &["-r"]),
        version.unwrap_or("unknown"),
    )
}

/// Writes the page's generated part and the picture.
pub fn write(text: &str, picture: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join(PAGE)).expect(PAGE);
    let (said, _) = page.split_once(MARK).unwrap_or_else(|| panic!("no line {MARK} in {PAGE}"));
    fs::write(root.join(PAGE), format!("{said}{MARK}\n{text}")).expect(PAGE);
    fs::write(root.join(PICTURE), picture).expect(PICTURE);
    eprintln!("==> written: {PAGE} and {PICTURE}");
}
