//! Conditions that are checked, evaluated, and refused.

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
    for (text, at) in [("1 ==", (1, 5)), ("true &&\n  )", (2, 3)), ("a b", (1, 3)), (" ", (1, 2))] {
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
