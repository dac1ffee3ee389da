//! Links from one page to another.

use std::fs;

use testkit::processes::{read, root};

use crate::pages;

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for page in pages() {
        let text = read(&page);
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { root(&page) } else { root(folder).join(file) };
            assert!(file.exists(), "{page}: {link}");
            if !anchor.is_empty() {
                let target = fs::read_to_string(file).unwrap();
                let mut headings = target.lines().filter(|line| line.starts_with('#'));
                assert!(headings.any(|heading| anchor_of(heading) == anchor), "{page}: {link}");
            }
            followed += 1;
        }
    }
    assert!(followed >= 60, "{followed} links");
}

/// Between backquotes, from the top of the repository. `*` stands for several of them.
#[test]
fn every_file_that_a_page_names_is_there() {
    let tops = ["src", "core", "issuer", "testkit", "tests", "fuzz", "benches", "tools", "docs"];
    let tops = [&tops[..], &["envoy", ".github", ".ci"]].concat();
    let mut named = 0;
    for page in pages() {
        let text = read(&page);
        for name in text.split('`').skip(1).step_by(2) {
            let is_path = name.split_once('/').is_some_and(|(top, _)| tops.contains(&top));
            if !is_path || name.contains(|it: char| it.is_whitespace() || it == '*') {
                continue;
            }
            assert!(root(name).exists(), "{page}: {name}");
            named += 1;
        }
    }
    assert!(named >= 100, "{named} files");
}

/// As GitHub makes it.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}
