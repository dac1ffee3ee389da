//! Lines about requests in the proxy's log: only where they are seen, and not more than
//! [`LogLimit`] allows.

use std::cell::RefCell;

use namespace_jwt_core::time::UnixTime;
use proxy_wasm::hostcalls;
use proxy_wasm::types::LogLevel;

use crate::host;
use crate::log_limit::LogLimit;

/// What all plugins of a VM share. A VM has one thread.
struct Log {
    limit: LogLimit,
    /// The least level that is shown, and in which second the proxy said so.
    least: (u64, u32),
}

thread_local! {
    static LOG: RefCell<Log> = const { RefCell::new(Log { limit: LogLimit::new(), least: (0, 0) }) };
}

/// Writes a line about a request at `now`, where the proxy could tell the time.
pub fn about_request(level: LogLevel, now: Option<UnixTime>, line: impl FnOnce() -> String) {
    let second = now.map(|now| now.since_epoch().as_secs());
    let leave = LOG.with_borrow_mut(|log| {
        if !log.shows(level, second) {
            return None;
        }
        log.limit.ask(second)
    });
    if let Some(leave) = leave {
        if leave.left_out > 0 {
            let more = leave.left_out;
            let _ = hostcalls::log(
                level,
                &format!("namespace-jwt: {more} more decisions were not logged"),
            );
        }
        let _ = hostcalls::log(level, &line());
    }
}

impl Log {
    /// A call for a line that nobody sees would be for nothing. The level may change while the
    /// proxy runs, so it is asked for again in each second.
    fn shows(&mut self, level: LogLevel, second: Option<u64>) -> bool {
        let (asked, least) = self.least;
        let Some(second) = second.filter(|second| *second != asked) else {
            return level as u32 >= least;
        };
        let least = host::least_level_logged();
        self.least = (second, least);
        level as u32 >= least
    }
}
