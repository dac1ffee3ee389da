//! The proxy's serialized header maps: nothing that could come from one stops the filter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use namespace_jwt::header_map::{parse, serialize};

fuzz_target!(|map: &[u8]| {
    let Some(pairs) = parse(map) else {
        assert!(!map.is_empty());
        return;
    };
    // Every name and value is a part of the map, in its order.
    let held: usize = pairs.iter().map(|(name, value)| name.len() + value.len() + 2 + 8).sum();
    assert!(map.is_empty() || held + 4 <= map.len(), "more than there was");
    let texts: Option<Vec<_>> = pairs
        .iter()
        .map(|(name, value)| Some((str::from_utf8(name).ok()?, str::from_utf8(value).ok()?)))
        .collect();
    let Some(texts) = texts else { return };
    let again = serialize(&texts);
    assert_eq!(parse(&again), Some(pairs), "a map that changes on its way");
});
