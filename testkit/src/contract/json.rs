//! JSON by the letter of RFC 8259, with every member in its place, the same name twice too.

/// The deepest nesting that is read. The RFC (§9) leaves it to the reader.
const MOST_DEPTH: usize = 127;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A number, exactly where it is written as a whole one.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub value: f64,
    /// None for one with a fraction, an exponent or a sign, or past 128 bits.
    pub whole: Option<u128>,
}

impl Json {
    /// The text as one value and nothing beside it. None for anything else, a number that no
    /// `f64` holds among it.
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut reader = Reader { rest: std::str::from_utf8(text).ok()? };
        let value = reader.value(0)?;
        reader.space();
        reader.rest.is_empty().then_some(value)
    }

    /// The same, for an object whose names, and those of every object in it, are distinct.
    pub fn read_distinct_object(text: &[u8]) -> Option<Self> {
        Self::read(text).filter(|it| matches!(it, Self::Object(_)) && it.is_distinct())
    }

    fn is_distinct(&self) -> bool {
        match self {
            Self::Array(values) => values.iter().all(Self::is_distinct),
            Self::Object(members) => {
                let names = members.iter().map(|(name, _)| name);
                let count = names.collect::<std::collections::HashSet<_>>().len();
                count == members.len() && members.iter().all(|(_, value)| value.is_distinct())
            }
            _ => true,
        }
    }

    /// An object's member, the first of that name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(values) = self { Some(values) } else { None }
    }

    /// Whether it holds a number at the very end of what an `f64` holds, where readers that
    /// round differently don't agree on whether it does.
    pub fn is_at_the_end(&self) -> bool {
        match self {
            Self::Number(number) => number.value.abs() > 1e308,
            Self::Array(values) => values.iter().any(Self::is_at_the_end),
            Self::Object(members) => members.iter().any(|(_, value)| value.is_at_the_end()),
            _ => false,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.space();
        match self.rest.chars().next()? {
            'n' => self.take("null").map(|()| Json::Null),
            't' => self.take("true").map(|()| Json::Bool(true)),
            'f' => self.take("false").map(|()| Json::Bool(false)),
            '"' => self.string().map(Json::String),
            '[' if depth < MOST_DEPTH => {
                let mut values = Vec::new();
                self.list(']', |reader| {
                    values.push(reader.value(depth + 1)?);
                    Some(())
                })?;
                Some(Json::Array(values))
            }
            '{' if depth < MOST_DEPTH => {
                let mut members = Vec::new();
                self.list('}', |reader| {
                    reader.space();
                    let name = reader.string()?;
                    reader.space();
                    reader.take(":")?;
                    members.push((name, reader.value(depth + 1)?));
                    Some(())
                })?;
                Some(Json::Object(members))
            }
            _ => self.number(),
        }
    }

    fn list(&mut self, end: char, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.next()?;
        self.space();
        if self.rest.starts_with(end) {
            self.next()?;
            return Some(());
        }
        loop {
            item(self)?;
            self.space();
            match self.next()? {
                ',' => {}
                other => return (other == end).then_some(()),
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            text.push(match self.next()? {
                '"' => return Some(text),
                '\\' => match self.next()? {
                    it @ ('"' | '\\' | '/') => it,
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => self.escaped()?,
                    _ => return None,
                },
                '\0'..='\u{1f}' => return None,
                other => other,
            });
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        self.take("\\u")?;
        let second = self.unit()?.checked_sub(0xdc00).filter(|second| *second < 0x400)?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        self.rest = &self.rest[4..];
        let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        hexadecimal.then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn digits(&mut self) -> usize {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.rest = &self.rest[digits..];
        digits
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.rest;
        let _ = self.take("-");
        let leading_zero = self.rest.starts_with('0');
        match self.digits() {
            0 => return None,
            1 => {}
            _ if leading_zero => return None,
            _ => {}
        }
        if self.take(".").is_some() && self.digits() == 0 {
            return None;
        }
        if self.take("e").or_else(|| self.take("E")).is_some() {
            let _ = self.take("+").or_else(|| self.take("-"));
            if self.digits() == 0 {
                return None;
            }
        }
        let text = &start[..start.len() - self.rest.len()];
        let value: f64 = text.parse().ok()?;
        value.is_finite().then(|| Json::Number(Number { value, whole: text.parse().ok() }))
    }
}
