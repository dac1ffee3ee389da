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
mod tests;
