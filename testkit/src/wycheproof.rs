//! Project Wycheproof's signatures of the kinds that JWS has, and what becomes of each here.
//!
//! A set says how many cases it has, how many of them are admitted, and which are decided
//! otherwise than Wycheproof labels them, and why. What passes although it shouldn't, what
//! doesn't although it should, an exception that is none, and a case that nobody looked at: each
//! fails.

mod sets;

use std::fmt::Write as _;
use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::mint::base64url;
pub use sets::{ECDSA, EDDSA, PKCS1, PSS};

/// One of Wycheproof's files, as signatures of one algorithm.
pub struct Set {
    /// The file's name, without its `_test.json`.
    pub name: &'static str,
    /// The JWS algorithm that they are checked as, whatever the file has them for.
    pub algorithm: &'static str,
    pub cases: usize,
    pub admitted: usize,
    exceptions: &'static [Exception],
}

/// Where this product decides otherwise than Wycheproof labels a case, and why.
enum Exception {
    /// The key itself is refused: nothing that it signed can pass.
    Key(Cases, &'static str),
    /// Called valid or acceptable there, refused here.
    Refused(Cases, &'static str),
    /// Called invalid there, admitted here.
    Admitted(Cases, &'static str),
}

/// Cases by their `tcId`.
enum Cases {
    Only(&'static [u64]),
    AllBut(&'static [u64]),
}

/// Cases under one key.
pub struct Group {
    /// The key in each form that the file has: a PEM text, or a JWK as an object.
    pub keys: Vec<Value>,
    /// Why the key is to be refused.
    pub refused: Option<&'static str>,
    pub cases: Vec<Case>,
}

/// A signature, and whether it is to be admitted.
pub struct Case {
    pub id: u64,
    pub comment: String,
    pub message: Vec<u8>,
    pub signature: Vec<u8>,
    pub admitted: bool,
}

impl Case {
    /// What a lenient reader may take for the same signature: with a zero more, or a byte less,
    /// in front of it, behind it, or in front of each of its halves.
    pub fn of_other_lengths(&self) -> Vec<Vec<u8>> {
        let all = self.signature.as_slice();
        let (r, s) = all.split_at(all.len() / 2);
        let zero: &[u8] = &[0];
        let variants: [&[&[u8]]; 6] = [
            &[zero, all],
            &[all, zero],
            &[&all[1..]],
            &[&all[..all.len() - 1]],
            &[zero, r, zero, s],
            &[&r[1..], &s[1..]],
        ];
        variants.map(<[_]>::concat).into()
    }
}

impl Cases {
    fn have(&self, id: u64) -> bool {
        match self {
            Self::Only(ids) => ids.contains(&id),
            Self::AllBut(ids) => !ids.contains(&id),
        }
    }

    /// The cases that are named one by one.
    fn named(&self) -> &'static [u64] {
        let (Self::Only(ids) | Self::AllBut(ids)) = self;
        ids
    }
}

impl Set {
    /// Every case, by key.
    pub fn groups(&self) -> Vec<Group> {
        let file: Value = serde_json::from_str(json_of(self.name)).unwrap();
        let groups: Vec<_> =
            file["testGroups"].as_array().unwrap().iter().map(|group| self.group(group)).collect();
        let cases = || groups.iter().flat_map(|group| &group.cases);
        let counts = (cases().count(), cases().filter(|case| case.admitted).count());
        assert_eq!(counts, (self.cases, self.admitted), "{}: its cases, those admitted", self.name);
        assert_eq!(file["numberOfTests"], self.cases, "{}", self.name);
        for exception in self.exceptions {
            let (Exception::Key(ids, why)
            | Exception::Refused(ids, why)
            | Exception::Admitted(ids, why)) = exception;
            assert!(!why.is_empty(), "{}", self.name);
            for id in ids.named() {
                assert!(cases().any(|case| case.id == *id), "{}: there is no {id}", self.name);
            }
        }
        groups
    }

    fn group(&self, group: &Value) -> Group {
        let cases: Vec<_> =
            group["tests"].as_array().unwrap().iter().map(|case| self.case(case)).collect();
        let refused: Vec<_> = cases.iter().map(|case| self.key_exception(case.id)).collect();
        let name = self.name;
        assert!(refused.iter().all(|why| *why == refused[0]), "{name}: some of a key's cases");
        Group { keys: keys(group), refused: refused[0], cases }
    }

    fn key_exception(&self, id: u64) -> Option<&'static str> {
        self.exceptions.iter().find_map(|exception| match exception {
            Exception::Key(cases, why) if cases.have(id) => Some(*why),
            _ => None,
        })
    }

    fn case(&self, case: &Value) -> Case {
        let id = case["tcId"].as_u64().unwrap();
        let label = case["result"].as_str().unwrap();
        let what = format!("{} {id}, which is called {label}", self.name);
        let labelled = match label {
            "valid" => Some(true),
            "invalid" => Some(false),
            // Ours to decide.
            "acceptable" => None,
            _ => panic!("{what}"),
        };
        let mut decided = labelled;
        for exception in self.exceptions {
            let (cases, admitted) = match exception {
                Exception::Key(cases, _) | Exception::Refused(cases, _) => (cases, false),
                Exception::Admitted(cases, _) => (cases, true),
            };
            if cases.have(id) {
                // An invalid signature under a refused key is one all the same.
                let is_key = matches!(exception, Exception::Key(..));
                let is_named = matches!(cases, Cases::Only(_));
                assert!(is_key || !is_named || labelled != Some(admitted), "{what}: no exception");
                decided = Some(admitted);
            }
        }
        let bytes = |name: &str| from_hex(case[name].as_str().unwrap());
        Case {
            id,
            comment: case["comment"].as_str().unwrap_or_default().to_owned(),
            message: bytes("msg"),
            signature: bytes("sig"),
            admitted: decided.unwrap_or_else(|| panic!("{what}: refused or admitted, and why?")),
        }
    }
}

/// Holds what `judge` says against what is expected: whether each case of a group is admitted,
/// or none where its key is refused.
pub fn check<'a>(
    sets: impl IntoIterator<Item = &'a Set>,
    mut judge: impl FnMut(&Set, &Group) -> Option<Vec<bool>>,
) {
    let mut surprises = String::new();
    for set in sets {
        let (mut cases, mut admitted) = (0, 0);
        for group in set.groups() {
            let found = judge(set, &group);
            if found.is_none() != group.refused.is_some() {
                let id = group.cases[0].id;
                let key = if found.is_none() { "refused" } else { "taken" };
                writeln!(surprises, "{} {id}: its key is {key}", set.name).unwrap();
            }
            let found = found.unwrap_or_else(|| vec![false; group.cases.len()]);
            assert_eq!(found.len(), group.cases.len(), "{}: each case is judged", set.name);
            for (case, found) in group.cases.iter().zip(found) {
                cases += 1;
                admitted += usize::from(found);
                if found != case.admitted {
                    let (name, id, comment) = (set.name, case.id, &case.comment);
                    writeln!(surprises, "{name} {id} ({comment}): admitted: {found}").unwrap();
                }
            }
        }
        if (cases, admitted) != (set.cases, set.admitted) {
            writeln!(surprises, "{}: {admitted} of {cases} admitted", set.name).unwrap();
        }
    }
    assert!(surprises.is_empty(), "decided otherwise than expected:\n{surprises}");
}

/// All of it as a file, for WebAssembly.
pub fn to_json() -> Value {
    let case = |case: &Case| {
        let bytes = [&case.message, &case.signature].map(|bytes| base64url(bytes));
        json!({"id": case.id, "message": bytes[0], "signature": bytes[1], "admitted": case.admitted})
    };
    let group = |group: Group| {
        let cases: Vec<_> = group.cases.iter().map(case).collect();
        json!({"keys": group.keys, "refused": group.refused, "cases": cases})
    };
    let set = |set: &Set| {
        let groups: Vec<_> = set.groups().into_iter().map(group).collect();
        json!({
            "name": set.name, "algorithm": set.algorithm,
            "cases": set.cases, "admitted": set.admitted, "groups": groups,
        })
    };
    PKCS1.iter().chain(&PSS).chain(&ECDSA).chain(&EDDSA).map(set).collect()
}

fn json_of(name: &str) -> &'static str {
    macro_rules! in_modules {
        ($($module:ident),*) => {
            [$(wycheproof::$module::TestName::from_str(name).map(|it| it.json_data()).ok()),*]
        };
    }
    let found = in_modules!(rsa_pkcs1_verify, rsa_pss_verify, ecdsa, eddsa);
    found.into_iter().flatten().next().unwrap_or_else(|| panic!("Wycheproof has no {name}"))
}

/// The key of a group: as SPKI, as PKCS #1 for RSA, which is the platform's form, and as a JWK.
fn keys(group: &Value) -> Vec<Value> {
    let mut keys = vec![group["publicKeyPem"].clone()];
    // PKCS #1 has no place for the parameters.
    let has_parameters = group["type"] == "RsassaPssWithParametersVerify";
    if let Some(pkcs1) = group["publicKeyAsn"].as_str().filter(|_| !has_parameters) {
        let base64 = STANDARD.encode(from_hex(pkcs1));
        let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        let label = "RSA PUBLIC KEY-----";
        keys.push(format!("-----BEGIN {label}\n{}\n-----END {label}\n", lines.join("\n")).into());
    }
    keys.extend(["keyJwk", "publicKeyJwk"].into_iter().filter_map(|name| group.get(name)).cloned());
    keys
}

fn from_hex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    let pairs = (0..hex.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
