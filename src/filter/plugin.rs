//! The filter's life: configured once in each worker, then one context a request.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use super::host::{self, Counter, Level, Refusal};
use super::signatures::{Prepared, Signatures, VERIFY_SIGNATURE};
use super::{pairs, structs};
use crate::access::{Access, Admitted};
use crate::cache::TokenCache;
use crate::config::{Config, Environment, Mode};
use crate::denial::Denial;
use crate::key::KeySet;
use crate::request::Presented;
use crate::time::UnixTime;

/// The name of the filter state, `wasm.` before it in the access log's format.
const FILTER_STATE: &str = "namespace_jwt";

#[allow(unsafe_code, reason = "the macro exports the module's entry point")]
mod entry {
    proxy_wasm::main! {{
        // The SDK's wrappers may still panic, on a proxy that breaks the ABI. What a panic
        // would print could hold a client's bytes; where it happened is enough.
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            super::host::log(super::Level::Error, &format!("namespace-jwt: panic at {place}"));
        }));
        proxy_wasm::set_root_context(|_| Box::<super::Plugin>::default());
    }}
}

/// What a worker holds.
#[derive(Default)]
struct Plugin {
    /// None until there is a good configuration.
    filter: Option<Rc<Filter>>,
}

struct Filter {
    config: Config,
    backend: Signatures<HostCall>,
    cache: RefCell<TokenCache>,
    counters: Vec<(&'static str, Counter)>,
}

/// Hands arguments to the proxy's `verify_signature`.
type HostCall = fn(&[u8]) -> Result<Vec<u8>, Refusal>;

/// One request.
struct Request {
    filter: Option<Rc<Filter>>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, size: usize) -> bool {
        match Filter::configure(size) {
            Ok(filter) => {
                self.filter = Some(Rc::new(filter));
                true
            }
            Err(why) => {
                let line = format!("namespace-jwt: configuration refused: {why}");
                host::log(Level::Error, &line);
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { filter: self.filter.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Filter {
    fn configure(size: usize) -> Result<Self, String> {
        let given = host::plugin_configuration(size).map_err(|refusal| refusal.to_string())?;
        let json = structs::to_json(&given).unwrap_or(given);
        let environment =
            Environment::read(|name| std::env::var_os(name)).map_err(|error| error.to_string())?;
        let config = Config::from_json(&json, &environment).map_err(|error| error.to_string())?;
        let codes = Admitted::CODES.into_iter().chain(Denial::ALL.map(Denial::code));
        let counter = |code| {
            let counter = Counter::define(&format!("namespace_jwt.decision.{code}"));
            counter.map(|counter| (code, counter)).map_err(|refusal| refusal.to_string())
        };
        let counters = codes.map(counter).collect::<Result<_, _>>()?;
        let cache = RefCell::new(TokenCache::new(config.token_cache_size));
        let no_keys = KeySet::default();
        let keys = match &config.access {
            Access::Public => &no_keys,
            Access::Private { keys, .. } => keys,
        };
        let call: HostCall = |arguments| host::call_foreign_function(VERIFY_SIGNATURE, arguments);
        let choice = config.signature_verification;
        let Prepared { signatures, fallback } = Signatures::prepare(call, choice, keys)
            .map_err(|why| format!("signature_verification: expected a proxy that checks every algorithm in use, found that {why}"))?;
        if let Some(why) = fallback {
            let line = format!("namespace-jwt: signatures are checked by the module itself: {why}");
            host::log(Level::Info, &line);
        }
        Ok(Self { config, backend: signatures, cache, counters })
    }

    fn on_request(&self) -> Result<Action, Refusal> {
        let map = host::request_headers()?;
        let headers = pairs::parse(&map).ok_or(Refusal::Unreadable)?;
        let token_headers = &self.config.token_headers;
        let presented = Presented::find(token_headers, headers.iter().copied());
        match self.decide(presented, host::now()?) {
            Ok(admitted) => {
                host::log(Level::Debug, admitted.log_line());
                self.record(admitted.code());
            }
            Err(denial) => {
                self.record(denial.code());
                let denied = match self.config.mode {
                    Mode::Enforce => "denied",
                    Mode::ReportOnly => "would deny",
                };
                host::log(Level::Info, &format!("namespace-jwt: {denied}: {}", denial.code()));
                if self.config.mode == Mode::Enforce {
                    let details = format!("namespace_jwt_denied{{{}}}", denial.code());
                    host::send_answer(&self.config.statuses.answer(denial), &details)?;
                    return Ok(Action::Pause);
                }
            }
        }
        if !self.config.forward_token {
            for header in token_headers {
                if headers.iter().any(|(name, _)| header.is(name)) {
                    host::remove_request_header(header.name())?;
                }
            }
        }
        Ok(Action::Continue)
    }

    fn decide(&self, presented: Presented<'_>, now: UnixTime) -> Result<Admitted, Denial> {
        // Nothing below calls back into the filter, so nobody else holds the cache.
        self.config.access.decide(presented, &self.backend, &mut self.cache.borrow_mut(), now)
    }

    fn record(&self, code: &'static str) {
        if let Some((_, counter)) = self.counters.iter().find(|(name, _)| *name == code) {
            counter.increment();
        }
        host::set_property(FILTER_STATE, code);
    }
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let filter = self.filter.as_ref().ok_or(Refusal::NotConfigured);
        filter.and_then(|filter| filter.on_request()).unwrap_or_else(|refusal| {
            let line = format!("namespace-jwt: a request can't be judged: {refusal}");
            host::log(Level::Error, &line);
            // Where even this is refused, the request stays where it is until a time-out.
            let _ = host::send_failure();
            Action::Pause
        })
    }
}
