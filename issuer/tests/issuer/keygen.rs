//! `issuer keygen`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::program::*;

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
        (&["--out", &out, "--bits"], "`--bits` needs a value"),
        (&["--out", &out, "--algorithm", "HS256"], "RS256, ES256, ES384 or EdDSA, found `HS256`"),
        (&["--out", &out, "--algorithm", "ES256", "--bits", "2048"], "`--bits` is for RS256"),
        (&["--out", &out, "--out", &out], "`--out` is given twice"),
        (&["--out", &file, "--algorithm", "ES256"], "file"),
        (&["--out", ""], "the value of `--out` is empty"),
        (&["--out", "--json"], "`--out` needs a value"),
        (&["--out", &out, "--force"], "unknown option `--force`; see `issuer keygen --help`"),
        (&["--out", &out, "-f"], "unknown option `-f`"),
        (&["--out", &out, "--json=yes"], "`--json` takes no value"),
        (&["--algoritm", "ES256"], "unknown option `--algoritm`; did you mean `--algorithm`?\n"),
        (&[], "`--out` is required"),
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

#[test]
fn a_folder_that_others_can_write_to_is_warned_about() {
    for (mode, warned) in
        [(0o700, false), (0o755, false), (0o1777, false), (0o775, true), (0o757, true)]
    {
        let folder = Folder::new();
        let out = folder.path("keys");
        fs::create_dir(&out).unwrap();
        fs::set_permissions(&out, fs::Permissions::from_mode(mode)).unwrap();
        let run = issuer(&["keygen", "--algorithm", "ES256", "--out", &out]);
        assert_eq!(run.status, 0, "{run:?}");
        let warning = format!(
            "issuer: others can replace the key, since they can write to its folder {out} (mode \
             {mode:04o}); run `chmod go-w` on the folder, or keep the key in another\n"
        );
        assert_eq!(run.stderr, if warned { warning } else { String::new() });
    }
}
