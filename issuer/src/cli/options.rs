//! Options and their values, and what is said of those that are wrong.
//!
//! A value may be a token or a key in the wrong place, so none is repeated. A word is, if it
//! can be neither.

use std::env::VarError;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::inspect::display::excerpt;

use super::{Failure, failure};

/// A command, as messages speak of it.
pub struct Command {
    /// How its help is asked for.
    pub usage: &'static str,
    /// What its help says: every option is in it.
    pub help: &'static str,
}

impl Command {
    /// The program without a command.
    pub const NONE: Self = Self { usage: "issuer --help", help: "--help --version" };
}

/// The commands that there are.
const COMMANDS: [&str; 14] = [
    "keygen",
    "issue",
    "inspect",
    "serve",
    "namespace",
    "trust",
    "revoke",
    "policy",
    "quota",
    "audit",
    "admin",
    "backup",
    "restore",
    "help",
];

/// An option that may be given once.
pub struct Given<T> {
    name: &'static str,
    pub value: Option<T>,
}

impl<T> Given<T> {
    pub fn new(name: &'static str) -> Self {
        Self { name, value: None }
    }

    fn set(&mut self, value: T) -> Result<(), Failure> {
        match self.value.replace(value) {
            None => Ok(()),
            Some(_) => failure(format!("`{}` is given twice; give it once", self.name)),
        }
    }

    pub fn required(self, what: &str) -> Result<T, Failure> {
        let Self { name, value } = self;
        value.ok_or_else(|| Failure(format!("`{name}` is required; give {what}")))
    }

    fn argument(&self, parser: &mut Parser) -> Result<OsString, Failure> {
        match parser.value() {
            // The parser takes whatever follows. A forgotten value would swallow an option.
            Ok(value) if value.is_empty() => {
                failure(format!("the value of `{}` is empty; give one, or leave it out", self.name))
            }
            Ok(value) if !is_option(&value) => Ok(value),
            _ => failure(format!("`{}` needs a value; give one after it", self.name)),
        }
    }
}

impl Given<PathBuf> {
    /// The value, or else that of an environment variable.
    pub fn or_variable(self, variable: &str) -> Result<Option<PathBuf>, Failure> {
        match self.value {
            Some(value) => Ok(Some(value)),
            None => Ok(std::env::var_os(variable).filter(|it| !it.is_empty()).map(PathBuf::from)),
        }
    }

    pub fn path(&mut self, parser: &mut Parser) -> Result<(), Failure> {
        let value = PathBuf::from(self.argument(parser)?);
        // A key or a token that was given instead would be repeated in a message. Neither
        // can be the name of a file: systems allow 255 bytes in each part of one.
        let is_key = value.to_string_lossy().contains("-----BEGIN");
        if is_key || value.iter().any(|part| part.len() > 255) {
            return failure(format!(
                "{}: expected the name of a file or folder, found a longer text; \
                 put the text into a file and give the file's name",
                self.name
            ));
        }
        self.set(value)
    }
}

/// A text, and by which option or variable it was given, for messages about it.
pub struct Said {
    pub text: String,
    pub by: &'static str,
}

impl Given<String> {
    /// The value, or else that of an environment variable.
    pub fn or_variable(self, variable: &'static str) -> Result<Option<Said>, Failure> {
        match (self.value, std::env::var(variable)) {
            (Some(text), _) => Ok(Some(Said { text, by: self.name })),
            (None, Ok(text)) => {
                Ok(Some(Said { text, by: variable }).filter(|it| !it.text.is_empty()))
            }
            (None, Err(VarError::NotPresent)) => Ok(None),
            (None, Err(VarError::NotUnicode(_))) => {
                failure(format!("{variable}: expected UTF-8, found other bytes; give it in UTF-8"))
            }
        }
    }

    pub fn text(&mut self, parser: &mut Parser) -> Result<(), Failure> {
        match self.argument(parser)?.into_string() {
            Ok(value) => self.set(value),
            Err(_) => failure(format!(
                "{}: expected UTF-8, found other bytes; give it in UTF-8",
                self.name
            )),
        }
    }
}

/// Whether a value looks like an option: `--key`, and not the `-----BEGIN` of a key.
fn is_option(value: &OsStr) -> bool {
    let name = value.as_encoded_bytes().strip_prefix(b"--");
    name.and_then(|name| name.first()).is_some_and(u8::is_ascii_alphabetic)
}

/// An argument that a command has no use for.
pub fn unexpected(argument: &Arg<'_>, command: &Command) -> Failure {
    let what = match argument {
        Arg::Long(name) => unknown(&format!("--{name}"), "option", &options_in(command.help)),
        Arg::Short(name) if name.is_ascii_alphanumeric() => format!("unknown option `-{name}`"),
        Arg::Short(_) => "unknown option".to_owned(),
        Arg::Value(_) => "there is an argument that belongs to no option".to_owned(),
    };
    with_help(what, command)
}

/// A word that is none of the commands.
pub fn unknown_command(word: &OsStr) -> Failure {
    with_help(unknown(&word.to_string_lossy(), "command", &COMMANDS), &Command::NONE)
}

/// The parser's own errors, without the values that they would repeat.
pub fn misread(error: &lexopt::Error, command: &Command) -> Failure {
    let what = match error {
        lexopt::Error::UnexpectedValue { option, .. } => {
            format!("{} takes no value", excerpt(option))
        }
        _ => "the arguments can't be read".to_owned(),
    };
    with_help(what, command)
}

/// A message that ends with what to do, a guess or the help.
fn with_help(what: String, command: &Command) -> Failure {
    match what.ends_with('?') {
        true => Failure(what),
        false => Failure(format!("{what}; see `{}`", command.usage)),
    }
}

/// `unknown option`, with the word if it can't be a secret, and the known one most like it.
fn unknown(word: &str, what: &str, known: &[&str]) -> String {
    const LIKE: f64 = 0.8;
    let is_harmless =
        word.len() <= 22 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    if !is_harmless {
        return format!("unknown {what}");
    }
    let likeness = |known: &&&str| strsim::jaro_winkler(word, known);
    let likest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match likest.filter(|known| likeness(known) >= LIKE) {
        Some(known) => format!("unknown {what} `{word}`; did you mean `{known}`?"),
        None => format!("unknown {what} `{word}`"),
    }
}

/// The options that a help text explains.
fn options_in(help: &str) -> Vec<&str> {
    let words = help.split(|c: char| !c.is_ascii_lowercase() && c != '-');
    words.filter(|word| word.len() > 2 && word.starts_with("--")).collect()
}
