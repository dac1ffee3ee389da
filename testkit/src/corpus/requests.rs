//! Requests: where a token stands, how often, and what stands in its place.

use serde_json::json;

use super::{Bench, Carried, Case};

pub fn cases(bench: &Bench) -> Vec<Case> {
    [
        headers(bench),
        several(bench),
        authorization(bench),
        authorization_beside(bench),
        cookies(bench),
        preflights(bench),
        public(bench),
        unjudged(bench),
    ]
    .concat()
}

type Headers<'a> = Vec<(&'a str, &'a str)>;

fn case(name: &str, trick: &str, headers: Headers<'_>, expected: &'static str) -> Case {
    let headers = headers.into_iter().map(|(name, value)| (name, value.as_bytes().to_vec()));
    Case::new(&format!("requests/{name}"), trick, headers.collect(), expected)
}

fn headers(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let t = token.as_str();
    let mut cases = vec![
        case("no-header", "no token header", vec![], "missing_token"),
        case("empty-header", "an empty value is no token", vec![("x-auth-token", "")], "missing_token"),
        case("empty-headers", "three empty values are no token", vec![("x-auth-token", ""), ("scw-functions-token", ""), ("scw_functions_token", "")], "missing_token"),
        case("spaces", "a value of spaces: HTTP takes them away, and nothing is left", vec![("x-auth-token", "   ")], "malformed_token")
            .over_http1(Carried::Altered("missing_token")),
        case("empty-and-good", "an empty value beside a token", vec![("x-auth-token", ""), ("scw-functions-token", t)], "allowed"),
        case("other-headers-only", "a good token where nobody looks", vec![("x-other", t), ("cookie", t), ("x-forwarded-authorization", t)], "missing_token"),
    ];
    for name in ["x-auth-token", "X-Auth-Token", "X-AUTH-TOKEN", "scw-functions-token", "SCW-Functions-Token", "scw_functions_token", "SCW_FUNCTIONS_TOKEN"] {
        cases.push(case(&format!("in-{name}"), "a header name in some case", vec![(name, t)], "allowed"));
    }
    for name in ["x_auth_token", "x-auth_token", "x-auth-tokens", "xx-auth-token", "x-auth", "scw-functions_token", "scw_functions-token", "scwfunctionstoken", "authorization", "proxy-authorization", "x-auth-token.", "cookie"] {
        cases.push(case(&format!("in-{name}"), "a name that is nearly right is another name", vec![(name, t)], "missing_token"));
    }
    cases
}

fn several(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let t = token.as_str();
    let too = bench.token_with(json!({"sub": "too"}));
    let u = too.as_str();
    let strangers = bench.stranger.token(&bench.claims());
    let x = strangers.as_str();
    // The same token, spelt otherwise: its signature with a byte after it.
    let longer = format!("{t}A");
    let mut cases = Vec::new();
    for (name, headers, expected) in [
        ("twice-the-same", vec![("x-auth-token", t), ("x-auth-token", t)], "allowed"),
        ("twice-good-first", vec![("x-auth-token", t), ("x-auth-token", x)], "multiple_tokens"),
        ("twice-good-last", vec![("x-auth-token", x), ("x-auth-token", t)], "multiple_tokens"),
        ("twice-both-good", vec![("x-auth-token", t), ("x-auth-token", u)], "multiple_tokens"),
        ("twice-junk-last", vec![("x-auth-token", t), ("x-auth-token", "junk")], "multiple_tokens"),
        ("twice-longer", vec![("x-auth-token", t), ("x-auth-token", &longer)], "multiple_tokens"),
        ("twice-and-empty", vec![("x-auth-token", ""), ("x-auth-token", t), ("x-auth-token", "")], "allowed"),
        ("names-in-two-cases", vec![("x-auth-token", t), ("X-Auth-Token", x)], "multiple_tokens"),
        ("two-headers-the-same", vec![("x-auth-token", t), ("scw-functions-token", t)], "allowed"),
        ("two-headers-good-first", vec![("x-auth-token", t), ("scw-functions-token", x)], "multiple_tokens"),
        ("two-headers-good-last", vec![("x-auth-token", x), ("scw_functions_token", t)], "multiple_tokens"),
        ("hyphens-and-underscores", vec![("scw-functions-token", t), ("scw_functions_token", x)], "multiple_tokens"),
        ("three-headers-the-same", vec![("x-auth-token", t), ("scw-functions-token", t), ("scw_functions_token", t)], "allowed"),
        ("three-headers-one-other", vec![("x-auth-token", t), ("scw-functions-token", t), ("scw_functions_token", u)], "multiple_tokens"),
        ("good-bad-good", vec![("x-auth-token", t), ("x-auth-token", x), ("x-auth-token", t)], "multiple_tokens"),
        ("among-others", vec![("accept", "*/*"), ("x-auth-token", t), ("cookie", "a=b")], "allowed"),
    ] {
        cases.push(case(&format!("several-{name}"), "tokens beside each other: all the same bytes, or refused", headers, expected));
    }
    cases.push(case("several-ninety-the-same", "one header ninety times", vec![("x-auth-token", "AA.AA.AA"); 90], "malformed_token"));
    let short = ["a", "b"].map(|end| format!("AA.AA.{end}"));
    let ninety = (0..90).map(|n| ("x-auth-token", short[n % 2].as_str())).collect();
    cases.push(case("several-ninety-in-turns", "one header ninety times, two values", ninety, "multiple_tokens"));
    let filler = |first: Headers<'static>, rest: usize| -> Case {
        let mut it = case("", "", first, "allowed");
        for n in 0..rest {
            it.headers.push((format!("x-filler-{n}"), b"x".to_vec()));
        }
        it
    };
    for (name, count, carried) in [("ninety-headers", 90, Carried::Whole), ("two-hundred-headers", 200, Carried::Refused)] {
        let mut it = filler(vec![], count);
        it.headers.insert(count / 2, ("x-auth-token".to_owned(), token.clone().into_bytes()));
        it.name = format!("requests/several-{name}");
        it.trick = "a token among many headers; past a hundred, Envoy refuses by default".to_owned();
        cases.push(it.over_http(carried));
    }
    cases
}

fn authorization(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let t = token.as_str();
    let other = bench.stranger.token(&bench.claims());
    let mut cases = Vec::new();
    for (name, value, expected) in [
        ("good", format!("Bearer {t}"), "allowed"),
        ("lower-case", format!("bearer {t}"), "allowed"),
        ("capitals", format!("BEARER {t}"), "allowed"),
        ("mixed-case", format!("bEaReR {t}"), "allowed"),
        ("many-spaces", format!("Bearer     {t}"), "allowed"),
        ("tab", format!("Bearer\t{t}"), "malformed_token"),
        ("tab-and-space", format!("Bearer\t {t}"), "malformed_token"),
        ("space-and-tab", format!("Bearer \t{t}"), "malformed_token"),
        ("no-space", format!("Bearer{t}"), "missing_token"),
        ("colon", format!("Bearer: {t}"), "missing_token"),
        ("equals", format!("Bearer={t}"), "missing_token"),
        ("bare", t.to_owned(), "missing_token"),
        ("scheme-alone", "Bearer".to_owned(), "missing_token"),
        ("empty", String::new(), "missing_token"),
        ("basic", format!("Basic {t}"), "missing_token"),
        ("token-scheme", format!("Token {t}"), "missing_token"),
        ("bearer-later", format!("Basic Bearer {t}"), "missing_token"),
        ("bearer-twice", format!("Bearer Bearer {t}"), "malformed_token"),
        ("cyrillic-scheme", format!("Вearer {t}"), "missing_token"),
        ("no-break-space", format!("Bearer\u{a0}{t}"), "malformed_token"),
        ("wide-space", format!("Bearer\u{3000}{t}"), "malformed_token"),
        ("quoted-whole", format!("\"Bearer {t}\""), "missing_token"),
        ("after-comma", format!(",Bearer {t}"), "missing_token"),
        ("quoted", format!("Bearer \"{t}\""), "malformed_token"),
        ("parameter", format!("Bearer token={t}"), "malformed_token"),
        ("trailing-parameter", format!("Bearer {t}, realm=x"), "malformed_token"),
        ("trailing-comma", format!("Bearer {t},"), "malformed_token"),
        ("two-tokens-spaced", format!("Bearer {t} {t}"), "malformed_token"),
        ("joined-the-same", format!("Bearer {t},Bearer {t}"), "allowed"),
        ("joined-the-same-spaced", format!("Bearer {t}, bearer {t}"), "allowed"),
        ("joined-good-first", format!("Bearer {t},Bearer {other}"), "multiple_tokens"),
        ("joined-good-last", format!("Bearer {other},Bearer {t}"), "multiple_tokens"),
        ("joined-with-basic", format!("Bearer {t},Basic eDp5"), "malformed_token"),
        ("joined-after-basic", format!("Basic eDp5,Bearer {t}"), "missing_token"),
        ("joined-without-scheme", format!("Bearer {t},{t}"), "malformed_token"),
    ] {
        cases.push(
            case(&format!("authorization-{name}"), "RFC 6750 §2.1: the scheme, in any case, then spaces, then one token", vec![("authorization", &value)], expected)
                .under("authorization"),
        );
    }
    let bearer = format!("Bearer {t}");
    let bearer_other = format!("Bearer {other}");
    for (name, headers, expected) in [
        ("twice-the-same", vec![("authorization", bearer.as_str()), ("authorization", bearer.as_str())], "allowed"),
        ("twice-good-first", vec![("authorization", bearer.as_str()), ("authorization", bearer_other.as_str())], "multiple_tokens"),
        ("twice-good-last", vec![("authorization", bearer_other.as_str()), ("authorization", bearer.as_str())], "multiple_tokens"),
        ("beside-the-same", vec![("authorization", bearer.as_str()), ("x-auth-token", t)], "allowed"),
        ("beside-another", vec![("authorization", bearer_other.as_str()), ("x-auth-token", t)], "multiple_tokens"),
        ("basic-beside-good", vec![("authorization", "Basic eDp5"), ("x-auth-token", t)], "allowed"),
        ("bearer-in-the-other-header", vec![("x-auth-token", bearer.as_str())], "malformed_token"),
    ] {
        cases.push(case(&format!("both-headers-{name}"), "authorization beside a plain token header", headers, expected).under("both-headers"));
    }
    // Envoy joins lines of this header with a comma before any filter sees them.
    cases.push(
        case("both-headers-bearer-and-basic-lines", "two lines with different schemes: alone each has its meaning; joined by Envoy they are one that has none", vec![("authorization", &bearer), ("authorization", "Basic eDp5")], "allowed")
            .under("both-headers")
            .over_http(Carried::Altered("malformed_token")),
    );
    let bytes: [(&str, Vec<u8>, &str); 6] = [
        ("latin1-no-break-space", [b"Bearer\xa0", t.as_bytes()].concat(), "malformed_token"),
        ("latin1-next-line", [b"Bearer\x85", t.as_bytes()].concat(), "malformed_token"),
        ("not-utf8-scheme", [b"\xff\xfe ", t.as_bytes()].concat(), "missing_token"),
        ("not-utf8-token", b"Bearer \xff\xfe".to_vec(), "malformed_token"),
        ("not-utf8-after", [b"Bearer ", t.as_bytes(), b"\xff"].concat(), "malformed_token"),
        ("six-bytes", b"\xff\xff\xff\xff\xff\xff".to_vec(), "missing_token"),
    ];
    for (name, value, expected) in bytes {
        cases.push(
            Case::new(&format!("requests/authorization-{name}"), "bytes that are no text", vec![("authorization", value)], expected)
                .under("authorization"),
        );
    }
    cases
}

/// What a lenient application would take for another token, beside a good one: it splits at
/// white space or commas, takes the last word, or searches for the scheme.
fn authorization_beside(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let t = token.as_str();
    let forged = bench.stranger.token(&bench.claims());
    let f = forged.as_str();
    let mut cases = Vec::new();
    for (name, value, expected) in [
        ("tab", format!("Bearer\t{f}"), "multiple_tokens"),
        ("tab-and-the-same", format!("Bearer\t{t}"), "multiple_tokens"),
        ("no-break-space", format!("Bearer\u{a0}{f}"), "multiple_tokens"),
        ("wide-space-before", format!("\u{3000}Bearer {f}"), "multiple_tokens"),
        ("comma", format!(",Bearer {f}"), "multiple_tokens"),
        ("comma-and-space", format!(" , bearer {f}"), "multiple_tokens"),
        ("quoted", format!("\"Bearer {f}\""), "multiple_tokens"),
        ("single-quoted", format!("'Bearer {f}'"), "multiple_tokens"),
        ("quoted-scheme", format!("\"Bearer\" {f}"), "multiple_tokens"),
        ("bracketed", format!("(Bearer {f})"), "multiple_tokens"),
        ("after-basic", format!("Basic eDp5,Bearer {f}"), "multiple_tokens"),
        ("after-basic-spaced", format!("Basic eDp5, BEARER {f}"), "multiple_tokens"),
        ("behind-basic", format!("Basic eDp5 Bearer {f}"), "multiple_tokens"),
        ("instead-of-basics", format!("Basic Bearer {f}"), "multiple_tokens"),
        ("behind-a-tab", format!("Basic\tBearer\t{f}"), "multiple_tokens"),
        ("in-a-parameter", format!("Digest realm=\"Bearer {f}\", nonce=\"n\""), "multiple_tokens"),
        ("end-of-a-word", format!("XBearer {f}"), "multiple_tokens"),
        ("colon", format!("Bearer: {f}"), "multiple_tokens"),
        ("colon-only", format!("Bearer:{f}"), "multiple_tokens"),
        ("equals", format!("Bearer={f}"), "multiple_tokens"),
        ("no-space", format!("Bearer{f}"), "multiple_tokens"),
        ("the-same-and-more", format!("Basic eDp5,Bearer {t},{f}"), "multiple_tokens"),
        ("the-same-and-another", format!("Basic eDp5,Bearer {t},Bearer {f}"), "multiple_tokens"),
        ("the-same-and-a-word", format!("Bearer {t} {f}"), "multiple_tokens"),
        ("the-same-after-basic", format!("Basic eDp5,Bearer {t}"), "allowed"),
        ("scheme-alone", "Bearer".to_owned(), "allowed"),
        ("basic", "Basic QmVhcmVyIHg=".to_owned(), "allowed"),
        ("bearer-inside-basics", "Basic xBearerx".to_owned(), "allowed"),
        ("another-scheme", format!("Token {f}"), "allowed"),
    ] {
        for (place, headers) in [
            ("header", vec![("x-auth-token", t), ("authorization", &value)]),
            ("cookie", vec![("cookie", &*format!("session={t}")), ("authorization", &value)]),
        ] {
            cases.push(
                case(&format!("beside-{place}-{name}"), "another token in `authorization`, as a lenient application may find it", headers, expected)
                    .under("cookies"),
            );
        }
    }
    let two_lines = |first: &str, second: &str| vec![("x-auth-token", t.as_bytes().to_vec()), ("authorization", first.into()), ("authorization", second.into())];
    for (name, first, second) in [
        ("basic-first", "Basic eDp5".to_owned(), format!("Bearer {f}")),
        ("bearer-first", format!("Bearer {f}"), "Basic eDp5".to_owned()),
        ("the-same-first", format!("Bearer {t}"), format!("Basic x Bearer {f}")),
        ("quotation-mark-first", "\"".to_owned(), format!("Bearer {f}")),
    ] {
        cases.push(
            Case::new(&format!("requests/beside-lines-{name}"), "two lines of `authorization` beside a good token, joined or not", two_lines(&first, &second), "multiple_tokens")
                .under("cookies"),
        );
    }
    cases
}

fn cookies(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let t = token.as_str();
    let forged = bench.stranger.token(&bench.claims());
    let f = forged.as_str();
    let mut cases = Vec::new();
    for (name, value, expected) in [
        ("alone", format!("session={t}"), "allowed"),
        ("by-its-other-name", format!("x-auth-token={t}"), "allowed"),
        ("among-others", format!("a=b; session={t}; c=d"), "allowed"),
        ("no-spaces", format!("a=b;session={t};c=d"), "allowed"),
        ("many-spaces", format!("a=b ;\t session \t=  {t}\t; c=d"), "allowed"),
        ("quoted", format!("session=\"{t}\""), "allowed"),
        ("half-quoted", format!("session=\"{t}"), "malformed_token"),
        ("spaces-in-quotes", format!("session=\" {t}\""), "malformed_token"),
        ("no-break-space", format!("session=\u{a0}{t}"), "malformed_token"),
        ("percent", format!("session=%65{}", &t[1..]), "malformed_token"),
        ("bearer", format!("session=Bearer {t}"), "malformed_token"),
        ("comma", format!("session={t},a=b"), "malformed_token"),
        ("twice-the-same", format!("session={t}; session={t}"), "allowed"),
        ("both-the-same", format!("session={t}; x-auth-token={t}"), "allowed"),
        ("twice-good-first", format!("session={t}; session={f}"), "multiple_tokens"),
        ("twice-good-last", format!("session={f}; session={t}"), "multiple_tokens"),
        ("both-good-first", format!("session={t}; x-auth-token={f}"), "multiple_tokens"),
        ("name-in-no-break-spaces", format!("session={t}; \u{a0}session\u{a0}={f}"), "multiple_tokens"),
        ("in-another's-quotes", format!("session={t}; a=\"; session={f}\""), "multiple_tokens"),
        ("and-empty", format!("session=; session={t}; x-auth-token=\"\""), "allowed"),
        ("empty", "session=".to_owned(), "missing_token"),
        ("empty-quotes", "session=\"\"".to_owned(), "missing_token"),
        ("no-value", "session".to_owned(), "missing_token"),
        ("no-name", format!("={t}; {t}"), "missing_token"),
        ("capitals", format!("Session={t}"), "missing_token"),
        ("longer-name", format!("session2={t}; asession={t}; a.session={t}"), "missing_token"),
        ("in-another's-value", format!("a=session={t}"), "missing_token"),
        ("bad-signature", format!("session={f}"), "bad_signature"),
        ("junk", "session=junk".to_owned(), "malformed_token"),
    ] {
        cases.push(case(&format!("cookie-{name}"), "pairs between semicolons; names byte for byte; several tokens are all the same bytes, or refused", vec![("cookie", &value)], expected).under("cookies"));
    }
    let session = |token: &str| format!("a=b; session={token}");
    let (good, bad) = (session(t), session(f));
    let bearer = format!("Bearer {t}");
    for (name, headers, expected) in [
        ("two-lines-the-same", vec![("cookie", &*good), ("cookie", &*good)], "allowed"),
        ("two-lines-good-first", vec![("cookie", &*good), ("cookie", &*bad)], "multiple_tokens"),
        ("two-lines-good-last", vec![("Cookie", &*bad), ("cookie", &*good)], "multiple_tokens"),
        ("two-lines-one-token", vec![("cookie", "a=b"), ("cookie", &*good)], "allowed"),
        ("beside-the-same", vec![("x-auth-token", t), ("cookie", &*good), ("authorization", &*bearer)], "allowed"),
        ("beside-another", vec![("x-auth-token", t), ("cookie", &*bad)], "multiple_tokens"),
        ("beside-another-bearer", vec![("cookie", &*bad), ("authorization", &*bearer)], "multiple_tokens"),
        ("beside-an-empty-header", vec![("x-auth-token", ""), ("cookie", &*good)], "allowed"),
    ] {
        cases.push(case(&format!("cookie-{name}"), "cookies over several lines, and beside headers", headers, expected).under("cookies"));
    }
    cases
}

fn preflights(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let asked: Headers<'_> = vec![("origin", "https://a.test"), ("access-control-request-method", "PUT")];
    let with = |more: Headers<'static>| [asked.clone(), more].concat();
    let mut cases = Vec::new();
    for (name, method, headers, expected) in [
        ("real", "OPTIONS", with(vec![("access-control-request-headers", "x-auth-token")]), "preflight"),
        ("least", "OPTIONS", asked.clone(), "preflight"),
        ("null-origin", "OPTIONS", vec![("origin", "null"), asked[1]], "preflight"),
        ("junk-token", "OPTIONS", with(vec![("x-auth-token", "junk")]), "preflight"),
        ("two-tokens", "OPTIONS", with(vec![("x-auth-token", "a"), ("x-auth-token", "b")]), "preflight"),
        ("no-origin", "OPTIONS", vec![asked[1]], "missing_token"),
        ("empty-origin", "OPTIONS", vec![("origin", ""), asked[1]], "missing_token"),
        ("no-asked-method", "OPTIONS", vec![asked[0]], "missing_token"),
        ("empty-asked-method", "OPTIONS", vec![asked[0], ("access-control-request-method", "")], "missing_token"),
        ("asked-headers-only", "OPTIONS", vec![asked[0], ("access-control-request-headers", "x")], "missing_token"),
        ("nothing", "OPTIONS", vec![], "missing_token"),
        ("get", "GET", asked.clone(), "missing_token"),
        ("post", "POST", asked.clone(), "missing_token"),
        ("overridden", "POST", with(vec![("x-http-method-override", "OPTIONS")]), "missing_token"),
        ("get-junk", "GET", with(vec![("x-auth-token", "junk")]), "malformed_token"),
    ] {
        cases.push(case(&format!("preflight-{name}"), "only a browser's own question needs no token", headers, expected).method(method).under("preflight"));
    }
    cases.push(case("preflight-off", "off unless it is configured", asked.clone(), "missing_token").method("OPTIONS"));
    cases.push(case("preflight-off-with-token", "a token is a token", [asked.clone(), vec![("x-auth-token", &token)]].concat(), "allowed").method("OPTIONS"));
    cases.push(case("preflight-public", "a public application is public first", asked, "public").method("OPTIONS").under("public-preflight"));
    cases
}

/// What has nothing to do with the token decides before it.
fn unjudged(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let why = "what a request brings doesn't matter where nothing is known of where it goes";
    let mut cases = Vec::new();
    for (configuration, expected) in
        [("route", "unprotected_route"), ("trust", "trust_unavailable")]
    {
        for (name, headers) in [
            ("nothing", vec![]),
            ("good", vec![("x-auth-token", token.as_bytes().to_vec())]),
            ("junk", vec![("x-auth-token", b"junk".to_vec())]),
        ] {
            let name = format!("requests/{configuration}-{name}");
            cases.push(Case::new(&name, why, headers, expected).under(configuration));
        }
    }
    cases
}

fn public(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let bytes: Vec<u8> = (0x80..=0xff).collect();
    [
        ("nothing", vec![]),
        ("good", vec![("x-auth-token", token.as_bytes().to_vec())]),
        ("junk", vec![("x-auth-token", b"junk".to_vec())]),
        ("not-utf8", vec![("x-auth-token", bytes)]),
        ("two", vec![("x-auth-token", b"a".to_vec()), ("x-auth-token", b"b".to_vec())]),
        ("oversized", vec![("x-auth-token", vec![b'A'; 20_000])]),
    ]
    .into_iter()
    .map(|(name, headers)| {
        Case::new(&format!("requests/public-{name}"), "a public application lets everybody in, whatever they bring", headers, "public")
            .under("public")
    })
    .collect()
}
