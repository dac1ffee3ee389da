//! YAML, read as whoever will read the file reads it.
//!
//! Envoy (yaml-cpp) and Kubernetes' own tools both follow YAML 1.1 where it says that `yes`
//! and `on` are booleans, and differ in their numbers. What they don't agree on with other
//! readers, a member twice or a tag, is an error here.

use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Number, Value};

use super::display::excerpt;

/// How deep values may be nested, as in protobuf's parsers.
const MAX_DEPTH: usize = 100;

/// What all values together may take, in bytes, once aliases are replaced by what they stand
/// for: a few lines of aliases can stand for gigabytes.
const MAX_SIZE: usize = 128 << 20;

/// What a value takes beside its text, roughly, in bytes.
const VALUE_SIZE: usize = 64;

/// Whose reading of plain scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Envoy's (seen in 1.36.4, 1.38.2 and 1.40.0): whole numbers past 32 bits, and all numbers with a fraction,
    /// are strings.
    Envoy,
    /// That of kubectl and the others that turn manifests into JSON.
    Kubernetes,
}

/// Why a text isn't YAML that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: YamlFault,
}

/// What is wrong with a text as YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum YamlFault {
    /// It doesn't follow YAML's grammar: the parser's words, which quote nothing.
    Grammar(String),
    /// An object has two members of this name.
    Twice(String),
    /// The name of a member is no text.
    Name,
    /// A member is a merge key, `<<`, which Envoy doesn't know.
    Merge,
    /// A value has a tag, which Envoy and Kubernetes read differently.
    Tag,
    /// An alias stands inside of what it stands for.
    Recursive,
    /// Values are nested too deep.
    Depth,
    /// The values are too many or too long, with aliases replaced.
    Size,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, fault } = self;
        match fault {
            YamlFault::Grammar(info) => write!(f, "not valid YAML: {info}")?,
            YamlFault::Twice(name) => write!(f, "{} appears twice; keep one", excerpt(name))?,
            YamlFault::Name => f.write_str("the name of a member is not a string")?,
            YamlFault::Merge => {
                f.write_str("merge keys (`<<`) are not supported; write the members out")?;
            }
            YamlFault::Tag => {
                f.write_str("tags (`!`) are not supported; put a string into quotation marks")?;
            }
            YamlFault::Recursive => f.write_str("an alias is part of its own anchor")?,
            YamlFault::Depth => write!(f, "values are nested more than {MAX_DEPTH} levels deep")?,
            YamlFault::Size => f.write_str("the values take too much memory")?,
        }
        write!(f, " (line {line}, column {column})")
    }
}

impl std::error::Error for YamlError {}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        let (line, column) = (error.marker().line(), error.marker().col().saturating_add(1));
        Self { line, column, fault: YamlFault::Grammar(error.info().to_owned()) }
    }
}

/// The documents of a text, without the empty ones.
///
/// # Errors
///
/// [`YamlError`].
pub fn documents(text: &str, dialect: Dialect) -> Result<Vec<Value>, YamlError> {
    let mut builder = Builder { dialect, ..Builder::default() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event?;
        builder.take(event).map_err(|fault| YamlError {
            line: span.start.line(),
            column: span.start.col().saturating_add(1),
            fault,
        })?;
    }
    builder.documents.retain(|document| !document.is_null());
    Ok(builder.documents)
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            dialect: Dialect::Envoy,
            documents: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            size: 0,
        }
    }
}

struct Builder {
    dialect: Dialect,
    documents: Vec<Value>,
    /// The collections that haven't ended yet, the outermost first.
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    size: usize,
}

struct Open {
    anchor: usize,
    collection: Collection,
}

enum Collection {
    Array(Vec<Value>),
    Object { members: Map<String, Value>, name: Option<String> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<(), YamlFault> {
        match event {
            Event::Scalar(.., Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err(YamlFault::Tag),
            Event::Scalar(text, style, anchor, None) => self.scalar(&text, style, anchor),
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).ok_or(YamlFault::Recursive)?;
                let (size, depth) = measure(value);
                if self.open.len().saturating_add(depth) > MAX_DEPTH {
                    return Err(YamlFault::Depth);
                }
                self.size = within_limit(self.size, size)?;
                let value = value.clone();
                self.place(value)
            }
            Event::SequenceStart(anchor, None) => self.begin(anchor, Collection::Array(Vec::new())),
            Event::MappingStart(anchor, None) => {
                self.begin(anchor, Collection::Object { members: Map::new(), name: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, collection }) = self.open.pop() else { return Ok(()) };
                let value = match collection {
                    Collection::Array(values) => Value::Array(values),
                    Collection::Object { members, .. } => Value::Object(members),
                };
                self.keep(anchor, &value)?;
                self.place(value)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, collection: Collection) -> Result<(), YamlFault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlFault::Depth);
        }
        if let Some(Open { collection: Collection::Object { name: None, .. }, .. }) =
            self.open.last()
        {
            return Err(YamlFault::Name);
        }
        self.size = within_limit(self.size, VALUE_SIZE)?;
        self.open.push(Open { anchor, collection });
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize) -> Result<(), YamlFault> {
        self.size = within_limit(self.size, text.len().saturating_add(VALUE_SIZE))?;
        if let Some(Open {
            collection: Collection::Object { members, name: name @ None }, ..
        }) = self.open.last_mut()
        {
            if style == ScalarStyle::Plain && text == "<<" {
                return Err(YamlFault::Merge);
            }
            if members.contains_key(text) {
                return Err(YamlFault::Twice(text.to_owned()));
            }
            *name = Some(text.to_owned());
            return self.keep(anchor, &Value::from(text));
        }
        let value = match style {
            ScalarStyle::Plain => plain(text, self.dialect),
            _ => Value::from(text),
        };
        self.keep(anchor, &value)?;
        self.place(value)
    }

    /// Remembers a value that has an anchor; 0 is none.
    fn keep(&mut self, anchor: usize, value: &Value) -> Result<(), YamlFault> {
        if anchor != 0 {
            self.size = within_limit(self.size, measure(value).0)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(())
    }

    /// Puts a value where the text has it.
    fn place(&mut self, value: Value) -> Result<(), YamlFault> {
        match self.open.last_mut().map(|open| &mut open.collection) {
            None => self.documents.push(value),
            Some(Collection::Array(values)) => values.push(value),
            Some(Collection::Object { members, name }) => {
                let name = name.take().ok_or(YamlFault::Name)?;
                members.insert(name, value);
            }
        }
        Ok(())
    }
}

fn within_limit(size: usize, more: usize) -> Result<usize, YamlFault> {
    let size = size.saturating_add(more);
    if size > MAX_SIZE { Err(YamlFault::Size) } else { Ok(size) }
}

/// What a value takes, in bytes, and how deep it is nested.
fn measure(value: &Value) -> (usize, usize) {
    let (size, depth) = match value {
        Value::String(text) => (text.len(), 0),
        Value::Array(values) => total(values.iter().map(measure)),
        Value::Object(members) => total(members.iter().map(|(name, value)| {
            let (size, depth) = measure(value);
            (size.saturating_add(name.len()), depth)
        })),
        _ => return (VALUE_SIZE, 0),
    };
    let levels = usize::from(value.is_array() || value.is_object());
    (size.saturating_add(VALUE_SIZE), depth.saturating_add(levels))
}

fn total(parts: impl Iterator<Item = (usize, usize)>) -> (usize, usize) {
    parts.fold((0, 0), |(size, depth), (more, other)| {
        (usize::saturating_add(size, more), depth.max(other))
    })
}

/// What a scalar without quotation marks means.
fn plain(text: &str, dialect: Dialect) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return true.into();
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return false.into();
        }
        _ => {}
    }
    let number = match (integer(text, dialect), dialect) {
        (Some(number), Dialect::Envoy) => {
            return match i32::try_from(number) {
                Ok(number) => number.into(),
                Err(_) => number.to_string().into(),
            };
        }
        (Some(number), Dialect::Kubernetes) => Some(Number::from(number)),
        (None, Dialect::Envoy) => None,
        (None, Dialect::Kubernetes) => fraction(text),
    };
    number.map_or_else(|| text.into(), Value::Number)
}

/// A whole number of 64 bits, in C's notations: decimal, 0x with hexadecimal digits, 0 with
/// octal ones.
fn integer(text: &str, dialect: Dialect) -> Option<i64> {
    let without_underscores;
    let text = match dialect {
        Dialect::Envoy => text,
        Dialect::Kubernetes => {
            without_underscores = text.replace('_', "");
            &without_underscores
        }
    };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let go = dialect == Dialect::Kubernetes;
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0o").filter(|_| go) {
        (digits, 8)
    } else if let Some(digits) = lower.strip_prefix("0b").filter(|_| go) {
        (digits, 2)
    } else if let Some(digits) = lower.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        (digits, 8)
    } else {
        (lower.as_str(), 10)
    };
    if !digits.starts_with(|first: char| first.is_ascii_hexdigit()) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    let number = if text.starts_with('-') { number.checked_neg()? } else { number };
    i64::try_from(number).ok()
}

/// A number with a fraction or an exponent.
fn fraction(text: &str) -> Option<Number> {
    let numeric = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    if !text.contains(|c: char| c.is_ascii_digit()) || !text.chars().all(numeric) {
        return None;
    }
    text.parse().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(text: &str, dialect: Dialect) -> Value {
        let mut documents = documents(text, dialect).unwrap();
        assert_eq!(documents.len(), 1, "{text}");
        documents.remove(0)
    }

    fn fault(text: &str) -> YamlFault {
        documents(text, Dialect::Envoy).unwrap_err().fault
    }

    /// What Envoy 1.36.4, 1.38.2 and 1.40.0 showed as its node's metadata after reading the same.
    #[test]
    fn scalars_are_what_envoy_and_kubernetes_make_of_them() {
        for (text, envoy, kubernetes) in [
            ("yes", json!(true), json!(true)),
            ("y", json!(true), json!(true)),
            ("On", json!(true), json!(true)),
            ("oN", json!("oN"), json!("oN")),
            ("OFF", json!(false), json!(false)),
            ("True", json!(true), json!(true)),
            ("tRue", json!("tRue"), json!("tRue")),
            ("\"yes\"", json!("yes"), json!("yes")),
            ("'1'", json!("1"), json!("1")),
            ("|\n  yes", json!("yes\n"), json!("yes\n")),
            ("~", json!(null), json!(null)),
            ("NULL", json!(null), json!(null)),
            ("", json!(null), json!(null)),
            ("42", json!(42), json!(42)),
            ("+5", json!(5), json!(5)),
            ("-5", json!(-5), json!(-5)),
            ("010", json!(8), json!(8)),
            ("08", json!("08"), json!(8.0)),
            ("0x1F", json!(31), json!(31)),
            ("-0x10", json!(-16), json!(-16)),
            ("0x-1", json!("0x-1"), json!("0x-1")),
            ("0o17", json!("0o17"), json!(15)),
            ("0b11", json!("0b11"), json!(3)),
            ("1_000", json!("1_000"), json!(1000)),
            ("3000000000", json!("3000000000"), json!(3_000_000_000_u64)),
            ("99999999999999999999", json!("99999999999999999999"), json!(1e20)),
            ("1.5", json!("1.5"), json!(1.5)),
            ("1e3", json!("1e3"), json!(1000.0)),
            (".inf", json!(".inf"), json!(".inf")),
            ("2001-01-01", json!("2001-01-01"), json!("2001-01-01")),
        ] {
            let text = format!("a: {text}\n");
            assert_eq!(one(&text, Dialect::Envoy)["a"], envoy, "{text}");
            assert_eq!(one(&text, Dialect::Kubernetes)["a"], kubernetes, "{text}");
        }
    }

    #[test]
    fn documents_collections_and_aliases_are_read() {
        let text = "# nothing\n---\na: &x [1, {b: c}]\nd: *x\n---\n---\n- 2: yes\n";
        assert_eq!(
            documents(text, Dialect::Envoy).unwrap(),
            [json!({"a": [1, {"b": "c"}], "d": [1, {"b": "c"}]}), json!([{"2": true}])]
        );
        assert_eq!(documents("", Dialect::Envoy).unwrap(), [] as [Value; 0]);
    }

    #[test]
    fn what_readers_differ_on_is_an_error() {
        for (text, expected) in [
            ("a: 1\nb:\n  c: 1\n  \"c\": 2\n", YamlFault::Twice("c".to_owned())),
            ("a: !!str yes", YamlFault::Tag),
            ("a: !x [b]", YamlFault::Tag),
            ("? [a]\n: b", YamlFault::Name),
            ("a: &x b\n*x : c", YamlFault::Name),
            ("a: &x {b: c}\nd:\n  <<: *x\n", YamlFault::Merge),
            ("a: &x [*x]", YamlFault::Recursive),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
        let error = documents("a: 1\n\na: 2\n", Dialect::Envoy).unwrap_err();
        assert_eq!((error.line, error.column), (3, 1));
        assert!(matches!(fault("a: [1"), YamlFault::Grammar(_)));
        assert!(matches!(fault("a: *x"), YamlFault::Grammar(_)));
    }

    #[test]
    fn what_would_fill_the_memory_is_an_error() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..10 {
            let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb += &format!("a{n}: &a{n} [{aliases}]\n");
        }
        assert_eq!(fault(&bomb), YamlFault::Size);
        let text = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), "*a, ".repeat(1000));
        assert_eq!(fault(&text), YamlFault::Size);
        assert_eq!(fault(&"- ".repeat(150)), YamlFault::Depth);
        assert!(matches!(fault(&"[".repeat(100_000)), YamlFault::Grammar(_)));
        let levels: String = (1..150).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
        assert_eq!(fault(&format!("a0: &a0 []\n{levels}")), YamlFault::Depth);
    }
}
