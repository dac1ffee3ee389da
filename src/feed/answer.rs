//! What matters of an answer's headers.

/// An answer, whose body the proxy has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its status; none where no answer came.
    pub status: Option<u16>,
    /// The first byte of the part that was asked for (RFC 9110 §14.4), if it says so.
    pub range_start: Option<u64>,
    /// For how many seconds the server waited for news at most (RFC 7240 §3, `Preference-Applied`),
    /// if it says so.
    pub wait_applied: Option<u64>,
    /// The bytes of its body.
    pub body_size: usize,
}

impl Answer {
    /// The one with these headers. A request that failed has none.
    pub fn read<'a>(
        headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        body_size: usize,
    ) -> Self {
        let mut answer = Self { body_size, ..Self::default() };
        for (name, value) in headers {
            let text = std::str::from_utf8(value).ok();
            match name {
                b":status" => answer.status = text.and_then(|text| text.parse().ok()),
                b"content-range" => answer.range_start = text.and_then(range_start),
                b"preference-applied" => answer.wait_applied = text.and_then(wait),
                _ => {}
            }
        }
        answer
    }
}

fn range_start(value: &str) -> Option<u64> {
    value.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn wait(value: &str) -> Option<u64> {
    value.split(',').find_map(|it| it.trim().strip_prefix("wait=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn status_and_range_are_read() {
        for (headers, status, range_start, wait_applied) in [
            (&[(":status", "200")][..], Some(200), None, None),
            (&[(":status", "206"), ("content-range", "bytes 8-15/16")], Some(206), Some(8), None),
            (&[(":status", "206"), ("content-range", "bytes */16")], Some(206), None, None),
            (&[(":status", "206"), ("content-range", "8-15")], Some(206), None, None),
            (&[(":status", "200"), ("preference-applied", "wait=25")], Some(200), None, Some(25)),
            (&[(":status", "200"), ("preference-applied", "a, wait=5")], Some(200), None, Some(5)),
            (&[(":status", "200"), ("preference-applied", "wait")], Some(200), None, None),
            (&[(":status", "two")], None, None, None),
            (&[], None, None, None),
        ] {
            let bytes = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            let expected = Answer { status, range_start, wait_applied, body_size: 9 };
            assert_eq!(Answer::read(bytes, 9), expected, "{headers:?}");
        }
    }
}
