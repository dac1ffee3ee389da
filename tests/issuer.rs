//! The program `issuer`, driven as a person or a script would.

#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

const NAMESPACE: &str = "3a8b3cd5-b340-46f9-a763-a37fa7a6f635";
const APPLICATION: &str = "f2b0d840-043b-4d2f-a3c2-3c0454f1b1db";

/// A folder of a test's own, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("issuer-{}-{count}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), content).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What one run of the program left.
#[derive(Debug)]
struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that nothing was done, and that one line says why, with these words in it.
    #[track_caller]
    fn fails(&self, words: &str) {
        assert_eq!((self.status, self.stdout.as_str()), (2, ""), "{self:?}");
        assert!(self.stderr.starts_with("issuer: ") && self.stderr.ends_with('\n'), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.contains("; "), "it says what to do: {self:?}");
        assert!(self.stderr.contains(words), "{words:?} in {self:?}");
    }

    #[track_caller]
    fn succeeds(self) -> Self {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_issuer"));
    command.args(arguments);
    for name in ["SCW_PUBLIC", "SCW_PUBLIC_KEY", "SCW_NAMESPACE_ID", "SCW_APPLICATION_ID"] {
        command.env_remove(name);
    }
    command
}

fn run(command: &mut Command, input: &[u8]) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has read enough closes its end.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Run {
        status: output.status.code().expect("no signal ends it"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn issuer(arguments: &[&str]) -> Run {
    run(&mut command(arguments), b"")
}

/// A new ES256 key pair in `folder`.
fn keygen(folder: &Folder) -> String {
    let run = issuer(&["keygen", "--algorithm", "ES256", "--out", &folder.path("")]);
    run.succeeds();
    folder.path("private.pem")
}

/// A token for the namespace, minted with more arguments.
fn mint(key: &str, more: &[&str]) -> String {
    let grant =
        match more.iter().any(|argument| argument.ends_with("-id") && *argument != "--token-id") {
            true => vec![],
            false => vec!["--namespace-id", NAMESPACE],
        };
    let run = issuer(&[&["issue", "--key", key], &grant[..], more].concat()).succeeds();
    run.stdout.strip_suffix('\n').unwrap().to_owned()
}

fn segment(token: &str, place: usize) -> String {
    let segment = token.split('.').nth(place).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

fn header(token: &str) -> Value {
    serde_json::from_str(&segment(token, 0)).unwrap()
}

fn claims(token: &str) -> Map<String, Value> {
    serde_json::from_str(&segment(token, 1)).unwrap()
}

/// A token that nobody signed.
fn forged(header: &[u8], payload: &[u8]) -> String {
    let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.c2lnbmF0dXJl", encode(header), encode(payload))
}

fn config(folder: &Folder, members: &Value) -> String {
    let mut config = json!({"namespace_id": NAMESPACE});
    if folder.0.join("public.pem").exists() {
        config["public_key"] = folder.read("public.pem").into();
    }
    config.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    folder.write("plugin.json", config.to_string())
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

// keygen

#[test]
fn keygen_makes_a_pair_that_signs_and_verifies() {
    for (algorithm, bits, label) in [
        ("RS256", Some("2048"), "RSA PUBLIC KEY"),
        ("ES256", None, "PUBLIC KEY"),
        ("ES384", None, "PUBLIC KEY"),
        ("EdDSA", None, "PUBLIC KEY"),
    ] {
        let folder = Folder::new();
        let out = folder.path("new/keys");
        let mut arguments = vec!["keygen", "--algorithm", algorithm, "--out", &out];
        arguments.extend(bits.iter().flat_map(|bits| ["--bits", bits]));
        let run = issuer(&arguments).succeeds();
        assert!(run.stdout.contains("new/keys/private.pem"), "{run:?}");

        let mode =
            |name: &str| folder.0.join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("new/keys/private.pem"), 0o600, "{algorithm}");
        assert_eq!(mode("new/keys") & 0o077, 0, "{algorithm}");
        let private = folder.read("new/keys/private.pem");
        let public = folder.read("new/keys/public.pem");
        assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{algorithm}");
        assert!(private.ends_with("\n-----END PRIVATE KEY-----\n"), "{algorithm}");
        assert!(public.starts_with(&format!("-----BEGIN {label}-----\n")), "{public}");

        let token = mint(&folder.path("new/keys/private.pem"), &[]);
        assert_eq!(header(&token), json!({"alg": algorithm, "typ": "JWT"}));
        let config = config(&folder, &json!({"public_key": public}));
        let run = issuer(&["inspect", &token, "--config", &config]).succeeds();
        assert!(run.stdout.contains("admitted (allowed)"), "{run:?}");
    }
}

#[test]
fn keygen_overwrites_nothing() {
    for existing in ["private.pem", "public.pem"] {
        for dangling in [false, true] {
            let folder = Folder::new();
            if dangling {
                std::os::unix::fs::symlink(folder.path("elsewhere"), folder.path(existing))
                    .unwrap();
            } else {
                folder.write(existing, "mine");
            }
            let run = issuer(&["keygen", "--algorithm", "ES256", "--out", &folder.path("")]);
            run.fails(&format!("{existing} exists"));
            assert_eq!(folder.names(), [existing]);
            if !dangling {
                assert_eq!(folder.read(existing), "mine");
            }
        }
    }
}

#[test]
fn keygen_says_what_it_cannot_do() {
    let folder = Folder::new();
    let file = folder.write("file", "");
    let out = folder.path("keys");
    for (arguments, words) in [
        (&["--out", &out, "--bits", "1024"][..], "expected 2048, 3072 or 4096, found `1024`"),
        (&["--out", &out, "--bits", "8192"], "found `8192`"),
        (&["--out", &out, "--bits", "-1"], "found `-1`"),
        (&["--out", &out, "--bits"], "a value after --bits"),
        (&["--out", &out, "--algorithm", "HS256"], "RS256, ES256, ES384 or EdDSA, found `HS256`"),
        (&["--out", &out, "--algorithm", "ES256", "--bits", "2048"], "--bits is for RS256"),
        (&["--out", &out, "--out", &out], "--out is given twice"),
        (&["--out", &file, "--algorithm", "ES256"], "file"),
        (&["--out", ""], "a value after --out"),
        (&["--out", "--json"], "a value after --out"),
        (&["--out", &out, "--force"], "`--force` is no option"),
        (&["--out", &out, "-f"], "`-f` is no option"),
        (&["--out", &out, "--json=yes"], "`--json` takes no value"),
        (&[], "expected --out"),
    ] {
        issuer(&[&["keygen"], arguments].concat()).fails(words);
        assert_eq!(folder.names(), ["file"], "{arguments:?}");
    }
}

#[test]
fn keygen_tells_programs_in_json() {
    let folder = Folder::new();
    let out = folder.path("keys");
    let run = issuer(&["keygen", "--algorithm", "EdDSA", "--out", &out, "--json"]).succeeds();
    let expected = json!({
        "algorithm": "EdDSA",
        "private_key": format!("{out}/private.pem"),
        "public_key": format!("{out}/public.pem"),
    });
    assert_eq!(run.json(), expected);
}

// issue

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
    let key = folder.write("rsa.pem", include_str!("issuer/keys/rsa-2048-pkcs1.pem"));
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
        (&[][..], "give --namespace-id, --function-id or --container-id"),
        (&["--namespace-id", "n", "--function-id", "f"], "found several"),
        (&["--namespace-id", "n", "--container-id", "c"], "found several"),
        (&["--function-id", "f", "--container-id", "f"], "found several"),
        (&["--namespace-id", "n", "--namespace-id", "n"], "--namespace-id is given twice"),
        (&["--namespace-id", ""], "a value after --namespace-id"),
        (&["--namespace-id", "--no-expiration"], "a value after --namespace-id"),
        (&["--namespace-id", "a b"], "spaces or control characters"),
        (&["--function-id", "a\nb"], "spaces or control characters"),
        (&["--namespace-id", &big], "a token of at most 8192 bytes"),
        (&[n[0], n[1], "--expires-in", "1h", "--no-expiration"], "found several"),
        (&[n[0], n[1], "--expires-in", "1h", "--expires-at", "2200-01-01T00:00:00Z"], "several"),
        (&[n[0], n[1], "--expires-at", "2020-01-01T00:00:00Z"], "one that has passed"),
        (&[n[0], n[1], "--expires-in", "0s"], "one that has passed"),
        (&[n[0], n[1], "--expires-in", "500ms"], "one that has passed"),
        (&[n[0], n[1], "--expires-in", "-1h"], "found `-1h`"),
        (&[n[0], n[1], "--expires-in", "1 month"], "for months or years give days"),
        (&[n[0], n[1], "--expires-at", "tomorrow"], "a time in RFC 3339"),
        (&[n[0], n[1], "--expires-at", "2030-01-31"], "a time in RFC 3339"),
        (&[n[0], n[1], "--expires-at", "1900000000"], "a time in RFC 3339"),
        (&[n[0], n[1], "--token-id", "7"], "expected a UUID"),
        (&[n[0], n[1], "--token-id", "6ddfbef7cea14106b067207193d968af"], "expected a UUID"),
    ] {
        issuer(&[&["issue", "--key", &key], arguments].concat()).fails(words);
    }
    issuer(&["issue", "--namespace-id", "n"]).fails("expected --key");
    let missing = folder.path("missing.pem");
    issuer(&["issue", "--key", &missing, "--namespace-id", "n"]).fails("check the name");
    issuer(&["issue", "--key", &folder.path(""), "--namespace-id", "n"]).fails("directory");
    issuer(&["issue", "--key", "/dev/zero", "--namespace-id", "n"]).fails("a private key in PEM");
}

#[test]
fn keys_that_others_made_sign_tokens() {
    for (name, algorithm, pem) in [
        ("RSA, PKCS#1", "RS256", include_str!("issuer/keys/rsa-2048-pkcs1.pem")),
        ("RSA, PKCS#8", "RS256", include_str!("issuer/keys/rsa-2048-pkcs8.pem")),
        ("P-256, SEC1", "ES256", include_str!("issuer/keys/p256-sec1-with-parameters.pem")),
        ("P-384, SEC1", "ES384", include_str!("issuer/keys/p384-sec1.pem")),
        ("P-384, PKCS#8", "ES384", include_str!("issuer/keys/p384-pkcs8.pem")),
        ("Ed25519, PKCS#8", "EdDSA", include_str!("issuer/keys/ed25519-pkcs8.pem")),
        ("Ed25519, PKCS#8 v2", "EdDSA", include_str!("issuer/keys/ed25519-pkcs8-v2.pem")),
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
    let damaged = include_str!("issuer/keys/p384-pkcs8.pem").replacen("M", "N", 1);
    let cut = &include_str!("issuer/keys/p384-pkcs8.pem")[..100];
    let half = include_str!("issuer/keys/rsa-2048-pkcs8.pem").replace("-----END", "----- END");
    for (pem, words) in [
        (include_str!("issuer/keys/rsa-1024.pem"), "2048 to 4096 bits"),
        (include_str!("issuer/keys/rsa-pss.pem"), "another kind"),
        (include_str!("issuer/keys/p521-sec1.pem"), "another kind"),
        (include_str!("issuer/keys/secp256k1-sec1.pem"), "another kind"),
        (include_str!("issuer/keys/x25519.pem"), "another kind"),
        (include_str!("issuer/keys/ed448.pem"), "another kind"),
        (include_str!("issuer/keys/encrypted-pkcs8.pem"), "`openssl pkey`"),
        (include_str!("issuer/keys/encrypted-sec1.pem"), "`openssl pkey`"),
        (include_str!("issuer/keys/openssh.pem"), "ssh-keygen"),
        (include_str!("issuer/keys/public.pem"), "found a public one"),
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
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let run = issuer(&["issue", "--key", &key, "--namespace-id", "n"]);
        assert_eq!(run.status, 0, "{run:?}");
        assert_eq!(run.stdout.split('.').count(), 3, "{run:?}");
        assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
        let warning =
            format!("issuer: others can read {key} (mode {mode:04o}); run `chmod 600` on it\n");
        assert_eq!(run.stderr, if warned { warning } else { String::new() });
    }
}

// inspect

struct PlatformToken {
    token: String,
    public_key: String,
}

/// Tokens that the platform itself minted, if they are at hand.
fn platform_tokens() -> Option<Vec<PlatformToken>> {
    let folder = std::env::var_os("NAMESPACE_JWT_VECTORS")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"));
    let path = folder.join("platform_tokens.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let tokens = vectors["tokens"].as_array().unwrap().iter().map(|token| PlatformToken {
        token: token["token"].as_str().unwrap().to_owned(),
        public_key: token["public_key"].as_str().unwrap().to_owned(),
    });
    Some(tokens.collect())
}

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
        (&token, json!({}), soon.as_str(), "allowed", "its grant opens everything in namespace"),
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
            "protected is application a in namespace n; the token opens everything in namespace 3a8b",
        ),
        (
            &forged(br#"{"alg":"HS256"}"#, b"{}"),
            json!({}),
            &soon,
            "unsupported_algorithm",
            "it says `HS256`, its keys accept ES256",
        ),
        (&forged(br#"{"alg":"ES256"}"#, b"{}"), json!({}), &soon, "bad_signature", "namespace's?"),
        (&"a.b".to_owned(), json!({}), &soon, "malformed_token", "3 segments"),
        (&format!("Bearer {token}"), json!({}), &soon, "malformed_token", "give the token alone"),
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
        run(&mut command(&["inspect", "--config", &config]), input).fails("expected a token");
    }
}

#[test]
fn nothing_in_a_token_reaches_the_terminal_unescaped() {
    // ESC, BEL, DEL, a C1 control, a right-to-left override, a zero-width space, a tag.
    let evil = "\u{1b}[31m\u{7}\u{7f}\u{9b}31m\u{202e}\u{200b}\u{e0041}\r\nissuer: admitted";
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
        (&["--at", "yesterday"][..], "a time in RFC 3339"),
        (&["--config", &folder.path("missing.json")], "check the name"),
        (&["--config", &bad("a.json", "{")], "a.json: "),
        (&["--config", &bad("b.json", r#"{"namespaceid":"n"}"#)], "namespaceid"),
        (&["--config", &bad("c.json", r#"{"namespace_id":1}"#)], "namespace_id: expected"),
        (&["--config", &bad("d.json", r#"{"namespace_id":"n"}"#)], "public_key: expected"),
        (&["--verbose"], "`--verbose` is no option"),
        (&["another"], "expected one token"),
    ] {
        issuer(&[&["inspect", &token], arguments].concat()).fails(words);
    }
}

// The program as a whole

#[test]
fn help_and_version_are_at_hand() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["keygen", "--help"],
        &["issue", "-h"],
        &["inspect", "--help"],
    ] {
        let run = issuer(arguments).succeeds();
        assert!(run.stdout.contains("Usage: issuer "), "{run:?}");
        assert!(run.stdout.lines().all(|line| line.len() <= 90), "{run:?}");
    }
    let version = concat!("issuer ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(issuer(&["--version"]).succeeds().stdout, version);
    issuer(&[]).fails("expected a command");
    issuer(&["serve"]).fails("expected a command");
    issuer(&["--key"]).fails("expected a command");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let token = mint(&key, &[]);
    let mut command = command(&["inspect"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Gone before the program, which waits for its input, writes anything.
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let status = command(&["--help"]).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
