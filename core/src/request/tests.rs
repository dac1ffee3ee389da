use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn find<'a>(names: &[&str], headers: &[(&'a str, &'a str)]) -> Presented<'a> {
    let names: Vec<_> = names.iter().map(|name| TokenHeader::new(name).unwrap()).collect();
    Presented::find(
        &names,
        &[],
        headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
    )
}

const NAMES: [&str; 3] = ["x-auth-token", "SCW-Functions-Token", "authorization"];

#[test]
fn a_token_is_found_in_any_of_the_headers() {
    let token = Presented::Token(b"T");
    for (headers, expected) in [
        (vec![], Presented::Nothing),
        (vec![("x-other", "T")], Presented::Nothing),
        (vec![("x-auth-token", "T")], token),
        (vec![("X-Auth-Token", "T")], token),
        (vec![("scw-functions-token", "T")], token),
        (vec![("authorization", "Bearer T")], token),
        (vec![("x-auth-token", "")], Presented::Nothing),
        (vec![("x-auth-token", ""), ("scw-functions-token", "T")], token),
        (vec![("x-auth-token", "T"), ("scw-functions-token", "")], token),
        (vec![("x-auth-token", "T"), ("x-auth-token", "T")], token),
        (vec![("x-auth-token", "T"), ("authorization", "Bearer T")], token),
        (vec![("x-auth-token", "T"), ("x-auth-token", "U")], Presented::Several),
        (vec![("x-auth-token", "U"), ("x-other", ""), ("x-auth-token", "T")], Presented::Several),
        (vec![("x-auth-token", "T"), ("scw-functions-token", "U")], Presented::Several),
        (
            vec![("x-auth-token", "T"), ("x-auth-token", "U"), ("x-auth-token", "T")],
            Presented::Several,
        ),
        (vec![("x-auth-token", "T,T")], Presented::Token(b"T,T")),
        (vec![("x-auth-token", "Bearer T")], Presented::Token(b"Bearer T")),
    ] {
        assert_eq!(find(&NAMES, &headers), expected, "{headers:?}");
    }
}

#[test]
fn authorization_holds_a_bearer_token() {
    let token = Presented::Token(b"T");
    for (value, expected) in [
        ("bearer T", token),
        ("BEARER T", token),
        ("Bearer   T", token),
        ("Bearer", Presented::Nothing),
        ("Bearer ", Presented::Nothing),
        ("BearerT", Presented::Nothing),
        ("Bearer\tT", Presented::Token(b"\tT")),
        ("Bearer \tT", Presented::Token(b"\tT")),
        ("Bearer\u{a0}T", Presented::Token("\u{a0}T".as_bytes())),
        (" Bearer T", token),
        ("\"Bearer T\"", Presented::Nothing),
        ("Basic Bearer T", Presented::Nothing),
        ("T", Presented::Nothing),
        ("Basic T", Presented::Nothing),
        ("Digest a=\"b\", c=\"d\"", Presented::Nothing),
        ("Basic x,Bearer T", Presented::Nothing),
        ("Bearer T ", Presented::Token(b"T ")),
        ("Bearer T,", Presented::Token(b"T,")),
        ("Bearer T,U", Presented::Token(b"T,U")),
        ("Bearer Bearer T", Presented::Token(b"Bearer T")),
        ("Bearer T,Bearer T", token),
        ("Bearer T, bearer T", token),
        ("Bearer T,Bearer U", Presented::Several),
    ] {
        assert_eq!(find(&NAMES, &[("authorization", value)]), expected, "{value:?}");
    }
    assert_eq!(find(&["x-auth-token"], &[("authorization", "Bearer T")]), Presented::Nothing);
}

/// What an application might take for a token of its own doesn't ride along with another.
#[test]
fn beside_another_token_bearer_counts_wherever_an_application_may_find_it() {
    let beside = |value: &str, expected: Presented<'_>| {
        let alone = find(&NAMES, &[("authorization", value)]);
        assert_eq!(alone, Presented::Nothing, "{value:?} alone");
        for other in ["x-auth-token", "authorization"] {
            let good = if other == "authorization" { "Bearer T" } else { "T" };
            for headers in [
                [(other, good), ("authorization", value)],
                [("authorization", value), (other, good)],
            ] {
                assert_eq!(find(&NAMES, &headers), expected, "{headers:?}");
            }
        }
    };
    for value in [
        "Basic x,Bearer U",
        "Basic x, bearer U",
        ",Bearer U",
        "\"Bearer U\"",
        "'Bearer U'",
        "\"Bearer\" U",
        "Basic Bearer U",
        "Basic x Bearer U",
        "Basic x\tBEARER\tU",
        "Basic x\u{a0}Bearer\u{a0}U",
        "\u{a0}Bearer U",
        "Bearer:U",
        "Bearer: U",
        "Bearer=U",
        "BearerU",
        "Bearer,U",
        "Bearer,Bearer U",
        "xBearer U",
        "x=Bearer U",
        "(Bearer U)",
        "Basic x,Bearer T,U",
        "Basic x,Bearer T,Basic y",
        "Basic x,Bearer T U",
        "Basic x,Bearer T,Bearer U",
        "Digest a=\"Bearer U\", b=c",
    ] {
        beside(value, Presented::Several);
    }
    for value in [
        "",
        "Bearer",
        "Basic x",
        "Basic xBearerU=",
        "Basic QmVhcmVyIFU=",
        "Token U",
        "Basic x,Bearer T",
        "Basic x,Bearer T, bearer T",
        "\"Bearer T",
    ] {
        beside(value, Presented::Token(b"T"));
    }
}

fn cookie_names() -> [TokenCookie; 2] {
    ["session", "x-auth"].map(|name| TokenCookie::new(name).unwrap())
}

fn find_with_cookies<'a>(headers: &[(&'a str, &'a str)]) -> Presented<'a> {
    let names = NAMES.map(|name| TokenHeader::new(name).unwrap());
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Presented::find(&names, &cookie_names(), headers)
}

#[test]
fn a_token_is_found_in_a_cookie() {
    let token = Presented::Token(b"T");
    for (value, expected) in [
        ("session=T", token),
        ("x-auth=T", token),
        ("a=b; session=T; c=d", token),
        ("a=b;session=T;c=d", token),
        ("  session \t=\t T ;", token),
        ("\u{a0}session\u{a0}=T", token),
        ("session=\"T\"", token),
        ("session=\"T", Presented::Token(b"\"T")),
        ("session=\u{a0}T", Presented::Token("\u{a0}T".as_bytes())),
        ("session=T=", Presented::Token(b"T=")),
        ("session=T,x-auth=U", Presented::Token(b"T,x-auth=U")),
        ("session=T; session=T; x-auth=T", token),
        ("session=T; session=U", Presented::Several),
        ("session=T; x-auth=U", Presented::Several),
        ("session=; x-auth=\"\"", Presented::Nothing),
        ("session", Presented::Nothing),
        ("Session=T; session2=T; asession=T; a=session=T; =session=T", Presented::Nothing),
    ] {
        assert_eq!(find_with_cookies(&[("Cookie", value)]), expected, "{value:?}");
        assert_eq!(find(&NAMES, &[("cookie", value)]), Presented::Nothing, "{value:?}");
    }
    let several = [("cookie", "a=b"), ("cookie", "session=T"), ("x-auth-token", "T")];
    assert_eq!(find_with_cookies(&several), token);
    // Beside another token, also where applications split at more than semicolons.
    for value in
        ["a=b session=U", "a=b\tsession=U", "a=b,session=U", "a=\"b\" session =U", "a= session=U"]
    {
        assert_eq!(find_with_cookies(&[("cookie", value)]), Presented::Nothing, "{value:?}");
        let beside = [("cookie", value), ("x-auth-token", "T")];
        assert_eq!(find_with_cookies(&beside), Presented::Several, "{value:?}");
        let same = value.replace('U', "T");
        assert_eq!(find_with_cookies(&[("cookie", &same), ("x-auth-token", "T")]), token);
    }
    for value in ["asession=U", "a=b-session=U", "a=session", "a=b; c=d"] {
        assert_eq!(find_with_cookies(&[("cookie", value), ("x-auth-token", "T")]), token);
    }
    let several = [("cookie", "session=T"), ("cookie", "session=U")];
    assert_eq!(find_with_cookies(&several), Presented::Several);
    let several = [("cookie", "session=T"), ("authorization", "Basic x,Bearer U")];
    assert_eq!(find_with_cookies(&several), Presented::Several);
}

/// The names of the headers that change, and the values that they are left with.
fn removals(headers: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
    let names = NAMES.map(|name| TokenHeader::new(name).unwrap());
    let pairs = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let cookies = cookie_names();
    let presented = Presented::find(&names, &cookies, pairs.clone());
    let text = |value: Cow<'_, [u8]>| String::from_utf8(value.to_vec()).unwrap();
    let removals = presented.removals(&names, &cookies, pairs);
    removals.map(|it| (it.name.to_owned(), it.left.into_iter().map(text).collect())).collect()
}

#[test]
fn what_counted_goes_and_nothing_else() {
    type Headers<'a> = &'a [(&'a str, &'a str)];
    type Left<'a> = &'a [(&'a str, Vec<&'a str>)];
    let gone = |name: &'static str| (name, vec![]);
    let cases: &[(Headers<'_>, Left<'_>)] = &[
        (&[], &[]),
        (&[("x-auth-token", "T"), ("x-other", "T")], &[gone("x-auth-token")]),
        (&[("X-Auth-Token", "T"), ("x-auth-token", "")], &[gone("x-auth-token")]),
        (&[("x-auth-token", ""), ("scw-functions-token", "T")], &[gone("scw-functions-token")]),
        (&[("x-auth-token", "T"), ("authorization", "Basic x")], &[gone("x-auth-token")]),
        (&[("authorization", "Basic x")], &[]),
        (&[("authorization", "Basic x,Bearer T")], &[]),
        (&[("authorization", "Bearer T")], &[gone("authorization")]),
        (&[("authorization", "Bearer\tT")], &[gone("authorization")]),
        (&[("authorization", "Bearer T,Basic x")], &[gone("authorization")]),
        (
            &[("authorization", "Basic x"), ("authorization", "Bearer T")],
            &[("authorization", vec!["Basic x"])],
        ),
        (
            &[("x-auth-token", "T"), ("authorization", "Basic x, Digest y , Bearer T")],
            &[gone("x-auth-token"), ("authorization", vec!["Basic x, Digest y"])],
        ),
        (
            &[("x-auth-token", "T"), ("authorization", "Digest a=\"b, c\",Bearer T")],
            &[gone("x-auth-token"), ("authorization", vec!["Digest a=\"b, c\""])],
        ),
        // Half of a quoted text is nobody's credential.
        (
            &[("x-auth-token", "T"), ("authorization", "Digest a=\"b, Bearer T")],
            &[gone("x-auth-token"), gone("authorization")],
        ),
        (
            &[("x-auth-token", "T"), ("authorization", "Basic x Bearer T")],
            &[gone("x-auth-token"), gone("authorization")],
        ),
        (
            &[("x-auth-token", "T"), ("authorization", " , ,Bearer T")],
            &[gone("x-auth-token"), gone("authorization")],
        ),
        // What may be no token at all: such a request goes on only where nothing is enforced.
        (
            &[("x-auth-token", "T"), ("authorization", "Digest username=\"bearer bob\", a=\"b\"")],
            &[gone("x-auth-token")],
        ),
        (&[("x-auth-token", "T"), ("authorization", "Basic bearerZm9v")], &[gone("x-auth-token")]),
        (&[("x-auth-token", "T"), ("cookie", "a=b session=U")], &[gone("x-auth-token")]),
        // What has the form of a token goes all the same.
        (
            &[
                ("x-auth-token", "T"),
                ("authorization", "Basic x,Bearer a.b.c"),
                ("cookie", "a=b session=a.b.c; c=d"),
            ],
            &[gone("x-auth-token"), ("authorization", vec!["Basic x"]), ("cookie", vec!["c=d"])],
        ),
        (
            &[("x-auth-token", "T"), ("cookie", "a=b session=T; c=d")],
            &[gone("x-auth-token"), ("cookie", vec!["c=d"])],
        ),
        (&[("cookie", "session=T")], &[gone("cookie")]),
        (&[("cookie", "session=T; ; x-auth=U ;")], &[gone("cookie")]),
        (&[("cookie", "a=b; Session=T; session=")], &[]),
        (&[("cookie", "session=T; a=b;c=\"d\"")], &[("cookie", vec!["a=b;c=\"d\""])]),
        (&[("cookie", "a=b; session=T; c=d")], &[("cookie", vec!["a=b; c=d"])]),
        (&[("cookie", "a=b; c=d; x-auth=T")], &[("cookie", vec!["a=b; c=d"])]),
        (
            &[("cookie", "a=b"), ("cookie", "session=T"), ("cookie", "c=d; session=T")],
            &[("cookie", vec!["a=b", "c=d"])],
        ),
    ];
    for (headers, expected) in cases {
        let found = removals(headers);
        let found: Vec<_> = found
            .iter()
            .map(|(name, left)| (&**name, left.iter().map(|it| &**it).collect()))
            .collect();
        assert_eq!(found, *expected, "{headers:?}");
    }
}

#[test]
fn a_preflight_is_known_by_its_method_and_two_headers() {
    let preflight = [
        (":method", "OPTIONS"),
        ("Origin", "https://a.test"),
        ("access-control-request-method", "PUT"),
    ];
    let is = |allowed: bool, headers: &[(&str, &str)]| {
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        Preflight::find(allowed, pairs).is_some()
    };
    assert!(is(true, &preflight));
    assert!(!is(false, &preflight));
    for place in 0..preflight.len() {
        let mut lacking = preflight.to_vec();
        lacking.remove(place);
        assert!(!is(true, &lacking), "{lacking:?}");
        lacking.push((preflight[place].0, ""));
        assert!(!is(true, &lacking), "{lacking:?}");
    }
    for method in ["GET", "POST", "options", "OPTIONS ", "CONNECT"] {
        let mut other = preflight;
        other[0].1 = method;
        assert!(!is(true, &other), "{method}");
    }
    let upgrade = [&preflight[..], &[("upgrade", "websocket")]].concat();
    assert!(!is(true, &upgrade));
}

#[test]
fn a_header_name_is_a_token_of_rfc_9110() {
    assert_eq!(TokenHeader::new("X-Auth-Token").unwrap().name(), "x-auth-token");
    for name in ["", ":path", "x auth", "x-auth:", "x-äuth", "x\n", "Cookie"] {
        assert_eq!(TokenHeader::new(name), None, "{name:?}");
    }
    assert_eq!(TokenCookie::new("X_Auth").unwrap().name(), "X_Auth");
    for name in ["", "a=b", "a;b", "a b", "\"a\"", "ä", "a\n"] {
        assert_eq!(TokenCookie::new(name), None, "{name:?}");
    }
}
