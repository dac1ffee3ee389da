//! A client that asks now and then, and how long it waits for its answers.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Series;
use crate::api::Client;
use crate::http::{Connection, Protocol, Request};

/// The times of its answers, in milliseconds.
#[derive(Default)]
pub struct Answered {
    /// Of requests on new connections: that to connect is part of it.
    pub new: Series,
    /// Of requests on a connection that stays, until an answer says that it ends.
    pub kept: Series,
}

/// Asks for `path` at so many times, with `gap` between them, on a new connection and on one
/// that stays in turn. The time of a request that couldn't be sent when it was to be, as the answer
/// before it was late, counts from then.
///
/// # Panics
///
/// When one isn't answered with 200, or the connection ends and no answer said so.
pub fn ask(client: &Client, key: &str, path: &str, times: u32, gap: Duration) -> Answered {
    let open = || Connection::open(Protocol::Http1, client.address);
    let mut kept = Some(open());
    let mut request = Request::with_token(key);
    request.path = path.to_owned();
    let mut answered = Answered::default();
    let start = Instant::now();
    for number in 0..times {
        let due = start + gap * number;
        let early = due.saturating_duration_since(Instant::now());
        sleep(early);
        // To be woken late isn't the service's fault.
        let begun = if early.is_zero() { due } else { Instant::now() };
        let (response, times) = if number.is_multiple_of(2) {
            (client.get(path), &mut answered.new)
        } else {
            (kept.get_or_insert_with(open).send(&request), &mut answered.kept)
        };
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(response.status, 200, "{response:?}");
        if !number.is_multiple_of(2) && response.header("connection").is_some() {
            kept = None;
        }
    }
    answered
}
