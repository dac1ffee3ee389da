//! `issuer issue`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::program::*;

#[test]
fn a_minted_token_says_what_the_platforms_says() {
    let folder = Folder::new();
    let key = keygen(&folder);
    for (option, id, claim) in [
        ("--namespace-id", NAMESPACE, json!([{"namespace_id": NAMESPACE, "application_id": ""}])),
        (
            "--function-id",
            APPLICATION,
            json!([{"namespace_id": "", "application_id": APPLICATION}]),
        ),
        (
            "--application-id",
            APPLICATION,
            json!([{"namespace_id": "", "application_id": APPLICATION}]),
        ),
        (
            "--container-id",
            APPLICATION,
            json!([{"namespace_id": "", "application_id": APPLICATION}]),
        ),
    ] {
        let before = now();
        let token = mint(&key, &[option, id, "--no-expiration"]);
        assert_eq!(segment(&token, 0), r#"{"alg":"ES256","typ":"JWT"}"#);
        let mut claims = claims(&token);
        let issued = claims.remove("iat").and_then(|time| time.as_u64()).unwrap();
        assert!((before..=now()).contains(&issued));
        assert_eq!(claims.remove("nbf"), Some(issued.into()));
        let token_id = claims.remove("jti").unwrap();
        assert_eq!(token_id.as_str().unwrap().parse::<uuid::Uuid>().unwrap().get_version_num(), 4);
        let expected = json!({
            "application_claim": claim, "version": 2, "aud": "functions", "iss": "SCALEWAY",
            "sub": "token",
        });
        assert_eq!(Value::from(claims), expected);
    }
}

#[test]
fn a_minted_token_has_the_members_of_platform_tokens_in_their_order() {
    let Some(platform) = platform_tokens() else { return };
    let folder = Folder::new();
    let key = folder.write("rsa.pem", include_str!("keys/rsa-2048-pkcs1.pem"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    // Every string that a colon follows.
    let names = |json: &str| {
        let strings: Vec<_> = json.split('"').map(str::to_owned).collect();
        let names = strings.windows(2).filter(|pair| pair[1].starts_with(':'));
        names.map(|pair| pair[0].clone()).collect::<Vec<_>>()
    };
    for token in &platform {
        let claims = claims(&token.token);
        let entry = &claims["application_claim"][0];
        let (option, id) = match entry["namespace_id"].as_str().unwrap() {
            "" => ("--function-id", entry["application_id"].as_str().unwrap()),
            id => ("--namespace-id", id),
        };
        let expiry = if claims.contains_key("exp") { "--expires-in=1d" } else { "--no-expiration" };
        let minted = mint(&key, &[option, id, expiry]);
        assert_eq!(segment(&minted, 0), segment(&token.token, 0));
        assert_eq!(names(&segment(&minted, 1)), names(&segment(&token.token, 1)));
    }
}

#[test]
fn the_options_of_issue_reach_the_token() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let lifetime = |more: &[&str]| {
        let claims = claims(&mint(&key, more));
        claims.get("exp").map(|exp| exp.as_u64().unwrap() - claims["iat"].as_u64().unwrap())
    };
    assert_eq!(lifetime(&[]), Some(3600));
    assert_eq!(lifetime(&["--expires-in", "90s"]), Some(90));
    assert_eq!(lifetime(&["--expires-in", "1h30m"]), Some(5400));
    assert_eq!(lifetime(&["--expires-in=30d"]), Some(30 * 86_400));
    assert_eq!(lifetime(&["--no-expiration"]), None);
    for (time, seconds) in [
        ("2200-01-01T00:00:00Z", 7_258_118_400_u64),
        ("2200-01-01T02:00:00+02:00", 7_258_118_400),
        ("2200-01-01T00:00:00.999Z", 7_258_118_400),
        ("2200-01-01t00:00:00z", 7_258_118_400),
        ("2200-01-01 00:00:00Z", 7_258_118_400),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] {
        assert_eq!(claims(&mint(&key, &["--expires-at", time]))["exp"], seconds, "{time}");
    }
    let id = "6DDFBEF7-CEA1-4106-B067-207193D968AF";
    let claims = claims(&mint(&key, &["--token-id", id, "--issuer", "me", "--audience", "é\""]));
    assert_eq!(claims["jti"], id.to_lowercase());
    assert_eq!(claims["iss"], "me");
    assert_eq!(claims["aud"], "é\"");
}

#[test]
fn issue_tells_programs_in_json() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let run = issuer(&["issue", "--key", &key, "--namespace-id", NAMESPACE, "--json"]).succeeds();
    let json = run.json();
    let token = json["token"].as_str().unwrap();
    assert_eq!(json["token_id"], claims(token)["jti"]);
    assert_eq!(json["algorithm"], "ES256");
    let run = issuer(&["inspect", token, "--json"]).succeeds();
    assert_eq!(json["issued_at"], run.json()["times"]["iat"]);
    assert_eq!(json["expires_at"], run.json()["times"]["exp"]);
    let arguments = ["--namespace-id", NAMESPACE, "--json", "--no-expiration"];
    let run = issuer(&[&["issue", "--key", &key], &arguments[..]].concat()).succeeds();
    assert_eq!(run.json()["expires_at"], Value::Null);
    let arguments = ["--namespace-id", NAMESPACE, "--json", "--expires-at=2200-01-01T00:00:00.9Z"];
    let run = issuer(&[&["issue", "--key", &key], &arguments[..]].concat()).succeeds();
    assert_eq!(run.json()["expires_at"], "2200-01-01T00:00:00Z");
}

#[test]
fn issue_says_what_it_cannot_do() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let big = "x".repeat(8192);
    let n = ["--namespace-id", "n"];
    for (arguments, words) in [
        (&[][..], "an id is required; give"),
        (&["--namespace-id", "n", "--function-id", "f"], "more than one"),
        (&["--application-id", "a", "--function-id", "a"], "more than one"),
        (&["--application-id", "a", "--namespace-id", "n"], "more than one"),
        (&["--namespace-id", "n", "--container-id", "c"], "more than one"),
        (&["--function-id", "f", "--container-id", "f"], "more than one"),
        (&["--namespace-id", "n", "--namespace-id", "n"], "`--namespace-id` is given twice"),
        (&["--namespace-id", ""], "the value of `--namespace-id` is empty"),
        (&["--namespace-id", "--no-expiration"], "`--namespace-id` needs a value"),
        (&["--namespace-id", "a b"], "found white space in it"),
        (&["--function-id", "a\nb"], "found a line break in it"),
        (&["--function-id", "a\n"], "found a line break at the end"),
        (&["--container-id", "\u{a0}a"], "found white space at the start"),
        (&["--application-id", "fr-par/a"], "found a `/`; give the id alone, without the region"),
        (&["--application-id", "\"a\""], "found quotes around it"),
        (&["--application-id", "a'"], "found a quotation mark at the end"),
        (&["--application-id", "`a`"], "found quotes around it"),
        (&["--application-id", "\u{430}"], "found a character that is not ASCII (U+0430)"),
        (&["--application-id", "a\u{3164}"], "found an invisible character (U+3164)"),
        (&["--application-id", "a\u{7f}"], "found an invisible character (U+007F)"),
        (&["--namespace-id", &big], "a token of at most 8192 bytes"),
        (&[n[0], n[1], "--expires-in", "1h", "--no-expiration"], "more than one"),
        (&[n[0], n[1], "--expires-in", "1h", "--expires-at", "2200-01-01T00:00:00Z"], "more than"),
        (&[n[0], n[1], "--expires-at", "2020-01-01T00:00:00Z"], "one that has passed"),
        (&[n[0], n[1], "--expires-in", "0s"], "one that has passed"),
        (&[n[0], n[1], "--expires-in", "500ms"], "one that has passed"),
        (&[n[0], n[1], "--expires-in", "-1h"], "found `-1h`"),
        (&[n[0], n[1], "--expires-in", "1 month"], "for months or years give days"),
        (&[n[0], n[1], "--expires-at", "tomorrow"], "not a time in RFC 3339"),
        (&[n[0], n[1], "--expires-at", "2030-01-31"], "has no time of day; put one"),
        (&[n[0], n[1], "--expires-at", "1900000000"], "not a time in RFC 3339"),
        (&[n[0], n[1], "--expires-at", "2030-01-31T12:00:00"], "no offset from UTC; put `Z`"),
        (&[n[0], n[1], "--expires-at", "2030-02-30T12:00:00Z"], "no such day"),
        (&[n[0], n[1], "--expires-at", "1960-02-01T12:00:00Z"], "before 1970"),
        (&[n[0], n[1], "--audience", ""], "the value of `--audience` is empty"),
        (&[n[0], n[1], "--issuer="], "the value of `--issuer` is empty"),
        (&[n[0], n[1], "--audience"], "`--audience` needs a value"),
        (&[n[0], n[1], "--token-id", "7"], "expected a UUID"),
        (&[n[0], n[1], "--token-id", "6ddfbef7cea14106b067207193d968af"], "expected a UUID"),
    ] {
        issuer(&[&["issue", "--key", &key], arguments].concat()).fails(words);
    }
    issuer(&["issue", "--namespace-id", "n"]).fails("`--key` is required");
    let missing = folder.path("missing.pem");
    issuer(&["issue", "--key", &missing, "--namespace-id", "n"]).fails("check the name");
    issuer(&["issue", "--key", &folder.path(""), "--namespace-id", "n"]).fails("directory");
    issuer(&["issue", "--key", "/dev/zero", "--namespace-id", "n"]).fails("a private key in PEM");
}

#[test]
fn keys_that_others_made_sign_tokens() {
    for (name, algorithm, pem) in [
        ("RSA, PKCS#1", "RS256", include_str!("keys/rsa-2048-pkcs1.pem")),
        ("RSA, PKCS#8", "RS256", include_str!("keys/rsa-2048-pkcs8.pem")),
        ("RSA, 2050 bits", "RS256", include_str!("keys/rsa-2050.pem")),
        ("P-256, SEC1", "ES256", include_str!("keys/p256-sec1-with-parameters.pem")),
        ("P-384, SEC1", "ES384", include_str!("keys/p384-sec1.pem")),
        ("P-384, PKCS#8", "ES384", include_str!("keys/p384-pkcs8.pem")),
        ("Ed25519, PKCS#8", "EdDSA", include_str!("keys/ed25519-pkcs8.pem")),
        ("Ed25519, PKCS#8 v2", "EdDSA", include_str!("keys/ed25519-pkcs8-v2.pem")),
    ] {
        let windows = pem.replace('\n', "\r\n");
        for pem in [pem, pem.trim_end(), &windows, &format!("text before\n{pem}text after\n")] {
            let folder = Folder::new();
            let key = folder.write("key.pem", pem);
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(header(&mint(&key, &[]))["alg"], algorithm, "{name}");
        }
    }
}

#[test]
fn keys_that_sign_no_tokens_are_refused_with_advice() {
    let folder = Folder::new();
    let damaged = include_str!("keys/p384-pkcs8.pem").replacen("M", "N", 1);
    let cut = &include_str!("keys/p384-pkcs8.pem")[..100];
    let half = include_str!("keys/rsa-2048-pkcs8.pem").replace("-----END", "----- END");
    for (pem, words) in [
        (include_str!("keys/rsa-1024.pem"), "2048 to 4096 bits"),
        (include_str!("keys/rsa-4104.pem"), "2048 to 4096 bits"),
        (include_str!("keys/rsa-exponent-3.pem"), "another kind"),
        (include_str!("keys/rsa-pss.pem"), "another kind"),
        (include_str!("keys/p521-sec1.pem"), "another kind"),
        (include_str!("keys/secp256k1-sec1.pem"), "another kind"),
        (include_str!("keys/x25519.pem"), "another kind"),
        (include_str!("keys/ed448.pem"), "another kind"),
        (include_str!("keys/encrypted-pkcs8.pem"), "`openssl pkey`"),
        (include_str!("keys/encrypted-sec1.pem"), "`openssl pkey`"),
        (include_str!("keys/openssh.pem"), "ssh-keygen"),
        (include_str!("keys/public.pem"), "found a public one"),
        (&damaged, "damaged"),
        (cut, "damaged"),
        (&half, "damaged"),
        ("", "a private key in PEM"),
        ("\u{1b}[31m", "a private key in PEM"),
    ] {
        let key = folder.write("key.pem", pem);
        let run = issuer(&["issue", "--key", &key, "--namespace-id", "n"]);
        run.fails(words);
        no_key_in(&run, pem);
    }
    let key = folder.write("key.pem", b"-----BEGIN \xff PRIVATE KEY-----");
    issuer(&["issue", "--key", &key, "--namespace-id", "n"]).fails("a private key in PEM");
}

/// Asserts that no line of the key was printed.
#[track_caller]
fn no_key_in(run: &Run, pem: &str) {
    let lines = pem.lines().filter(|line| !line.contains("-----") && line.len() > 10);
    for line in lines {
        let start = &line[..10];
        assert!(!run.stdout.contains(start) && !run.stderr.contains(start), "{run:?}");
    }
}

#[test]
fn a_key_given_in_place_of_its_file_is_not_repeated() {
    let folder = Folder::new();
    keygen(&folder);
    let pem = folder.read("private.pem");
    let run = issuer(&["issue", "--key", &pem, "--namespace-id", "n"]);
    run.fails("give the file's name");
    no_key_in(&run, &pem);
    for arguments in
        [&["keygen", &pem][..], &["issue", "--key", "x", &pem], &["inspect", "--at", &pem], &[&pem]]
    {
        let run = issuer(arguments);
        run.fails("");
        no_key_in(&run, &pem);
    }
}

#[test]
fn a_key_file_that_others_can_read_is_warned_about() {
    let folder = Folder::new();
    let key = keygen(&folder);
    for (mode, others_can) in [
        (0o600, None),
        (0o400, None),
        (0o640, Some("read")),
        (0o604, Some("read")),
        (0o622, Some("change")),
        (0o620, Some("change")),
        (0o666, Some("read and change")),
    ] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let run = issuer(&["issue", "--key", &key, "--namespace-id", "n"]);
        assert_eq!(run.status, 0, "{run:?}");
        assert_eq!(run.stdout.split('.').count(), 3, "{run:?}");
        assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
        let warning = others_can.map(|what| {
            format!("issuer: others can {what} {key} (mode {mode:04o}); run `chmod 600` on it\n")
        });
        assert_eq!(run.stderr, warning.unwrap_or_default());
    }
}

#[test]
fn a_key_in_a_folder_that_others_can_write_to_is_warned_about() {
    let folder = Folder::new();
    let key = keygen(&folder);
    for (mode, warned) in [(0o755, false), (0o1777, false), (0o777, true), (0o730, true)] {
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(mode)).unwrap();
        for key in [key.as_str(), "private.pem"] {
            let mut command = command(&["issue", "--key", key, "--namespace-id", "n"]);
            let run = run(command.current_dir(&folder.0), b"");
            assert_eq!(run.status, 0, "{run:?}");
            let warning = run.stderr.contains("others can replace the key")
                && run.stderr.contains(&format!("(mode {mode:04o}); run `chmod go-w`"));
            assert_eq!((warning, run.stderr.is_empty()), (warned, !warned), "{run:?}");
        }
    }
}
