//! Conditions of rules: what a request has to be for a rule to count, in CEL.
//!
//! A condition is text of an owner's, so nothing is trusted about it: its length, its nesting and
//! what it calls are bounded before it is ever evaluated, and it has no loops, so that its value
//! takes time in proportion to its length. Whatever goes wrong with one, its rule doesn't count.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, SelectExpr, operators};
use cel::common::types::{CelBool, CelMap, CelMapKey, CelString, CelTimestamp, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::parser::Macro;
use cel::{Context, DeclarationError, Env, ExecutionError, ParseErrors, Value};
use chrono::DateTime;
use ipnet::IpNet;
use lru::LruCache;
use namespace_jwt_core::time::UnixTime;

/// The longest condition, in bytes.
pub const MAX_BYTES: usize = 1_000;

/// How deep a condition may be nested.
pub const MAX_NESTING: u8 = 32;

/// How many characters of a user agent conditions see, as on the platform.
const MAX_USER_AGENT: usize = 255;

/// How many different conditions an organization may have.
pub const MOST: u64 = 1_000;

/// How many conditions are kept ready to use: all that there may be.
const KEPT: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

/// The stack that conditions are parsed on, in bytes. The worst one takes less than 1 MB of it, or
/// 8 MB where the parser isn't optimized. What isn't used takes no memory.
const PARSER_STACK: usize = 64 * 1_024 * 1_024;

/// The last second that a timestamp can have: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// The variable that conditions have.
const REQUEST: &str = "request";

/// Its members.
const IP: &str = "ip";
const USER_AGENT: &str = "user_agent";
const TIME: &str = "time";

const IN_IP_RANGE: &str = "inIpRange";

/// What conditions may call. There are no regular expressions, which take more time than the rest by
/// orders, and nothing that makes a text of a number, which is longer than what is written.
const FUNCTIONS: [&str; 22] = [
    IN_IP_RANGE,
    "bool",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "int",
    "size",
    "startsWith",
    "timestamp",
    "uint",
];

/// The operators, by the parser's names of them.
const OPERATORS: [&str; 18] = [
    operators::ADD,
    operators::CONDITIONAL,
    operators::DIVIDE,
    operators::EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::IN,
    operators::INDEX,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::LOGICAL_AND,
    operators::LOGICAL_NOT,
    operators::LOGICAL_OR,
    operators::MODULO,
    operators::MULTIPLY,
    operators::NEGATE,
    operators::NOT_EQUALS,
    operators::SUBSTRACT,
];

/// The macros that are loops.
const LOOPS: [&str; 5] =
    [operators::ALL, operators::EXISTS, operators::EXISTS_ONE, operators::FILTER, operators::MAP];

/// What conditions know of a request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Where it comes from, `request.ip`. A command of the operator comes from nowhere: what a
    /// condition says of the address is then neither true nor false, which counts as false.
    pub address: Option<IpAddr>,
    /// What it says of its client, `request.user_agent`, of which conditions see 255 characters.
    pub user_agent: &'a str,
    /// When it came, `request.time`.
    pub time: UnixTime,
}

/// Why a text can't be a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionFault {
    /// It is longer than [`MAX_BYTES`].
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It isn't an expression of CEL.
    Syntax {
        /// The line of the first fault, from 1 on.
        line: usize,
        /// The column of the first fault, from 1 on.
        column: usize,
        /// What the parser says about it.
        message: String,
    },
    /// It is nested deeper than [`MAX_NESTING`].
    TooNested,
    /// It has a loop.
    Loop {
        /// The macro.
        name: String,
    },
    /// It has a variable that there isn't.
    UnknownVariable {
        /// The variable.
        name: String,
    },
    /// It calls a function that there isn't.
    UnknownFunction {
        /// The function.
        name: String,
    },
    /// It makes a message, of whose types there are none.
    UnknownType {
        /// The type.
        name: String,
    },
    /// It couldn't be parsed at this moment, which says nothing about it.
    NotParsed,
}

impl fmt::Display for ConditionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(f, "expected at most {MAX_BYTES} bytes, found {bytes}")
            }
            Self::Syntax { line, column, message } => {
                write!(f, "expected an expression of CEL; line {line}, column {column}: ")?;
                write!(f, "{}", Shown(message, 120))
            }
            Self::TooNested => {
                write!(f, "expected at most {MAX_NESTING} levels of nesting, found more")
            }
            Self::Loop { name } => {
                write!(f, "expected no loop, found `{}`", Shown(name, 40))
            }
            Self::UnknownVariable { name } => write!(
                f,
                "expected `{REQUEST}.{IP}`, `{REQUEST}.{USER_AGENT}` or `{REQUEST}.{TIME}`, found \
                 `{}`",
                Shown(name, 40)
            ),
            Self::UnknownFunction { name } => {
                let functions = FUNCTIONS.join(", ");
                write!(f, "expected one of has, {functions}; found `{}`", Shown(name, 40))
            }
            Self::UnknownType { name } => {
                write!(f, "expected no message, found one of type `{}`", Shown(name, 40))
            }
            Self::NotParsed => f.write_str("the condition can't be parsed now"),
        }
    }
}

impl std::error::Error for ConditionFault {}

/// A stranger's text, as a message shows it: in ASCII, and no longer than so many characters.
struct Shown<'a>(&'a str, usize);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, most) = *self;
        for character in text.chars().take(most) {
            let plain = character.is_ascii_graphic() || character == ' ';
            write!(f, "{}", if plain { character } else { '?' })?;
        }
        match text.chars().nth(most) {
            Some(_) => f.write_str("..."),
            None => Ok(()),
        }
    }
}

/// Checks a condition that is to be kept. The empty one is good: it is none.
///
/// # Errors
///
/// The first [`ConditionFault`] of it.
pub fn check(text: &str) -> Result<(), ConditionFault> {
    match text {
        "" => Ok(()),
        text => {
            let condition = parse_apart(text)?;
            // It is about to be kept, and to be evaluated.
            conditions().put(text.to_owned(), Some(Arc::new(condition)));
            Ok(())
        }
    }
}

/// Whether a condition is true of a request: the empty one always, one with a fault or without a
/// truth value never.
pub fn holds(text: &str, facts: &Facts<'_>) -> bool {
    value(text, facts) == Some(true)
}

/// The truth value of a condition, unless it can't be evaluated for a request or has none.
pub fn value(text: &str, facts: &Facts<'_>) -> Option<bool> {
    match text {
        "" => Some(true),
        text => evaluate(&*parsed(text)?, facts),
    }
}

type Conditions = LruCache<String, Option<Arc<IdedExpr>>>;

static CONDITIONS: LazyLock<Mutex<Conditions>> =
    LazyLock::new(|| Mutex::new(LruCache::sparse(KEPT)));

fn conditions() -> MutexGuard<'static, Conditions> {
    CONDITIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The condition of a text, unless it has a fault. Those in use are parsed once.
fn parsed(text: &str) -> Option<Arc<IdedExpr>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    if let Some(known) = conditions().get(text) {
        return known.clone();
    }
    let condition = match parse_apart(text) {
        Ok(condition) => Some(Arc::new(condition)),
        Err(ConditionFault::NotParsed) => return None,
        Err(_) => None,
    };
    conditions().put(text.to_owned(), condition.clone());
    condition
}

/// Parses and checks a condition on a stack that is large enough for any: the parser and the tree
/// that it makes recurse.
fn parse_apart(text: &str) -> Result<IdedExpr, ConditionFault> {
    if text.len() > MAX_BYTES {
        return Err(ConditionFault::TooLong { bytes: text.len() });
    }
    thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(PARSER_STACK);
        let parser = parser.spawn_scoped(scope, || parse(text));
        let condition = parser.map(|parser| parser.join());
        condition.ok().and_then(Result::ok).unwrap_or(Err(ConditionFault::NotParsed))
    })
}

fn parse(text: &str) -> Result<IdedExpr, ConditionFault> {
    let environment = ENVIRONMENT.as_ref().ok_or(ConditionFault::NotParsed)?;
    let parser = environment.parser().max_recursion_depth(MAX_NESTING.into());
    let condition = parser.parse(text).map_err(|errors| syntax(&errors))?;
    check_expression(&condition, MAX_NESTING)?;
    Ok(condition)
}

/// The parser's first error.
fn syntax(errors: &ParseErrors) -> ConditionFault {
    if errors.errors.iter().any(|error| error.msg.contains("Recursion limit")) {
        return ConditionFault::TooNested;
    }
    let Some(error) = errors.errors.first() else { return ConditionFault::NotParsed };
    let (line, column) = error.pos;
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    ConditionFault::Syntax {
        line: usize::try_from(line).unwrap_or_default(),
        column: usize::try_from(column).unwrap_or_default(),
        message: Shown(message, 120).to_string(),
    }
}

/// Checks a part of a condition that may have so many levels.
fn check_expression(expression: &IdedExpr, levels: u8) -> Result<(), ConditionFault> {
    let levels = levels.checked_sub(1).ok_or(ConditionFault::TooNested)?;
    match &expression.expr {
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if name == REQUEST => Ok(()),
        Expr::Ident(name) => Err(ConditionFault::UnknownVariable { name: name.clone() }),
        Expr::Select(select) => check_member(select, levels),
        Expr::Call(call) => check_call(call, levels),
        Expr::List(list) => list.elements.iter().try_for_each(|it| check_expression(it, levels)),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                check_expression(&entry.key, levels)?;
                check_expression(&entry.value, levels)
            }
            EntryExpr::StructField(_) => Err(ConditionFault::NotParsed),
        }),
        Expr::Struct(message) => {
            Err(ConditionFault::UnknownType { name: message.type_name.clone() })
        }
        // No macro makes a comprehension here, and what is unspecified has had an error.
        Expr::Comprehension(_) | Expr::Unspecified => Err(ConditionFault::NotParsed),
    }
}

fn check_member(select: &SelectExpr, levels: u8) -> Result<(), ConditionFault> {
    let known = [IP, USER_AGENT, TIME].contains(&select.field.as_str());
    match &select.operand.expr {
        Expr::Ident(name) if name == REQUEST && !known => {
            Err(ConditionFault::UnknownVariable { name: format!("{REQUEST}.{}", select.field) })
        }
        _ => check_expression(&select.operand, levels),
    }
}

fn check_call(call: &CallExpr, levels: u8) -> Result<(), ConditionFault> {
    let name = call.func_name.as_str();
    if LOOPS.contains(&name) {
        return Err(ConditionFault::Loop { name: name.to_owned() });
    }
    if !FUNCTIONS.contains(&name) && !OPERATORS.contains(&name) {
        return Err(ConditionFault::UnknownFunction { name: name.to_owned() });
    }
    call.target
        .iter()
        .map(|it| &**it)
        .chain(&call.args)
        .try_for_each(|it| check_expression(it, levels))
}

/// Evaluates a condition that has been checked.
fn evaluate(condition: &IdedExpr, facts: &Facts<'_>) -> Option<bool> {
    let mut context = Context::with_env(Arc::clone(ENVIRONMENT.as_ref()?));
    context.add_variable_as_val(REQUEST, Box::new(request(facts)));
    match Value::resolve(condition, &context) {
        Ok(Value::Bool(value)) => Some(value),
        _ => None,
    }
}

/// The variable of a request. What isn't known of the request is no member of it.
fn request<'a>(facts: &Facts<'a>) -> CelMap<'a> {
    let mut members: HashMap<CelMapKey<'a>, Box<dyn Val + 'a>> = HashMap::with_capacity(3);
    if let Some(address) = facts.address {
        let address = address.to_canonical().to_string();
        members.insert(IP.into(), Box::new(CelString::from(address)));
    }
    let end = facts.user_agent.char_indices().nth(MAX_USER_AGENT);
    let user_agent = end.and_then(|(end, _)| facts.user_agent.get(..end));
    let user_agent = user_agent.unwrap_or(facts.user_agent);
    members.insert(USER_AGENT.into(), Box::new(CelString::from(user_agent)));
    if let Some(time) = timestamp(facts.time) {
        members.insert(TIME.into(), Box::new(time));
    }
    CelMap::from(members)
}

fn timestamp(time: UnixTime) -> Option<CelTimestamp> {
    let since = time.since_epoch();
    // The library's arithmetic may count on it.
    let seconds = i64::try_from(since.as_secs()).ok().filter(|it| *it <= LAST_SECOND)?;
    let time = DateTime::from_timestamp(seconds, since.subsec_nanos())?;
    Some(CelTimestamp::from(time.fixed_offset()))
}

/// What conditions are parsed and evaluated with. There is always one: a test holds it.
static ENVIRONMENT: LazyLock<Option<Arc<Env>>> = LazyLock::new(|| environment().ok().map(Arc::new));

/// The functions of CEL, and the platform's. Of the macros `has` alone: the others are loops.
fn environment() -> Result<Env, DeclarationError> {
    let mut environment = Env::default().with_optional_support(false).with_stdlib();
    environment.add_macro(Macro::global(
        operators::HAS,
        1,
        |helper, _, arguments| match arguments.pop() {
            Some(IdedExpr { expr: Expr::Select(select), .. }) => {
                let test = SelectExpr { test: true, ..select };
                Ok(Some(helper.next_expr(Expr::Select(test))))
            }
            other => {
                let at = other.map_or(0, |other| other.id);
                Err(helper.new_error(at, "expected a member in has()"))
            }
        },
    ))?;
    let texts = vec![STRING_TYPE, STRING_TYPE];
    environment.add_overload(IN_IP_RANGE, "in_ip_range", texts, in_ip_range)?;
    Ok(environment)
}

/// Whether an address is in a range of them.
fn in_ip_range<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (address, range) = two_texts(IN_IP_RANGE, &arguments)?;
    match (address.parse::<IpAddr>(), range.parse::<IpNet>()) {
        (Ok(address), Ok(range)) => Ok(CowVal::owned(CelBool::from(range.contains(&address)))),
        _ => Err(ExecutionError::function_error(IN_IP_RANGE, "no address, or no range")),
    }
}

fn two_texts<'a>(
    function: &str,
    arguments: &'a [CowVal<'_, '_>],
) -> Result<(&'a str, &'a str), ExecutionError> {
    let text = |at: usize| arguments.get(at)?.downcast_ref::<CelString<'_>>();
    match (text(0), text(1)) {
        (Some(first), Some(second)) => Ok((first.inner(), second.inner())),
        _ => Err(ExecutionError::function_error(function, "expected two strings")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// 2026-11-29, a Sunday, 23:30:15.25.
    const NOW: UnixTime = UnixTime::new(Duration::from_millis(1_795_995_015_250));

    fn facts(user_agent: &str) -> Facts<'_> {
        Facts { address: Some(IpAddr::from([10, 0, 0, 1])), user_agent, time: NOW }
    }

    #[test]
    fn a_condition_is_true_or_false_of_a_request() {
        for (text, expected) in [
            ("", true),
            ("1 == 1", true),
            ("1 == 2", false),
            ("request.user_agent == 'terraform-test'", true),
            ("request.user_agent.contains(\"form-t\")", true),
            ("request.user_agent.endsWith('x') || size(request.user_agent) == 14", true),
            ("request['user_agent'] in ['a', 'terraform-test']", true),
            ("request.ip == '10.0.0.1'", true),
            ("request.ip != '10.0.0.1'", false),
            ("request.ip.startsWith('10.')", true),
            ("inIpRange(request.ip, '10.0.0.0/30')", true),
            ("inIpRange(request.ip, '10.0.1.0/24')", false),
            ("inIpRange(request.ip, '2001:db8::/32')", false),
            ("request.time < timestamp('2027-01-01T00:00:00Z')", true),
            ("request.time < timestamp('2026-11-29T23:30:15Z')", false),
            ("request.time - timestamp('2026-11-29T22:30:15Z') > duration('1h')", true),
            ("request.time.getHours() == 23 && request.time.getMinutes() == 30", true),
            ("request.time.getSeconds() == 15 && request.time.getMilliseconds() == 250", true),
            ("request.time.getDayOfWeek() == 0 && request.time.getDate() == 29", true),
            ("request.time.getDayOfWeek('Europe/Paris') == 1", true),
            ("request.time.getHours('Europe/Paris') == 0", true),
            ("request.time.getHours('+02:30') == 2", true),
            ("request.time.getFullYear() == 2026 && request.time.getMonth() == 10", true),
            ("request.time.getDayOfMonth() == 28 && request.time.getDayOfYear() == 332", true),
            ("has(request.ip) ? true : false", true),
            ("int('1') + int(1u) == 2 && uint(1) == 1u && double('1') == 1.0", true),
            ("bool('true') && dyn(1) == 1", true),
            ("-1 * 7 % 4 == -3 && 7 / 2 - 3 == 0 && !false && {'a': [1]}['a'][0] <= 1", true),
            ("2 >= 1 && 2 > 1", true),
            // It has no truth value.
            ("1", false),
            ("'true'", false),
            ("request.ip", false),
            ("request", false),
            // It has an error.
            ("1 / 0 == 1", false),
            ("!(1 / 0 == 1)", false),
            ("1 % 0 == 0 || 1 == 2", false),
            ("9223372036854775807 + 1 > 0", false),
            ("-9223372036854775808 / -1 > 0", false),
            ("-9223372036854775808 % -1 == 0", false),
            ("0u - 1u > 0u", false),
            ("int(1e300) > 0", false),
            ("[1][1] == 1", false),
            ("request.ip < 1", false),
            ("request.ip && true", false),
            ("request['x'] != 'y'", false),
            ("size(1) != 0", false),
            ("timestamp('yesterday') < request.time", false),
            ("request.time + duration('9e99h') != request.time", false),
            ("request.time.getHours('Nowhere') >= 0", false),
            ("!inIpRange(request.ip, '10.0.0.0/33')", false),
            ("!inIpRange('x', '10.0.0.0/8')", false),
            // An error isn't asked about where it makes no difference.
            ("1 == 1 || 1 / 0 == 1", true),
            ("1 / 0 == 1 || 1 == 1", true),
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
            assert_eq!(holds(text, &facts("terraform-test")), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_of_a_request_makes_nothing_true() {
        let operator = Facts { address: None, ..facts("") };
        let late = Facts { time: UnixTime::from_secs(253_402_300_800), ..facts("") };
        let late_address = UnixTime::from_secs(u64::MAX);
        for (text, facts) in [
            ("request.ip == ''", operator),
            ("request.ip != '10.0.0.1'", operator),
            ("!(request.ip == '10.0.0.1')", operator),
            ("!inIpRange(request.ip, '10.0.0.0/8')", operator),
            ("has(request.ip)", operator),
            ("request.time > timestamp(0)", late),
            ("request.time != timestamp(0)", Facts { time: late_address, ..late }),
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
            assert!(!holds(text, &facts), "{text}");
        }
        assert!(holds("!has(request.ip)", &operator));
        let last = Facts { time: UnixTime::from_secs(253_402_300_799), ..facts("") };
        assert!(holds("request.time.getFullYear('+23:59') == 10000", &last));
    }

    #[test]
    fn an_address_has_one_form_and_a_user_agent_255_characters() {
        let mapped = "::ffff:10.0.0.1".parse().ok();
        assert!(holds("request.ip == '10.0.0.1'", &Facts { address: mapped, ..facts("") }));
        let long = "é".repeat(300);
        assert!(holds("size(request.user_agent) == 255", &facts(&long)));
        assert!(holds("size(request.user_agent) == 255", &facts(&"é".repeat(255))));
    }

    #[test]
    fn a_fault_says_what_was_expected_and_what_was_found() {
        let unknown = |name: &str| ConditionFault::UnknownVariable { name: name.to_owned() };
        let function = |name: &str| ConditionFault::UnknownFunction { name: name.to_owned() };
        let a_loop = |name: &str| ConditionFault::Loop { name: name.to_owned() };
        let deep = format!("{}1{}", "[".repeat(32), "]".repeat(32));
        for (text, fault, message) in [
            ("x == 1", unknown("x"), "`request.time`, found `x`"),
            ("request.foo == 1", unknown("request.foo"), "found `request.foo`"),
            (".request.ip == ''", unknown(".request"), "found `.request`"),
            ("string == string", unknown("string"), "found `string`"),
            ("foo(1)", function("foo"), "expected one of has, inIpRange, bool"),
            ("string(5e-324)", function("string"), "found `string`"),
            ("bytes('')", function("bytes"), "found `bytes`"),
            ("''.matches('a*')", function("matches"), "found `matches`"),
            ("request.ip.foo()", function("foo"), "found `foo`"),
            (".size('')", function(".size"), "found `.size`"),
            ("optional.none()", function("none"), "found `none`"),
            ("type(1)", function("type"), "found `type`"),
            ("[1].all(x, x > 0)", a_loop("all"), "expected no loop, found `all`"),
            ("[1].exists(x, x > 0)", a_loop("exists"), "found `exists`"),
            ("[1].exists_one(x, x > 0)", a_loop("exists_one"), "found `exists_one`"),
            ("[1].map(x, x) == []", a_loop("map"), "found `map`"),
            ("[1].filter(x, true)[0]", a_loop("filter"), "found `filter`"),
            (
                "A{a: 1}",
                ConditionFault::UnknownType { name: "A".to_owned() },
                "expected no message, found one of type `A`",
            ),
            (&deep, ConditionFault::TooNested, "expected at most 32 levels of nesting"),
            (
                &"x".repeat(1_001),
                ConditionFault::TooLong { bytes: 1_001 },
                "expected at most 1000 bytes, found 1001",
            ),
        ] {
            let found = check(text).unwrap_err();
            assert_eq!(found, fault, "{text}");
            assert!(found.to_string().contains(message), "{found}");
            assert!(!holds(text, &facts("")), "{text}");
        }
        for (text, at) in
            [("1 ==", (1, 5)), ("true &&\n  )", (2, 3)), ("a b", (1, 3)), (" ", (1, 2))]
        {
            let found = check(text).unwrap_err();
            let ConditionFault::Syntax { line, column, .. } = found else { panic!("{found}") };
            assert_eq!((line, column), at, "{text}: {found}");
            assert!(found.to_string().starts_with("expected an expression of CEL; line "));
            assert!(!holds(text, &facts("")), "{text}");
        }
        for text in ["has(1)", "has(request)", "request.?ip", "[?1]", "'\u{1b}", "`a`", "a.`b`"] {
            let found = check(text).unwrap_err();
            assert!(matches!(found, ConditionFault::Syntax { .. }), "{text}: {found:?}");
            assert!(!found.to_string().contains('\u{1b}'), "{found}");
        }
    }

    /// `middle`, within so many of `open` and `close`, or as many as there is room for.
    fn filled(open: &str, middle: &str, close: &str, most: usize) -> String {
        let levels = (MAX_BYTES - middle.len()) / (open.len() + close.len()).max(1);
        let levels = levels.min(most);
        format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
    }

    const NESTED: [(&str, &str, &str); 36] = [
        ("(", "1", ")"),
        ("!", "true", ""),
        ("-", "1", ""),
        ("!(-", "1", ")"),
        ("-(", "1", ")"),
        ("[", "1", "]"),
        ("[-1, ", "1", "]"),
        ("{1: ", "1", "}"),
        ("{", "1", ": 1}"),
        ("true ? 1 : ", "1", ""),
        ("true ? ", "1", " : 1"),
        ("", "true", " ? 1 : 1"),
        ("(true ? ", "1", " : 1)"),
        ("request.", "ip", ""),
        ("", "request", ".ip"),
        ("", "request", ".f()"),
        ("", "[1]", "[0]"),
        ("[1][", "0", "]"),
        ("size(", "1", ")"),
        ("''.size(", "1", ")"),
        ("has(", "request.ip", ")"),
        ("[1].all(x, ", "true", ")"),
        ("A{a: ", "1", "}"),
        ("1 + ", "1", ""),
        ("", "1", "+1"),
        ("1 == ", "1", ""),
        ("true && ", "true", ""),
        ("true && (false || ", "true", ")"),
        ("1 in ", "[1]", ""),
        ("(", "", ""),
        ("[", "", ""),
        ("{", "", ""),
        ("{1:", "", ""),
        ("size(", "", ""),
        ("true ?", "", ""),
        ("", "", ")"),
    ];

    #[test]
    fn no_nesting_is_too_deep_for_the_parser_or_the_evaluation() {
        let small = thread::Builder::new().stack_size(256 * 1_024);
        let all = small.spawn(|| {
            for (open, middle, close) in NESTED {
                for most in [MAX_BYTES, 32, 31, 30, 8] {
                    let text = filled(open, middle, close, most);
                    assert!(text.len() <= MAX_BYTES);
                    let held = holds(&text, &facts(""));
                    assert!(!held || check(&text).is_ok(), "{text}");
                }
            }
        });
        all.unwrap().join().unwrap();
    }

    #[test]
    fn nesting_is_bounded_at_32_levels() {
        for (open, middle, close, good) in [
            ("[", "1", "]", 31),
            ("-(", "1", ")", 31),
            ("1+", "1", "", 31),
            ("true?1:", "1", "", 31),
            ("(", "1", ")", 32),
        ] {
            let deep = |levels| check(&filled(open, middle, close, levels));
            assert_eq!(deep(good), Ok(()), "{open}");
            assert_eq!(deep(good + 1), Err(ConditionFault::TooNested), "{open}");
        }
        // The parser makes balanced trees of these.
        assert!(holds(&filled("true && ", "true", "", 120), &facts("")));
        assert!(holds(&filled("false || ", "true", "", 109), &facts("")));
    }

    #[test]
    fn no_condition_takes_long() {
        let user_agent = "a".repeat(300);
        let sum = format!("({0}+{0}+{0})+({0}+{0}+{0})", "request.user_agent");
        for text in [
            format!("({sum}).contains({sum} + 'b')"),
            format!("({sum}) + ({sum}) == ({sum}) + ({sum}) && ({sum}) < ({sum})"),
            format!("[{}] == [1]", ["1e308"; 160].join(",")),
            format!("{{{}}} == {{}}", ["1:[]"; 120].join(",")),
            format!("'x' in [{}]", ["[[[[]]]]"; 100].join(",")),
            filled("[", "request.user_agent", "]", 30) + " == []",
            filled("(", "request.user_agent", "+ request.user_agent)", 30) + ".contains('b')",
        ] {
            assert!(text.len() <= MAX_BYTES);
            let started = Instant::now();
            holds(&text, &facts(&user_agent));
            let took = started.elapsed();
            assert!(took < Duration::from_secs(5), "{text}: {took:?}");
        }
    }

    const TOKENS: [&str; 64] = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        " ? ",
        ":",
        ".",
        ",",
        "==",
        "!=",
        "<",
        ">=",
        " in ",
        " && ",
        " || ",
        "'a'",
        "\"10.0.0.0/8\"",
        "b'\\xff'",
        "r'\\d'",
        "'''",
        "'",
        "\\",
        "`",
        "1",
        "0",
        "-9223372036854775808",
        "9223372036854775807",
        "18446744073709551615u",
        "1e308",
        "0.0",
        "true",
        "null",
        "request",
        "request.ip",
        "request.user_agent",
        "request.time",
        "size(",
        "string(",
        "int(",
        "uint(",
        "double(",
        "bytes(",
        "has(",
        "inIpRange(",
        ".matches('a*')",
        ".startsWith(",
        ".contains('a')",
        "timestamp('2026-01-01T00:00:00Z')",
        "duration('2562047h')",
        ".getHours('Europe/Paris')",
        ".getDayOfYear()",
        ".all(x, x)",
        "x",
        " ",
        "\n//",
        "é",
    ];

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_with_a_fault_is_true(
            tokens in prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..80),
            user_agent in ".{0,300}",
            seconds in any::<u64>(),
        ) {
            let text: String = tokens.concat().chars().take(1_000).collect();
            let address = (seconds % 2 == 0).then(|| IpAddr::from([10, 0, 0, 1]));
            let time = UnixTime::from_secs(seconds >> (seconds % 64));
            let facts = Facts { address, user_agent: &user_agent, time };
            let held = holds(&text, &facts);
            prop_assert_eq!(held, holds(&text, &facts));
            prop_assert!(!held || check(&text).is_ok(), "{}", text);
        }
    }
}
