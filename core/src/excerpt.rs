//! The beginning of a text of unknown origin, for a message.

/// How many characters of such a text are shown. No whole token fits in, and nothing of a key
/// in PEM but its label.
pub const CHARACTERS: usize = 40;

/// The first so many characters, escaped: nothing in them is invisible or breaks a line.
pub fn excerpt(text: &str, characters: usize) -> String {
    let cut = if text.chars().nth(characters).is_some() { "…" } else { "" };
    text.chars().take(characters).flat_map(char::escape_default).collect::<String>() + cut
}
