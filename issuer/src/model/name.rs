//! The names of namespaces, functions and containers.

/// What a name has to be.
pub const EXPECTED: &str = "expected 1 to 63 letters, digits, `-`, `_` and `.`";

/// Whether a text may be a name. It stands in host names, on command lines and in lists.
pub fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=63).contains(&text.len()) && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["a", "my-function", "My_App.v2", &"x".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "two words", "line\nbreak", "a/b", "naïve", &"x".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
