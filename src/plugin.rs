//! The filter as one configuration has it, in one worker: what it does with a request.

use std::cell::RefCell;

use crate::host::{self, Counter, Level, Refusal};
use crate::host_verifier::{Prepared, Signatures, VERIFY_SIGNATURE};
use crate::{announcement, environment, header_map, log, structs};
use namespace_jwt_core::access::{Access, Admitted};
use namespace_jwt_core::cache::{Budget, TokenCache};
use namespace_jwt_core::config::{Config, Environment, Mode, Notice, NoticeLevel};
use namespace_jwt_core::denial::Denial;
use namespace_jwt_core::key::KeySet;
use namespace_jwt_core::request::{Preflight, Presented};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::time::UnixTime;

/// The name of the filter state, `wasm.` before it in the access log's format.
const FILTER_STATE: &str = "namespace_jwt";

/// The proxy's status where somebody else replaced a shared value meanwhile.
const VERSION_MISMATCH: u32 = 8;

/// A plugin with a good configuration.
pub struct Plugin {
    config: Config,
    backend: Signatures<HostCall>,
    cache: RefCell<TokenCache>,
    counters: Vec<(&'static str, Counter)>,
}

thread_local! {
    /// What the caches of all plugins may take. A VM has one thread.
    static CACHES: Budget = Budget::default();
}

/// Hands arguments to the proxy's `verify_signature`.
type HostCall = fn(&[u8]) -> Result<Vec<u8>, Refusal>;

/// What happens to the request next (Proxy-Wasm's `Action`).
#[derive(Clone, Copy, Debug)]
pub enum Next {
    /// It goes on to the next filter.
    Continue = 0,
    /// It stays here: it has been answered.
    Pause = 1,
}

/// Whether no other worker announces the configuration. A proxy that shares nothing, or
/// something else, has it announced again.
fn is_first_to_announce(key: &str) -> bool {
    let Ok(now) = host::now() else { return true };
    let (left, version) =
        host::shared_data(key).map_or((None, 0), |(it, version)| (Some(it), version));
    announcement::is_due(left.as_deref(), now)
        && host::set_shared_data(key, &announcement::value(now), version)
            != Err(Refusal::Status(VERSION_MISMATCH))
}

impl Plugin {
    /// Reads the configuration, of `size` bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for the log.
    pub fn configure(size: usize) -> Result<Self, String> {
        let given = host::plugin_configuration(size).map_err(|refusal| refusal.to_string())?;
        let json = structs::read(given).map_err(|error| error.to_string())?;
        let environment =
            Environment::read(|name| std::env::var_os(name)).map_err(|error| error.to_string())?;
        let config = Config::from_json(&json, &environment)
            .map_err(|error| environment::explained(&error, host::property))?;
        environment::refuse_borrowed(&config.from_environment, host::property)?;
        let codes = Admitted::CODES.into_iter().chain(Denial::ALL.map(Denial::code));
        let counter = |code| {
            let counter = Counter::define(&config.counter_name(code));
            counter.map(|counter| (code, counter)).map_err(|refusal| refusal.to_string())
        };
        let counters = codes.map(counter).collect::<Result<_, _>>()?;
        let cache = CACHES.with(|budget| TokenCache::within(budget, config.token_cache_size));
        let no_keys = KeySet::default();
        let keys = match &config.access {
            Access::Public => &no_keys,
            Access::Private { keys, .. } => keys,
        };
        let call: HostCall = |arguments| host::call_foreign_function(VERIFY_SIGNATURE, arguments);
        let choice = config.signature_verification;
        let Prepared { signatures, fallback } = Signatures::prepare(call, choice, keys)
            .map_err(|why| format!("signature_verification: expected a proxy that checks every algorithm in use, found that {why}"))?;
        let announced = announcement::key(&json, &environment);
        let by_guest = signatures.left_to_guest(keys);
        let cache = RefCell::new(cache);
        let plugin = Self { config, backend: signatures, cache, counters };
        if is_first_to_announce(&announced) {
            plugin.announce(&by_guest, fallback);
        }
        Ok(plugin)
    }

    /// Logs what the configuration comes to.
    fn announce(&self, by_guest: &[Algorithm], fallback: Option<String>) {
        let summary = self.config.summary(by_guest);
        host::log(Level::Info, &format!("namespace-jwt: {summary}"));
        for Notice { level, text } in &self.config.notices {
            let level = match level {
                NoticeLevel::Info => Level::Info,
                NoticeLevel::Warning => Level::Warn,
            };
            host::log(level, &format!("namespace-jwt: {text}"));
        }
        if let Some(why) = fallback {
            let line = format!(
                "namespace-jwt: the proxy's crypto is unavailable ({why}); falling back to the \
                 slower built-in verification"
            );
            host::log(Level::Warn, &line);
        }
    }

    /// Decides about the request whose headers are there, and does it.
    ///
    /// # Errors
    ///
    /// What the proxy didn't do: nothing is decided then.
    pub fn request(&self) -> Result<Next, Refusal> {
        let map = host::request_headers()?;
        let headers = header_map::parse(&map).ok_or(Refusal::Unreadable)?;
        let Config { token_headers, token_cookies, allow_cors_preflight, .. } = &self.config;
        let arrived = headers.iter().copied();
        let presented = Presented::find(token_headers, token_cookies, arrived.clone());
        let preflight = Preflight::find(*allow_cors_preflight, arrived.clone());
        let now = host::now()?;
        let decision = match preflight {
            Some(preflight) => Ok(self.config.access.admit(preflight)),
            None => self.decide(presented, now),
        };
        match decision {
            Ok(admitted) => {
                log::about_request(Level::Debug, Some(now), || admitted.log_line().to_owned());
                self.record(admitted.code());
            }
            Err(denial) => {
                self.record(denial.code());
                let denied = match self.config.mode {
                    Mode::Enforce => "denied",
                    Mode::ReportOnly => "would deny",
                };
                log::about_request(Level::Info, Some(now), || {
                    format!("namespace-jwt: {denied}: {}", denial.code())
                });
                if self.config.mode == Mode::Enforce {
                    let details = format!("namespace_jwt_denied{{{}}}", denial.code());
                    host::send_answer(&self.config.statuses.answer(denial), &details)?;
                    return Ok(Next::Pause);
                }
            }
        }
        if !self.config.forward_token {
            for removal in presented.removals(token_headers, token_cookies, arrived) {
                match removal.left.split_first() {
                    None => host::remove_request_header(removal.name)?,
                    Some((first, more)) => {
                        host::replace_request_header(removal.name, first)?;
                        for value in more {
                            host::add_request_header(removal.name, value)?;
                        }
                    }
                }
            }
        }
        Ok(Next::Continue)
    }

    fn decide(&self, presented: Presented<'_>, now: UnixTime) -> Result<Admitted, Denial> {
        // Nothing below calls back into the filter, so nobody else holds the cache.
        self.config.access.decide(presented, &self.backend, &mut self.cache.borrow_mut(), now)
    }

    /// Another plugin has come into the VM, whose caches share one budget.
    pub fn make_room(&self) {
        self.cache.borrow_mut().keep_to_share();
    }

    fn record(&self, code: &'static str) {
        if let Some((_, counter)) = self.counters.iter().find(|(name, _)| *name == code) {
            counter.increment();
        }
        host::set_property(FILTER_STATE, code);
    }
}
