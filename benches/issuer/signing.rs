//! Signatures and nothing else, by the crate that the service signs with: what a server that mints
//! could reach at most.
//!
//! It is a process of its own, this program with [`ARGUMENT`], on the server's processor.

use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use testkit::measure::process::on_processor;

use crate::SERVER;

/// What makes this program sign.
pub const ARGUMENT: &str = "--sign";

/// How long it signs.
const TIME: Duration = Duration::from_secs(1);

/// About what the header and the claims of a token take.
const MESSAGE: [u8; 400] = [b'x'; 400];

/// Signatures for each second with such a key.
pub fn rate(kind: &str) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let mut command = on_processor(SERVER, program.to_str().expect("UTF-8"));
    let output = command.args([ARGUMENT, kind]).output().expect("this program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|_| panic!("expected a rate for {kind}, found {text}"))
}

/// Signs for a second and prints how often.
pub fn sign(kind: &str) {
    let random = SystemRandom::new();
    let rate = match kind {
        "RSA-4096" => with_rsa(KeySize::Rsa4096, &random),
        "RSA-2048" => with_rsa(KeySize::Rsa2048, &random),
        _ => {
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
            measured(|| {
                key.sign(&random, &MESSAGE).expect("a signature");
            })
        }
    };
    println!("{rate}");
}

fn with_rsa(size: KeySize, random: &SystemRandom) -> f64 {
    let key = RsaKeyPair::generate(size).expect("a key");
    let mut signature = vec![0; key.public_modulus_len()];
    measured(|| key.sign(&RSA_PKCS1_SHA256, random, &MESSAGE, &mut signature).expect("a signature"))
}

fn measured(mut once: impl FnMut()) -> f64 {
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        once();
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}
