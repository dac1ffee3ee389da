//! The log: lines for a person on a terminal, JSON lines for everybody else.

mod lossy;

use std::error::Error;
use std::fmt;
use std::io;
use std::panic;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing::{Subscriber, error};
use tracing_subscriber::fmt::MakeWriter;

pub use lossy::Lossy;

/// The environment variable that says how much is logged.
pub const LEVEL_VARIABLE: &str = "ISSUER_LOG";

/// Starts the log of this process, on standard error.
///
/// # Errors
///
/// If the process has a log already.
pub fn start(level: LevelFilter, form: Form) -> Result<Lossy, SetGlobalDefaultError> {
    let log = Lossy::new(io::stderr());
    set_global_default(subscriber(level, form, log.clone()))?;
    Ok(log)
}

/// Has panics logged by the place in the code alone, for the whole process.
///
/// The message of a panic, which Rust prints otherwise, may hold what a client sent.
pub fn report_panics() {
    panic::set_hook(Box::new(|panic| match panic.location() {
        Some(at) => error!(file = at.file(), line = at.line(), "a fault in the program: a panic"),
        None => error!("a fault in the program: a panic"),
    }));
}

/// The form of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text, in colours, for a person at a terminal.
    Terminal,
    /// One JSON object a line.
    Json,
}

/// Reads a level by its name: `error`, `warn`, `info` or `debug`. Without a name it is `info`.
///
/// # Errors
///
/// If the name is another one.
pub fn level(name: Option<&str>) -> Result<LevelFilter, LevelError> {
    match name {
        None | Some("info") => Ok(LevelFilter::INFO),
        Some("error") => Ok(LevelFilter::ERROR),
        Some("warn") => Ok(LevelFilter::WARN),
        Some("debug") => Ok(LevelFilter::DEBUG),
        Some(found) => Err(LevelError { found: found.to_owned() }),
    }
}

/// A log level that there isn't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelError {
    /// What stood in its place.
    pub found: String,
}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found } = self;
        write!(f, "{LEVEL_VARIABLE}: expected error, warn, info or debug, and found {found:?}")
    }
}

impl Error for LevelError {}

/// What writes the log's lines to `writer`, with times in UTC.
pub fn subscriber<W>(level: LevelFilter, form: Form, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    // A log that can't be written is no reason to end, nor to print about it: it may be
    // standard error itself that is closed.
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(writer)
        .with_target(false)
        .log_internal_errors(false);
    match form {
        Form::Terminal => Box::new(lines.finish()),
        Form::Json => {
            let lines = lines.json().flatten_event(true);
            Box::new(lines.with_current_span(false).with_span_list(false).finish())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::subscriber::with_default;
    use tracing::{debug, info};

    use super::*;

    fn logged(form: Form, write: impl FnOnce()) -> String {
        let lines = Arc::new(Mutex::new(Vec::new()));
        with_default(subscriber(LevelFilter::INFO, form, Writer(Arc::clone(&lines))), write);
        String::from_utf8(lines.lock().unwrap().clone()).unwrap()
    }

    #[derive(Clone)]
    struct Writer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Writer {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_line_of_json_has_the_fields_beside_the_message_and_a_time_in_utc() {
        let line = logged(Form::Json, || info!(status = 200, "answered\nand\x1b"));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["status"], 200);
        assert_eq!(
            (&line["message"], &line["level"]),
            (&"answered\nand\x1b".into(), &"INFO".into())
        );
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }

    #[test]
    fn a_line_for_a_person_has_message_and_fields() {
        let line = logged(Form::Terminal, || info!(status = 200, "answered"));
        assert!(line.contains("answered") && line.contains("200") && !line.contains('{'), "{line}");
    }

    #[test]
    fn what_is_below_the_level_is_not_logged() {
        assert_eq!(logged(Form::Json, || debug!("a detail")), "");
    }

    #[test]
    fn a_level_has_one_of_four_names() {
        let known = [
            (None, LevelFilter::INFO),
            (Some("error"), LevelFilter::ERROR),
            (Some("warn"), LevelFilter::WARN),
            (Some("info"), LevelFilter::INFO),
            (Some("debug"), LevelFilter::DEBUG),
        ];
        for (name, expected) in known {
            assert_eq!(level(name), Ok(expected));
        }
        for name in ["", "INFO", "trace", "off", "info,hyper=debug"] {
            let message = level(Some(name)).unwrap_err().to_string();
            let expected = "ISSUER_LOG: expected error, warn, info or debug, and found ";
            assert_eq!(message, format!("{expected}{name:?}"));
        }
    }
}
