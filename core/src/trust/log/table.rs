//! Revoked tokens, to be looked up.
//!
//! The records are hashes, so any of their bits spread them evenly: a run is an array ordered by
//! a few of them alone, in place, with a table of where each bucket ends. New records are few; they
//! are kept apart, and become runs that are merged as they grow.

use crate::trust::log::TokenHash;

/// The records that are kept without order.
const LOOSE: usize = 16;

/// Runs are merged up to this many records: so much is held twice meanwhile.
const MERGED: usize = 1 << 15;

/// A run takes those before it that are at most so many times its size: few runs are left.
const RATIO: usize = 8;

/// A bucket has so many records to twice as many. To look through them takes less time than
/// to bring the records into order for smaller ones.
const BUCKET: usize = 16;

/// The revoked tokens of one epoch.
#[derive(Default)]
pub struct Revocations {
    runs: Vec<Run>,
    loose: Vec<TokenHash>,
}

impl Revocations {
    /// A set of these.
    pub fn new(records: Vec<TokenHash>) -> Self {
        Self { runs: Vec::from_iter(Run::new(records)), loose: Vec::new() }
    }

    /// Adds some.
    pub fn extend(&mut self, records: Vec<TokenHash>) {
        if self.loose.len().saturating_add(records.len()) <= LOOSE {
            self.loose.extend(records);
            return;
        }
        let mut newest = records;
        newest.append(&mut self.loose);
        while let Some(last) = self.runs.pop_if(|run| {
            let merged = run.records.len().saturating_add(newest.len());
            run.records.len() <= newest.len().saturating_mul(RATIO) && merged <= MERGED
        }) {
            newest.extend_from_slice(&last.records);
        }
        newest.shrink_to_fit();
        self.runs.extend(Run::new(newest));
    }

    /// Whether the token is revoked.
    pub fn contains(&self, token: TokenHash) -> bool {
        self.loose.contains(&token) || self.runs.iter().any(|run| run.contains(token))
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        let runs = self.runs.iter().map(|run| run.records.len());
        runs.fold(self.loose.len(), usize::saturating_add)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct Run {
    records: Vec<TokenHash>,
    /// Where each bucket ends.
    ends: Vec<u32>,
    /// How far half of a record is shifted to be the number of its bucket.
    shift: u32,
}

impl Run {
    fn new(mut records: Vec<TokenHash>) -> Option<Self> {
        let bits = (records.len() / BUCKET).checked_ilog2().unwrap_or(0);
        // One bucket is the shift of all bits, which `checked_shr` takes for none.
        let shift = u32::BITS.saturating_sub(bits);
        let ends = arrange(&mut records, bits, shift)?;
        Some(Self { records, ends, shift })
    }

    fn contains(&self, token: TokenHash) -> bool {
        let bucket = bucket(token, self.shift);
        let Some(end) = self.ends.get(bucket) else { return false };
        let start = bucket.checked_sub(1).and_then(|it| self.ends.get(it)).copied().unwrap_or(0);
        let range = index(start)..index(*end);
        self.records.get(range).is_some_and(|records| records.contains(&token))
    }
}

fn bucket(token: TokenHash, shift: u32) -> usize {
    index(token.half().checked_shr(shift).unwrap_or(0))
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Brings the records into the order of their buckets, in place (McIlroy, Bostic, McIlroy:
/// "Engineering radix sort", 1993, American flag sort). Gives where each bucket ends; none for no
/// records.
///
/// Nothing counted here passes the number of records, so sums can't wrap around.
fn arrange(records: &mut [TokenHash], bits: u32, shift: u32) -> Option<Vec<u32>> {
    records.first()?;
    let mut ends = vec![0_u32; 1_usize.checked_shl(bits)?];
    for record in records.iter() {
        let count = ends.get_mut(bucket(*record, shift))?;
        *count = count.wrapping_add(1);
    }
    let mut next = Vec::with_capacity(ends.len());
    let mut sum = 0_u32;
    for end in &mut ends {
        next.push(sum);
        sum = sum.wrapping_add(*end);
        *end = sum;
    }
    for (this, end) in ends.iter().enumerate() {
        while let Some(first) = next.get(this).copied().filter(|first| first < end) {
            let mut record = *records.get(index(first))?;
            // Each step puts one record where it belongs, and takes up the one that was there.
            loop {
                let next = next.get_mut(bucket(record, shift))?;
                let place = *next;
                *next = place.wrapping_add(1);
                std::mem::swap(records.get_mut(index(place))?, &mut record);
                if place == first {
                    break;
                }
            }
        }
    }
    Some(ends)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn hashes(range: std::ops::Range<u32>) -> Vec<TokenHash> {
        range.map(|n| TokenHash::of(&n.to_string())).collect()
    }

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        for count in [0, 1, 2, 15, 16, 17, 64, 127, 128, 1000, 20_000] {
            let set = Revocations::new(hashes(0..count));
            assert_eq!(set.len(), count as usize);
            assert!(hashes(0..count).into_iter().all(|it| set.contains(it)), "{count}");
            assert!(!hashes(count..count + 1000).into_iter().any(|it| set.contains(it)), "{count}");
        }
    }

    #[test]
    fn it_grows_by_any_steps_into_few_runs() {
        for steps in [[1, 1, 1], [64, 1, 3], [17, 16, 1000]] {
            let mut set = Revocations::new(hashes(0..100));
            let mut count = 100;
            for step in steps.into_iter().cycle().take(180) {
                set.extend(hashes(count..count + step));
                count += step;
            }
            assert_eq!(set.len(), count as usize);
            assert!(hashes(0..count).into_iter().all(|it| set.contains(it)));
            assert!(!hashes(count..count + 1000).into_iter().any(|it| set.contains(it)));
            let most = 6 + 2 * count as usize / MERGED;
            assert!(set.runs.len() <= most, "{} runs of {count}", set.runs.len());
        }
    }

    #[test]
    fn records_that_are_alike_are_told_apart() {
        let alike = [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 63 | 1, 7, 7];
        for others in [0, 8, 100, 5000] {
            let records = alike.into_iter().map(TokenHash).chain(hashes(0..others));
            let records: Vec<_> = records.collect();
            let known: HashSet<_> = records.iter().copied().collect();
            let set = Revocations::new(records);
            for near in alike.into_iter().flat_map(|it| [it ^ 1, it ^ 2, it ^ 1 << 62, it]) {
                let near = TokenHash(near);
                assert_eq!(set.contains(near), known.contains(&near), "{near}");
            }
        }
    }
}
