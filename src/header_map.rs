//! Header maps as Proxy-Wasm carries them between the proxy and the module: a count, the
//! lengths of every name and value (32 bits each, little-endian), then the names and
//! values themselves, each with a NUL after it.

/// The names and values of a serialized map, as bytes: a client may send any.
///
/// None where the bytes are no such map.
pub fn parse(map: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    if map.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = number(map)?;
    let (mut lengths, mut text) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let (name, value);
        (name, lengths) = number(lengths)?;
        (value, lengths) = number(lengths)?;
        let (name, rest) = terminated(text, name)?;
        let (value, rest) = terminated(rest, value)?;
        text = rest;
        pairs.push((name, value));
    }
    Some(pairs)
}

/// A serialized map of these names and values.
#[allow(clippy::cast_possible_truncation)]
pub fn serialize(pairs: &[(&str, &str)]) -> Vec<u8> {
    let number = |n: usize| (n as u32).to_le_bytes();
    let mut map = Vec::from(number(pairs.len()));
    for (name, value) in pairs {
        map.extend(number(name.len()));
        map.extend(number(value.len()));
    }
    for (name, value) in pairs {
        for text in [name, value] {
            map.extend_from_slice(text.as_bytes());
            map.push(0);
        }
    }
    map
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn terminated(text: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = text.split_at_checked(length)?;
    rest.split_first().map(|(_nul, rest)| (text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_map_comes_back_as_it_went() {
        let pairs = [(":path", "/"), ("x-auth-token", "T"), ("x-auth-token", ""), ("a", "b")];
        let map = serialize(&pairs);
        let bytes = pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        assert_eq!(parse(&map), Some(bytes.to_vec()));
        assert_eq!(parse(&serialize(&[])), Some(vec![]));
        assert_eq!(parse(b""), Some(vec![]));
    }

    #[test]
    fn any_bytes_are_a_value() {
        let mut map = serialize(&[("x-auth-token", "??")]);
        let at = map.len() - 3;
        map[at..at + 2].copy_from_slice(b"\xff\x00");
        assert_eq!(parse(&map), Some(vec![(&b"x-auth-token"[..], &b"\xff\x00"[..])]));
    }

    #[test]
    fn a_map_that_was_cut_is_refused() {
        let map = serialize(&[(":path", "/"), ("x-auth-token", "T")]);
        for length in 1..map.len() {
            assert_eq!(parse(&map[..length]), None, "{length} bytes");
        }
        assert_eq!(parse(b"\xff\xff\xff\xff\0\0\0\0"), None);
        assert_eq!(parse(b"\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0"), None);
    }
}
