//! Tokens to send, in files.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::load::Tokens;
use testkit::mint::Key;
use testkit::protected::{claims_with, now};

/// A folder of tokens, which goes when the benchmark ends.
pub struct Mint {
    folder: PathBuf,
    next: Cell<usize>,
}

impl Mint {
    pub fn open() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("gateway-tokens-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the tokens");
        Self { folder, next: Cell::new(0) }
    }

    /// So many tokens that differ in their `jti`, with some claims of their own.
    pub fn tokens(&self, count: usize, key: &Key, kid: Option<&str>, claims: &Value) -> Tokens {
        let mut header = json!({"alg": key.algorithm(), "typ": "JWT"});
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        let tokens: Vec<String> = (0..count)
            .map(|n| {
                let mut claims = claims_with(claims.clone());
                claims["jti"] = json!(format!("00000000-0000-4000-8000-{n:012}"));
                claims["exp"] = json!(now() + 86_400);
                key.token_with(&header, &claims)
            })
            .collect();
        self.file(&tokens)
    }

    /// These very tokens, signed or not.
    pub fn file(&self, tokens: &[String]) -> Tokens {
        let number = self.next.replace(self.next.get() + 1);
        let file = self.folder.join(number.to_string());
        fs::write(&file, tokens.join("\n") + "\n").expect("a file of tokens");
        Tokens::new(file)
    }
}

impl Drop for Mint {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
