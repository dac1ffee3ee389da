//! `issuer keygen`.

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::inspect::display::{Escaped, excerpt, pretty_json};
use namespace_jwt_issuer::signing::key_files::KeyFiles;
use namespace_jwt_issuer::signing::keys::{KeyType, RsaSize, SigningKey};
use serde_json::json;

use super::options::{Command, Given, misread, unexpected};
use super::{Done, Failure, complain, failure};
use crate::cli::help::KEYGEN_HELP;

const COMMAND: Command = Command { usage: "issuer keygen --help", help: KEYGEN_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut out = Given::new("--out");
    let mut algorithm = Given::new("--algorithm");
    let mut bits = Given::new("--bits");
    let mut json = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("out") => out.path(parser)?,
            Arg::Long("algorithm") => algorithm.text(parser)?,
            Arg::Long("bits") => bits.text(parser)?,
            Arg::Long("json") => json = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(KEYGEN_HELP),
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let out = out.required("a folder for private.pem and public.pem")?;
    let key_type = key_type(algorithm.value.as_deref(), bits.value.as_deref())?;
    let files = KeyFiles::in_folder(&out);
    files.check_absent()?;
    if key_type == KeyType::Rsa(RsaSize::Bits4096) {
        complain("making a 4096-bit RSA key; this can take a second or two");
    }
    let key = SigningKey::generate(key_type)?;
    files.write(&key)?;
    if let Some(exposure) = files.exposure() {
        complain(&exposure.to_string());
    }
    let (private, public) = (files.private.display(), files.public.display());
    let algorithm = key.algorithm().name();
    if json {
        return Done::print(
            pretty_json(&json!({
                "algorithm": algorithm,
                "private_key": private.to_string(),
                "public_key": public.to_string(),
            }))? + "\n",
        );
    }
    Done::print(format!(
        "{}  signs tokens ({algorithm}): a secret; never configure it in the filter\n\
         {}   verifies them: configure it in the filter, as public_key or SCW_PUBLIC_KEY\n",
        Escaped(&private.to_string()),
        Escaped(&public.to_string()),
    ))
}

/// The type of key that `--algorithm` and `--bits` ask for.
pub fn key_type(algorithm: Option<&str>, bits: Option<&str>) -> Result<KeyType, Failure> {
    let [rsa, ..] = KeyType::ALGORITHMS;
    let algorithm = algorithm.unwrap_or(rsa);
    if !KeyType::ALGORITHMS.contains(&algorithm) {
        return failure(format!(
            "`--algorithm`: expected RS256, ES256, ES384 or EdDSA, found {}; \
             choose one of the four",
            excerpt(algorithm)
        ));
    }
    if algorithm != rsa && bits.is_some() {
        return failure(
            "`--bits` is for RS256 alone, since other keys have one size; leave it out",
        );
    }
    let number = bits.map(|bits| bits.parse().unwrap_or(0));
    KeyType::named(algorithm, number).ok_or_else(|| {
        Failure(format!(
            "`--bits`: expected 2048, 3072 or 4096, found {}; choose one of the three",
            excerpt(bits.unwrap_or_default())
        ))
    })
}
