//! A filter as others verify tokens in the VM: jwt-simple's `verify_token` on each request.
//! `benches/gateway` measures it, to compare with this product's own code in the VM.
//!
//! Its configuration is a line with the algorithm, then the public key in PEM.

use std::rc::Rc;

use jwt_simple::prelude::*;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::<Plugin>::default());
}}

#[derive(Default)]
struct Plugin {
    verify: Option<Rc<Verify>>,
}

type Verify = dyn Fn(&str) -> bool;

struct Request {
    verify: Option<Rc<Verify>>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _size: usize) -> bool {
        let given = self.get_plugin_configuration().and_then(|it| String::from_utf8(it).ok());
        self.verify = given.and_then(|given| {
            let (algorithm, pem) = given.split_once('\n')?;
            verifier(algorithm, pem)
        });
        self.verify.is_some()
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { verify: self.verify.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn verifier(algorithm: &str, pem: &str) -> Option<Rc<Verify>> {
    macro_rules! with {
        ($key:ident) => {{
            let key = $key::from_pem(pem).ok()?;
            Some(Rc::new(move |token: &str| {
                key.verify_token::<NoCustomClaims>(token, None).is_ok()
            }))
        }};
    }
    match algorithm {
        "RS256" => with!(RS256PublicKey),
        "ES256" => with!(ES256PublicKey),
        "ES384" => with!(ES384PublicKey),
        "EdDSA" => with!(Ed25519PublicKey),
        _ => None,
    }
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let token = self.get_http_request_header("x-auth-token").unwrap_or_default();
        if self.verify.as_ref().is_some_and(|verify| verify(&token)) {
            return Action::Continue;
        }
        self.send_http_response(401, Vec::new(), None);
        Action::Pause
    }
}
