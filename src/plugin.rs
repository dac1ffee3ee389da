//! The filter as one configuration has it, in one worker: what it does with a request.

use std::cell::RefCell;
use std::time::SystemTime;

use namespace_jwt_core::access::{Access, Admitted, Memory, Private, Protects, Request, Route};
use namespace_jwt_core::cache::Budget;
use namespace_jwt_core::config::{
    Config, Environment, Mode, Notice, NoticeLevel, SignatureVerification,
};
use namespace_jwt_core::key::AllowedAlgorithms;
use namespace_jwt_core::reason::{Denial, Outcome, PerOutcome};
use namespace_jwt_core::request::{Preflight, Presented};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::time::UnixTime;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{Action, LogLevel, MapType, MetricType, Status};

use crate::feed::Follower;
use crate::feed::answer::Answer;
use crate::feed::host::Host;
use crate::host::{self, HostError};
use crate::host_verifier::{HostVerifier, Prepared, VERIFY_SIGNATURE};
use crate::{announcement, environment, header_map, log, structs};

/// The name of the filter state, `wasm.` before it in the access log's format.
const FILTER_STATE: &str = "namespace_jwt";

/// Where the proxy has what a request's route says of it.
const ROUTE: [&str; 4] = ["xds", "route_metadata", "filter_metadata", "namespace_jwt"];

/// A plugin with a good configuration.
pub struct Plugin {
    config: Config,
    verifier: HostVerifier<HostCall>,
    memory: RefCell<Memory>,
    /// The proxy's number of each counter.
    counters: PerOutcome<u32>,
    feed: Option<Feed>,
}

/// The trust feed, where it is followed.
struct Feed {
    host: Host,
    follower: RefCell<Follower>,
}

thread_local! {
    /// What the caches of all plugins may take. A VM has one thread.
    static CACHES: Budget = Budget::default();
}

/// Hands arguments to the proxy's `verify_signature`.
type HostCall = fn(&[u8]) -> Result<Vec<u8>, HostError>;

/// What was decided about a request.
type Decision = Result<Admitted, Denial>;

/// What time it is.
pub fn now() -> Result<UnixTime, HostError> {
    let now = hostcalls::get_current_time()?;
    Ok(UnixTime::new(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()))
}

/// Whether no other worker announces the configuration. A proxy that shares something else has
/// it announced again.
fn is_first_to_announce(key: &str) -> bool {
    let Ok(now) = now() else { return true };
    let (left, version) = hostcalls::get_shared_data(key).unwrap_or_default();
    announcement::is_due(left.as_deref(), now)
        && hostcalls::set_shared_data(key, Some(&announcement::value(now)), version)
            != Err(Status::CasMismatch)
}

fn property(path: &[&str]) -> Result<Option<Vec<u8>>, Status> {
    hostcalls::get_property(path.to_vec())
}

impl Plugin {
    /// Reads the configuration as the proxy gives it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for the log.
    pub fn configure(given: Vec<u8>) -> Result<Self, String> {
        let json = structs::read(given).map_err(|error| error.to_string())?;
        let environment =
            Environment::read(|name| std::env::var_os(name)).map_err(|error| error.to_string())?;
        let mut config = Config::from_json(&json, &environment)
            .map_err(|error| environment::explained(&error, property))?;
        environment::refuse_borrowed(&config.from_environment, property)?;
        let counters = PerOutcome::try_new(|outcome: Outcome| {
            let name = config.counter_name(outcome.code());
            let counter = hostcalls::define_metric(MetricType::Counter, &name);
            counter.map_err(|status| HostError::from(status).to_string())
        })?;
        let memory = CACHES.with(|budget| Memory::within(budget, config.token_cache_size));
        let (in_use, later) = algorithms(&config);
        let call: HostCall = |arguments| host::call_foreign_function(VERIFY_SIGNATURE, arguments);
        let choice = config.signature_verification;
        let Prepared { verifier, fallback } = HostVerifier::prepare(call, choice, &in_use, &later)
            .map_err(|why| format!("signature_verification: expected a proxy that checks every algorithm in use, found that {why}"))?;
        let mut by_guest = [in_use, later].concat();
        by_guest.retain(|algorithm| !verifier.checks(*algorithm));
        if choice == SignatureVerification::Host
            && let Access::Private(private) = &mut config.access
        {
            // Of the feed's keys those that only the module could check aren't used.
            let mut allowed = private.allowed.algorithms().to_vec();
            allowed.retain(|algorithm| verifier.checks(*algorithm));
            private.allowed = AllowedAlgorithms::listed(allowed);
            by_guest.clear();
        }
        let announced = announcement::key(&json, &environment);
        let feed = Feed::start(&config)?;
        let plugin = Self { config, verifier, memory: RefCell::new(memory), counters, feed };
        if is_first_to_announce(&announced) {
            plugin.announce(&by_guest, fallback);
        }
        Ok(plugin)
    }

    /// Logs what the configuration comes to.
    fn announce(&self, by_guest: &[Algorithm], fallback: Option<String>) {
        let say = |level, text: &str| {
            let _ = hostcalls::log(level, &format!("namespace-jwt: {text}"));
        };
        say(LogLevel::Info, &self.config.summary(by_guest));
        for Notice { level, text } in &self.config.notices {
            let level = match level {
                NoticeLevel::Info => LogLevel::Info,
                NoticeLevel::Warning => LogLevel::Warn,
            };
            say(level, text);
        }
        if let Some(why) = fallback {
            let text = format!(
                "the proxy's crypto is unavailable ({why}); falling back to the slower built-in \
                 verification"
            );
            say(LogLevel::Warn, &text);
        }
    }

    /// Another plugin has come into the VM, whose caches share one budget.
    pub fn make_room(&self) {
        self.memory.borrow_mut().cache().keep_to_share();
    }

    /// Whether [`tick`](Self::tick) is to be called from time to time.
    pub fn ticks(&self) -> bool {
        self.feed.is_some()
    }

    /// Some time has passed.
    pub fn tick(&self) {
        if let Some(feed) = &self.feed {
            feed.follower.borrow_mut().tick(&feed.host);
        }
    }

    /// There is an answer to the call that has this number.
    pub fn answered(&self, number: u32, answer: &Answer) {
        if let Some(feed) = &self.feed {
            feed.follower.borrow_mut().answered(&feed.host, number, answer);
        }
    }

    /// Decides about the request whose headers are there, and does it.
    ///
    /// # Errors
    ///
    /// What the proxy didn't do: nothing is decided then.
    pub fn on_request_headers(&self) -> Result<Action, HostError> {
        let map = host::headers(MapType::HttpRequestHeaders)?;
        let headers = header_map::parse(&map).ok_or(HostError::Unreadable)?;
        let request = headers.iter().copied();
        let now = now()?;
        let Config { token_headers, token_cookies, .. } = &self.config;
        let presented = Presented::find(token_headers, token_cookies, request.clone());
        let decision = self.decide(presented, request.clone(), now);
        self.record(decision, now);
        match decision {
            Err(denial) if self.config.mode == Mode::Enforce => self.refuse(denial),
            _ => {
                self.remove_tokens(presented, request)?;
                Ok(Action::Continue)
            }
        }
    }

    fn decide<'a>(
        &self,
        presented: Presented<'a>,
        request: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        now: UnixTime,
    ) -> Decision {
        let preflight = Preflight::find(self.config.allow_cors_preflight, request);
        let metadata = self.route();
        let members = metadata.as_deref().and_then(header_map::parse);
        let route = members.map_or(Route::Unusable, Route::read);
        let request = Request { presented, preflight, route };
        // Nothing below calls back into the filter, so nobody else holds either of these.
        let follower = self.feed.as_ref().map(|feed| feed.follower.borrow());
        let standing = follower.as_ref().map(|follower| follower.standing(now));
        let memory = &mut self.memory.borrow_mut();
        self.config.access.decide(request, standing, &self.verifier, memory, now)
    }

    /// What the request's route says of it, where that is asked for.
    fn route(&self) -> Option<Vec<u8>> {
        let Access::Private(private) = &self.config.access else { return None };
        match private.protects {
            Protects::Configured(_) => None,
            Protects::Route { .. } => property(&ROUTE).ok().flatten(),
        }
    }

    /// Counts the decision, and tells it to the access log and the log.
    fn record(&self, decision: Decision, now: UnixTime) {
        let outcome = Outcome::from(decision);
        let _ = hostcalls::increment_metric(*self.counters.get(outcome), 1);
        host::set_property(FILTER_STATE, outcome.code());
        match decision {
            Ok(admitted) => {
                log::about_request(LogLevel::Debug, Some(now), || admitted.log_line().to_owned());
            }
            Err(denial) => log::about_request(LogLevel::Info, Some(now), || {
                let denied = match self.config.mode {
                    Mode::Enforce => "denied",
                    Mode::ReportOnly => "would deny",
                };
                format!("namespace-jwt: {denied}: {}", denial.code())
            }),
        }
    }

    fn refuse(&self, denial: Denial) -> Result<Action, HostError> {
        let details = format!("namespace_jwt_denied{{{}}}", denial.code());
        host::send_answer(&self.config.statuses.answer(denial), &details)?;
        Ok(Action::Pause)
    }

    /// Takes what counted as a token from the request, unless the application may see it.
    fn remove_tokens<'a>(
        &self,
        presented: Presented<'a>,
        request: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Result<(), HostError> {
        const HEADERS: MapType = MapType::HttpRequestHeaders;
        let Config { token_headers, token_cookies, forward_token, .. } = &self.config;
        if *forward_token {
            return Ok(());
        }
        for removal in presented.removals(token_headers, token_cookies, request) {
            match removal.left.split_first() {
                None => hostcalls::remove_map_value(HEADERS, removal.name)?,
                Some((first, more)) => {
                    hostcalls::set_map_value_bytes(HEADERS, removal.name, Some(first))?;
                    for value in more {
                        hostcalls::add_map_value_bytes(HEADERS, removal.name, value)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Feed {
    /// Follows the feed of a configuration, if it has one, and somebody needs a token.
    fn start(config: &Config) -> Result<Option<Self>, String> {
        let (Some(trust), Access::Private(_)) = (&config.trust, &config.access) else {
            return Ok(None);
        };
        let host = Host::new(config).map_err(|error| error.to_string())?;
        let follower = RefCell::new(Follower::new(trust.clone(), &host));
        Ok(Some(Self { host, follower }))
    }
}

/// The algorithms of the configured keys, and those that keys of the feed may be for.
fn algorithms(config: &Config) -> (Vec<Algorithm>, Vec<Algorithm>) {
    match &config.access {
        Access::Public => Default::default(),
        Access::Private(private) => {
            let Private { keys, allowed, follows_feed, .. } = &**private;
            let later = if *follows_feed { allowed.algorithms() } else { &[] };
            (keys.algorithms(), later.to_vec())
        }
    }
}
