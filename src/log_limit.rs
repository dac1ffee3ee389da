//! How many lines about requests go into the proxy's log.
//!
//! The proxy writes a line before it goes on, so whoever reads the log slowly holds up the
//! worker. Strangers may send as many requests as they like: what each came to is counted,
//! and the access log has it.

/// The most lines about requests that a VM writes in a second, the one that tells of those
/// left out among them.
const LINES: u32 = 5;

/// Which lines are written.
#[derive(Debug, Default)]
pub struct LogLimit {
    /// In seconds since 1970.
    second: u64,
    /// In that second.
    written: u32,
    /// Since the last line that was written.
    left_out: u64,
}

/// Permission to write a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// How many lines weren't written before it. If there are any, a line that says so goes
    /// first.
    pub left_out: u64,
}

impl LogLimit {
    /// None of anything.
    pub const fn new() -> Self {
        Self { second: 0, written: 0, left_out: 0 }
    }

    /// Whether one more line may be written in this second, of those since 1970. Without a
    /// time it is the same second as before.
    pub fn ask(&mut self, second: Option<u64>) -> Option<Leave> {
        if let Some(second) = second.filter(|second| *second != self.second) {
            self.second = second;
            self.written = 0;
        }
        let lines = if self.left_out == 0 { 1 } else { 2 };
        let written = self.written.saturating_add(lines);
        if written > LINES {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.written = written;
        Some(Leave { left_out: std::mem::take(&mut self.left_out) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// How many were left out before each line that was written, of so many in that second.
    fn written(limit: &mut LogLimit, second: Option<u64>, asked: usize) -> Vec<u64> {
        let leaves = (0..asked).filter_map(|_| limit.ask(second));
        leaves.map(|leave| leave.left_out).collect()
    }

    #[test]
    fn five_lines_go_into_each_second_and_the_next_says_how_many_did_not() {
        let mut limit = LogLimit::new();
        assert_eq!(written(&mut limit, Some(7), 5), [0; 5]);
        assert_eq!(written(&mut limit, Some(7), 411), [0; 0]);
        // The line that says so is one of the five.
        assert_eq!(written(&mut limit, Some(8), 4), [411, 0, 0, 0]);
        assert_eq!(written(&mut limit, Some(8), 1), [0; 0]);
        assert_eq!(written(&mut limit, Some(9), 2), [1, 0]);
        assert_eq!(written(&mut limit, Some(9), 2), [0, 0]);
        // Nothing was left out in the meantime, so all five are for requests.
        assert_eq!(written(&mut limit, Some(10), 6), [0; 5]);
        // A line that stays alone in its second too.
        assert_eq!(written(&mut limit, Some(1000), 1), [1]);
    }

    #[test]
    fn where_four_were_written_the_last_place_is_not_enough_for_two_lines() {
        let mut limit = LogLimit { second: 3, written: 4, left_out: 9 };
        assert_eq!(limit.ask(Some(3)), None);
        assert_eq!(limit.ask(Some(4)), Some(Leave { left_out: 10 }));
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_is_just_another_second() {
        let mut limit = LogLimit::new();
        assert_eq!(written(&mut limit, None, 10), [0; 5]);
        assert_eq!(written(&mut limit, Some(2), 1), [5]);
        assert_eq!(written(&mut limit, None, 4), [0; 3]);
        assert_eq!(written(&mut limit, Some(1), 1), [1]);
    }
}
