//! `issuer inspect`.

use serde_json::{Value, json};

use crate::program::*;

#[test]
fn platform_tokens_are_judged_as_the_filter_would() {
    let Some(platform) = platform_tokens() else { return };
    let folder = Folder::new();
    for token in &platform {
        let claims = claims(&token.token);
        let entry = &claims["application_claim"][0];
        let protected = |field: &str, other: &str| match entry[field].as_str().unwrap() {
            "" => other.to_owned(),
            id => id.to_owned(),
        };
        let members = json!({
            "public_key": token.public_key,
            "namespace_id": protected("namespace_id", NAMESPACE),
            "application_id": protected("application_id", APPLICATION),
        });
        let time = |claim: &str, later: u64| {
            let seconds = claims[claim].as_u64().unwrap() + later;
            jiff::Timestamp::from_second(seconds.try_into().unwrap()).unwrap().to_string()
        };
        let judge = |members: &Value, at: &str| {
            let config = config(&folder, members);
            let run = issuer(&["inspect", &token.token, "--config", &config, "--at", at, "--json"]);
            let code = run.json()["decision"]["code"].as_str().unwrap().to_owned();
            assert_eq!((run.status, run.stderr.as_str()), (i32::from(code != "allowed"), ""));
            code
        };
        let good = time("iat", 1);
        assert_eq!(judge(&members, &good), "allowed");
        if claims.contains_key("exp") {
            assert_eq!(judge(&members, &time("exp", 0)), "expired");
        } else {
            assert_eq!(judge(&members, "9999-01-01T00:00:00Z"), "allowed");
        }
        let other = |member: &str, value: Value| {
            let mut members = members.clone();
            members[member] = value;
            members
        };
        let stranger = platform.iter().find(|other| other.public_key != token.public_key).unwrap();
        assert_eq!(judge(&other("public_key", json!(stranger.public_key)), &good), "bad_signature");
        let granted = if entry["namespace_id"] == "" { "application_id" } else { "namespace_id" };
        assert_eq!(judge(&other(granted, json!("another")), &good), "not_granted");

        let run = issuer(&["inspect", &token.token]).succeeds();
        assert!(run.stdout.contains("signature not checked"), "{run:?}");
        assert!(run.stdout.contains("\nClaims access to (unverified)\n"), "{run:?}");
    }
}

#[test]
fn inspect_tells_a_person_what_a_token_says() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let arguments = [
        "--expires-at",
        "2200-01-01T00:00:00Z",
        "--token-id",
        "6ddfbef7-cea1-4106-b067-207193d968af",
    ];
    let token = mint(&key, &arguments);
    let config = config(&folder, &json!({}));
    let run = issuer(&["inspect", &token, "--config", &config, "--at", "2199-12-31T23:00:00Z"]);
    let said = &run.succeeds().stdout;
    for line in [
        "Claims, signed by a key of the configuration",
        "  jti                \"6ddfbef7-cea1-4106-b067-207193d968af\"",
        "  exp                7258118400  2200-01-01T00:00:00Z, in 1 hour",
        "Grants access to",
        &format!("  everything in namespace {NAMESPACE}"),
        "Decision as of 2199-12-31T23:00:00Z",
        "  admitted (allowed): the request is let through",
    ] {
        assert!(said.lines().any(|said| said == line), "{line:?} in {said}");
    }
}

#[test]
fn a_decision_comes_with_the_values_behind_it() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let token = mint(&key, &["--expires-at", "2200-01-01T00:00:00Z", "--audience", "a\u{1b}b"]);
    let forever = mint(&key, &["--no-expiration"]);
    let id = claims(&token)["jti"].clone();
    let late = "2200-01-01T00:00:00Z";
    let soon = jiff::Timestamp::from_second((now() + 60).try_into().unwrap()).unwrap().to_string();
    for (token, members, at, code, words) in [
        (
            &token,
            json!({}),
            soon.as_str(),
            "allowed",
            "it grants access to everything in namespace",
        ),
        (&token, json!({"public": true}), late, "public", "no token is looked at"),
        (&token, json!({}), late, "expired", "exp is 2200-01-01T00:00:00Z, now"),
        (
            &token,
            json!({"expiration_leeway_seconds": 30}),
            "2200-01-01T00:00:30Z",
            "expired",
            "exp is 2200-01-01T00:00:00Z, 30 seconds ago; the leeway is 30 seconds",
        ),
        (&token, json!({}), "2020-01-01T00:00:00Z", "not_yet_valid", "nbf is 20"),
        (&token, json!({"issuer": "me"}), &soon, "wrong_issuer", "iss `me`, found `SCALEWAY`"),
        (&token, json!({"audience": "me"}), &soon, "wrong_audience", "aud `me`, found `a\\u{1b}b`"),
        (&token, json!({"revoked_token_ids": [id]}), &soon, "revoked", id.as_str().unwrap()),
        (&token, json!({"max_lifetime_seconds": 9}), &soon, "lifetime_too_long", "at most 9"),
        (
            &forever,
            json!({"require_expiration": true}),
            &soon,
            "missing_expiration",
            "never expires",
        ),
        (
            &token,
            json!({"namespace_id": "n", "application_id": "a"}),
            &soon,
            "not_granted",
            "the filter protects application a in namespace n; the token grants access to everything \
             in namespace 3a8b",
        ),
        (
            &forged(br#"{"alg":"HS256"}"#, b"{}"),
            json!({}),
            &soon,
            "unsupported_algorithm",
            "its `alg` is `HS256`; its keys accept ES256",
        ),
        (
            &forged(br#"{"alg":"ES256"}"#, b"{}"),
            json!({}),
            &soon,
            "bad_signature",
            "another namespace?",
        ),
        (&"a.b".to_owned(), json!({}), &soon, "malformed_token", "3 segments"),
        (
            &format!("X-Auth-Token: Bearer {token}"),
            json!({}),
            &soon,
            "malformed_token",
            "only the header `Authorization` has",
        ),
        (&format!("a {token}"), json!({}), &soon, "malformed_token", "give the token alone"),
        (&NAMESPACE.to_owned(), json!({}), &soon, "malformed_token", "API keys"),
        (&"é.b.c".to_owned(), json!({}), &soon, "malformed_token", "characters other than"),
        (&"a..c".to_owned(), json!({}), &soon, "malformed_token", "a segment is empty"),
        (&"x".repeat(9000), json!({}), &soon, "oversized_token", "9000 bytes"),
    ] {
        let config = config(&folder, &members);
        let admitted = ["allowed", "public"].contains(&code);
        let run = issuer(&["inspect", token, "--config", &config, "--at", at]);
        assert_eq!(
            (run.status, run.stderr.as_str()),
            (i32::from(!admitted), ""),
            "{code}: {run:?}"
        );
        assert!(run.stdout.contains(&format!("({code}): ")), "{code}: {run:?}");
        assert!(run.stdout.contains(words), "{words:?} in {}", run.stdout);
        let run = issuer(&["inspect", token, "--config", &config, "--at", at, "--json"]);
        assert_eq!(run.status, i32::from(!admitted), "{code}: {run:?}");
        assert_eq!(run.json()["decision"]["code"], code);
        assert_eq!(run.json()["decision"]["admitted"], admitted);
    }
}

#[test]
fn report_only_is_refused_and_said() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let token = mint(&key, &["--namespace-id", "another"]);
    let config = config(&folder, &json!({"mode": "report_only"}));
    let run = issuer(&["inspect", &token, "--config", &config]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stdout.contains("mode is report_only"), "{run:?}");
}

#[test]
fn the_environment_stands_in_for_members_left_out() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let token = mint(&key, &[]);
    let empty = folder.write("empty.json", "{}");
    let arguments = ["inspect", &token, "--config", &empty];
    issuer(&arguments).fails("SCW_NAMESPACE_ID");
    let judge = |namespace_id: &str| {
        let mut command = command(&arguments);
        command.env("SCW_NAMESPACE_ID", namespace_id);
        command.env("SCW_PUBLIC_KEY", folder.read("public.pem"));
        run(&mut command, b"").status
    };
    assert_eq!(judge(NAMESPACE), 0);
    assert_eq!(judge("another"), 1);
}

#[test]
fn a_token_is_read_from_standard_input_with_white_space_around_it() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let token = mint(&key, &[]);
    let said = issuer(&["inspect", &token, "--at", "2200-01-01T00:00:00Z"]).succeeds().stdout;
    for (arguments, input) in [
        (&["inspect", "-"][..], format!("{token}\n")),
        (&["inspect"], format!("\r\n  {token}\r\n\r\n")),
        (&["inspect"], token.clone()),
    ] {
        let arguments = [arguments, &["--at", "2200-01-01T00:00:00Z"]].concat();
        let run = run(&mut command(&arguments), input.as_bytes()).succeeds();
        assert_eq!(run.stdout, said);
    }
}

#[test]
fn what_cannot_be_read_is_unusable_without_a_configuration_and_refused_with_one() {
    let folder = Folder::new();
    keygen(&folder);
    let config = config(&folder, &json!({}));
    let megabyte = "x".repeat(1 << 20);
    for (input, code) in [
        (b"\xff\xfe".as_slice(), "malformed_token"),
        (b"\x1b]0;owned\x07.b.c", "malformed_token"),
        (b"not a token", "malformed_token"),
        (megabyte.as_bytes(), "oversized_token"),
        ("a.".repeat(4096).as_bytes(), "malformed_token"),
    ] {
        let run_with = |arguments: &[&str]| run(&mut command(arguments), input);
        run_with(&["inspect"]).fails(code);
        let json = run_with(&["inspect", "--json"]);
        assert_eq!((json.status, json.stderr.as_str()), (2, ""), "{json:?}");
        assert_eq!(json.json()["error"]["code"], code);
        let refused = run_with(&["inspect", "--config", &config]);
        assert_eq!((refused.status, refused.stderr.as_str()), (1, ""), "{refused:?}");
        assert!(refused.stdout.contains(&format!("refused ({code})")), "{refused:?}");
    }
    for input in [b"".as_slice(), b" \n\n", b"\0".repeat(0).as_slice()] {
        run(&mut command(&["inspect", "--config", &config]), input).fails("there is no token");
    }
}

#[test]
fn nothing_in_a_token_reaches_the_terminal_unescaped() {
    // ESC, BEL, DEL, a C1 control, a right-to-left override, a zero-width space, a tag.
    let evil = "\u{1b}[31m\u{7}\u{7f}\u{9b}31m\u{202e}\u{200b}\u{e0041}\u{3164}\u{115f}\u{ffa0}\u{2800}\r\n\
                issuer: admitted";
    let evil_json = serde_json::to_string(evil).unwrap();
    let claims_with_evil = [
        format!(r#"{{{evil_json}:1,"iss":{evil_json},"jti":{evil_json},"aud":[{evil_json}]}}"#),
        format!(r#"{{"application_claim":[{{"namespace_id":{evil_json}}}]}}"#),
        format!(r#"{{"application_claim":{evil_json}}}"#),
        evil.to_owned(),
    ];
    let folder = Folder::new();
    keygen(&folder);
    let config = config(&folder, &json!({}));
    let header = format!(r#"{{"alg":{evil_json},{evil_json}:{evil_json},"kid":{evil_json}}}"#);
    for claims in claims_with_evil {
        let token = forged(header.as_bytes(), claims.as_bytes());
        for more in [&[][..], &["--json"], &["--config", &config], &["--json", "--config", &config]]
        {
            let run = issuer(&[&["inspect", &token], more].concat());
            assert_plain(&run);
            assert!(!run.stdout.lines().any(|line| line.starts_with("issuer:")), "{run:?}");
        }
    }
    for arguments in [
        &["inspect", evil][..],
        &["inspect", "--config", evil, "x"],
        &["inspect", "--at", evil, "x"],
        &["keygen", "--algorithm", evil],
        &["keygen", &format!("--{evil}")],
        &["issue", "--key", evil, "--namespace-id", "n"],
        &["issue", "--key", "x", "--namespace-id", evil],
        &[evil],
    ] {
        let run = issuer(arguments);
        assert_plain(&run);
        run.fails("");
    }
}

#[track_caller]
fn assert_plain(run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        let plain = |c: char| c == '\n' || c == ' ' || c.is_ascii_graphic() || c == '…';
        assert!(text.chars().all(plain), "{run:?}");
    }
}

#[test]
fn a_token_is_never_repeated() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let token = mint(&key, &[]);
    let config = config(&folder, &json!({}));
    for arguments in [
        &["inspect", &token][..],
        &["inspect", &token, "--json"],
        &["inspect", &token, "--config", &config],
        &["inspect", &token, "--config", &config, "--json"],
        &["inspect", &token, &token],
        &["inspect", &format!("Bearer {token}")],
        &["inspect", &format!("{token}.")],
        &["inspect", "--at", &token],
        &["inspect", "--config", &token, "x"],
        &["inspect", &format!("--json={token}"), "x"],
        &["inspect", &format!("--{token}")],
        &["issue", &token],
        &["keygen", &token],
        &[&token],
        &[&format!("--{token}")],
    ] {
        let run = issuer(arguments);
        for (place, part) in token.split('.').enumerate().skip(1) {
            let start = &part[..20];
            let repeated = run.stdout.contains(start) || run.stderr.contains(start);
            assert!(!repeated, "part {place} of the token in {run:?}");
        }
    }
}

#[test]
fn claims_that_are_not_well_formed_are_shown_as_they_stand() {
    for (payload, shown) in [
        (r#"{"exp":"never"}"#, r#"{"exp":"never"}"#),
        (r#"{"exp":1,"exp":2}"#, r#"{"exp":1,"exp":2}"#),
        ("no JSON", "no JSON"),
        ("[1]", "[1]"),
    ] {
        let token = forged(br#"{"alg":"RS256"}"#, payload.as_bytes());
        let run = issuer(&["inspect", &token]).succeeds();
        assert!(run.stdout.contains("  malformed: "), "{run:?}");
        assert!(run.stdout.contains(&format!("  {shown}\n")), "{run:?}");
        let run = issuer(&["inspect", &token, "--json"]).succeeds();
        assert_eq!(run.json()["malformed_claims"], payload);
    }
}

#[test]
fn times_past_any_calendar_are_said_in_words() {
    let token = forged(br#"{"alg":"RS256"}"#, br#"{"exp":1e300,"nbf":0.5,"iat":0}"#);
    let run = issuer(&["inspect", &token, "--at", "1970-01-01T00:00:10Z"]).succeeds();
    assert!(run.stdout.contains("exp  1e+300  after the year 9999\n"), "{run:?}");
    assert!(run.stdout.contains("nbf  0.5  1970-01-01T00:00:00.5Z, 9 seconds ago"), "{run:?}");
}

#[test]
fn inspect_says_what_it_cannot_use() {
    let folder = Folder::new();
    keygen(&folder);
    let bad = |name: &str, text: &str| folder.write(name, text);
    let token = forged(br#"{"alg":"ES256"}"#, b"{}");
    for (arguments, words) in [
        (&["--at", "yesterday"][..], "not a time in RFC 3339"),
        (&["--config", &folder.path("missing.json")], "check the name"),
        (&["--config", &bad("a.json", "{")], "a.json: "),
        (&["--config", &bad("b.json", r#"{"namespaceid":"n"}"#)], "namespaceid"),
        (&["--config", &bad("c.json", r#"{"namespace_id":1}"#)], "namespace_id: expected"),
        (&["--config", &bad("d.json", r#"{"namespace_id":"n"}"#)], "public_key: expected"),
        (&["--verbose"], "unknown option `--verbose`"),
        (&["another"], "more than one token"),
    ] {
        issuer(&[&["inspect", &token], arguments].concat()).fails(words);
    }
}

#[test]
fn a_token_is_found_in_what_it_is_pasted_with() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let token = mint(&key, &[]);
    let at = ["--at", "2200-01-01T00:00:00Z"];
    let alone = issuer(&["inspect", &token, at[0], at[1]]).succeeds().stdout;
    for (pasted, place) in [
        (format!("X-Auth-Token: {token}"), "the header `X-Auth-Token`"),
        (format!("Authorization: Bearer {token}"), "the header `Authorization`"),
        (format!("Bearer {token}"), "what follows `Bearer`"),
        (format!("curl -H 'X-Auth-Token: {token}' http://h/"), "the header `X-Auth-Token`"),
        (format!("Cookie: a=b; session={token}"), "the cookie `session`"),
        (format!("\"{token}\""), "what is in the quotation marks"),
        (format!("{{\"token\": \"{token}\"}}"), "the JSON member `token`"),
    ] {
        let run = issuer(&["inspect", &pasted, at[0], at[1]]).succeeds();
        assert_eq!(run.stdout, format!("Token, from {place}\n\n{alone}"));
        let run = run_with_input(&["inspect", "-", at[0], at[1], "--json"], &pasted).succeeds();
        assert_eq!(run.json()["read_from"], place);
    }
    let several = format!("X-Auth-Token: {token}\nX-Auth-Token: {}", mint(&key, &[]));
    issuer(&["inspect", &several]).fails("more than one token; give one");
    issuer(&["inspect", &format!("Authorization: {token}")]).fails("put `Bearer` before the token");
}

#[test]
fn a_place_that_the_configuration_does_not_read_holds_no_token() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let pasted = format!("Authorization: Bearer {}", mint(&key, &[]));
    let default = config(&folder, &json!({}));
    let run = issuer(&["inspect", &pasted, "--config", &default]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stdout.contains("refused (missing_token)"), "{run:?}");
    assert!(run.stdout.contains("reads no token in the header Authorization"), "{run:?}");
    let cookie = pasted.replace("Authorization: Bearer ", "Cookie: session=");
    let run = issuer(&["inspect", &cookie, "--config", &default]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stdout.contains("reads no token in the cookie session"), "{run:?}");
    let cookies = config(&folder, &json!({"token_cookies": ["session"]}));
    issuer(&["inspect", &cookie, "--config", &cookies]).succeeds();
    let bearer = config(&folder, &json!({"token_headers": ["authorization"]}));
    issuer(&["inspect", &pasted, "--config", &bearer]).succeeds();
}

#[test]
fn an_api_key_is_told_from_a_token_and_never_repeated() {
    let api_key = "6ddfbef7-cea1-4106-b067-207193d968af";
    for pasted in [api_key.to_owned(), format!("X-Auth-Token: {api_key}"), format!("'{api_key}'")] {
        for arguments in [&["inspect"][..], &["inspect", "--json"]] {
            let run = run_with_input(arguments, &pasted);
            assert_eq!(run.status, 2, "{run:?}");
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains("it is a UUID, as the platform's API keys"), "{run:?}");
            assert!(said.contains("`issuer issue`"), "{run:?}");
            assert!(!said.contains(&api_key[..8]), "{run:?}");
        }
    }
}

#[test]
fn ids_that_look_alike_are_shown_apart() {
    // A Cyrillic letter, blank letters, a combining mark, a full-width letter.
    for (id, shown) in [
        ("\u{430}dmin", "\\u{430}dmin"),
        ("admin\u{3164}", "admin\\u{3164}"),
        ("admin\u{2800}", "admin\\u{2800}"),
        ("a\u{301}dmin", "a\\u{301}dmin"),
        ("\u{ff41}dmin", "\\u{ff41}dmin"),
    ] {
        let claims = json!({"application_claim": [{"namespace_id": id}], "jti": id});
        let token = forged(br#"{"alg":"RS256"}"#, claims.to_string().as_bytes());
        let run = issuer(&["inspect", &token]).succeeds();
        assert_plain(&run);
        let line = format!("  everything in namespace {shown}\n");
        assert!(run.stdout.contains(&line), "{run:?}");
        let run = issuer(&["inspect", &token, "--json"]).succeeds();
        assert_plain(&run);
        assert_eq!(run.json()["grants"][0]["namespace_id"], id);
    }
}
