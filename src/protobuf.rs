//! Protobuf's wire format, as far as the proxy and the filter speak it: a message is a row of
//! fields, each with its number, the type of what it holds, and that.
//!
//! Two messages cross the border, one each way, so there is no library for it: `prost` would add
//! 29 KB to the module, a twenty-fifth of it. The tests hold this against it.

/// What a field holds.
pub enum Field<'a> {
    /// A number, a flag or a choice.
    Varint(u64),
    /// A number of 64 bits.
    Double(f64),
    /// Text, bytes or a message.
    Bytes(&'a [u8]),
}

/// Takes the next field off a message: its number and what it holds.
pub fn field<'a>(message: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let tag = varint(message)?;
    let held = match tag & 7 {
        0 => Field::Varint(varint(message)?),
        1 => {
            let (bytes, rest) = message.split_first_chunk::<8>()?;
            *message = rest;
            Field::Double(f64::from_le_bytes(*bytes))
        }
        2 => {
            let length = usize::try_from(varint(message)?).ok()?;
            let (bytes, rest) = message.split_at_checked(length)?;
            *message = rest;
            Field::Bytes(bytes)
        }
        _ => return None,
    };
    Some((tag >> 3, held))
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Appends a field that holds bytes. Its number is below 16.
pub fn append(message: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    message.push(field << 3 | 2);
    let mut length = bytes.len();
    while length > 0x7f {
        message.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    message.push(length.to_le_bytes()[0]);
    message.extend_from_slice(bytes);
}
