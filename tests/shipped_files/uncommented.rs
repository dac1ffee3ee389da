//! A shipped file as its reader makes it who wants what it has in comments.

/// The settings that stand in comments are settings: a `#` without a space behind it goes, and so
/// does that of each line right after. What there is to say has a space.
pub fn uncommented(text: &str) -> String {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let comment = line.trim_start().strip_prefix('#');
        let begins = comment.is_some_and(|it| it.starts_with(|c: char| c != ' ' && c != '#'));
        inside = comment.is_some() && (inside || begins);
        lines.push(if inside { line.replacen('#', "", 1) } else { line.to_owned() });
    }
    assert_ne!(lines.join("\n").len() + 1, text.len(), "nothing there is in comments");
    lines.join("\n") + "\n"
}

#[test]
fn settings_and_words_are_told_apart() {
    let text =
        "a: 1\n# Words.\n\n  #b:\n  #  # More words.\n  #  - c\n  # Words again? No.\nd: 2\n";
    let without = "a: 1\n# Words.\n\n  b:\n    # More words.\n    - c\n   Words again? No.\nd: 2\n";
    assert_eq!(uncommented(text), without);
    assert_eq!(uncommented("#e: 1\nf: 2\n# Words.\n"), "e: 1\nf: 2\n# Words.\n");
}
