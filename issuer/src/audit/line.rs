//! The two kinds of lines, written and read. Each has one spelling: what is read is written again,
//! and has to be the same, so that nothing in a line means two things to two readers.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::name::Digest;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use super::FORMAT;
use super::fault::Malformation;
use crate::calendar::{self, parse_rfc3339, rfc3339_micros};
use crate::model::audit::{AuditRecord, Verb};
use crate::model::id;

/// The most bytes of a line without its line feed: twice the longest body of a request, which
/// holds the longest id that can be revoked.
pub const MAX_LINE_BYTES: usize = 1 << 21;

/// The most keys that sign a head.
pub const MAX_KEYS: usize = 8;

/// The bytes of a public key.
pub type PublicKey = [u8; 32];

/// The bytes of a signature.
pub type Signature = [u8; 64];

/// The members of an entry's line.
const ENTRY: [&str; 13] = [
    "number",
    "id",
    "created_at",
    "organization_id",
    "bearer_id",
    "access_key",
    "ip",
    "user_agent",
    "request_id",
    "action",
    "resource_type",
    "resource_id",
    "hash",
];

/// The members of the last line.
const SIGNED_HEAD: [&str; 2] = ["head", "signatures"];

/// The members of what is signed.
const HEAD: [&str; 5] = ["format", "entries", "hash", "signed_at", "keys"];

/// What is signed of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub entries: u64,
    /// The hash of the last line.
    pub hash: Digest,
    /// When it is signed, in whole microseconds.
    pub signed_at: UnixTime,
    /// The keys that sign it.
    pub keys: Vec<PublicKey>,
}

/// The last line.
pub struct SignedHead {
    /// What the head says.
    pub head: Head,
    /// What is signed of it.
    pub text: String,
    /// A signature by each key, in the order in which the head has them.
    pub signatures: Vec<Signature>,
}

/// An entry's line up to its hash.
pub fn entry_content(record: &AuditRecord) -> Result<String, Malformation> {
    let written = WrittenEntry {
        number: record.number,
        id: record.id,
        created_at: written_time("created_at", record.created_at)?,
        organization_id: record.organization_id,
        bearer_id: record.bearer_id,
        access_key: record.access_key.as_deref(),
        ip: record.address,
        user_agent: &record.user_agent,
        request_id: record.request_id,
        action: record.verb.name(),
        resource_type: &record.resource_type,
        resource_id: &record.resource_id,
    };
    // Texts and numbers have a JSON form, which ends with a brace.
    let mut text = serde_json::to_string(&written).unwrap_or_default();
    text.pop();
    Ok(text)
}

/// An entry's line without the line feed.
pub fn entry_line(content: &str, hash: Digest) -> String {
    format!("{content},\"hash\":\"{hash}\"}}")
}

/// What is signed of a head.
pub fn head_text(head: &Head) -> Result<String, Malformation> {
    let written = WrittenHead {
        format: FORMAT,
        entries: head.entries,
        hash: head.hash,
        signed_at: written_time("signed_at", head.signed_at)?,
        keys: head.keys.iter().map(|key| Bytes(*key)).collect(),
    };
    Ok(serde_json::to_string(&written).unwrap_or_default())
}

/// The last line without the line feed.
pub fn head_line(text: &str, signatures: &[Signature]) -> String {
    let signatures = signatures.iter().map(|it| Bytes(*it)).collect();
    serde_json::to_string(&WrittenSignedHead { head: text, signatures }).unwrap_or_default()
}

/// Whether a line is to be read as a head: no entry begins so.
pub fn is_head(line: &[u8]) -> bool {
    line.starts_with(b"{\"head\":")
}

/// Reads an entry's line: the entry, the line up to its hash, and that.
pub fn read_entry(line: &[u8]) -> Result<(AuditRecord, String, Digest), Malformation> {
    let [
        number,
        id,
        created_at,
        organization_id,
        bearer_id,
        access_key,
        ip,
        user_agent,
        request_id,
        action,
        resource_type,
        resource_id,
        hash,
    ] = members(line, ENTRY)?;
    let record = AuditRecord {
        number: number.number()?,
        id: id.read(id::parse)?,
        created_at: created_at.time()?,
        organization_id: organization_id.read(id::parse)?,
        bearer_id: bearer_id.optional(id::parse)?,
        access_key: access_key.optional(|text| Some(text.to_owned()))?,
        address: ip.optional(|text| text.parse::<IpAddr>().ok())?,
        user_agent: user_agent.text()?,
        request_id: request_id.optional(id::parse)?,
        verb: action.read(Verb::from_name)?,
        resource_type: resource_type.text()?,
        resource_id: resource_id.text()?,
    };
    let hash = hash.read(Digest::read)?;
    let content = entry_content(&record)?;
    match entry_line(&content, hash).as_bytes() == line {
        true => Ok((record, content, hash)),
        false => Err(Malformation::Spelling),
    }
}

/// Reads the last line. Nothing in it is proven yet.
pub fn read_head(line: &[u8]) -> Result<SignedHead, Malformation> {
    let [head, signatures] = members(line, SIGNED_HEAD)?;
    let (text, signatures) = (head.text()?, signatures.list::<64>()?);
    let [format, entries, hash, signed_at, keys] = members(text.as_bytes(), HEAD)?;
    format.read(|text| (text == FORMAT).then_some(()))?;
    let head = Head {
        entries: entries.number()?,
        hash: hash.read(Digest::read)?,
        signed_at: signed_at.time()?,
        keys: keys.list::<32>()?,
    };
    if signatures.len() != head.keys.len() {
        return Err(Malformation::Value("signatures"));
    }
    match head_text(&head)? == text && head_line(&text, &signatures).as_bytes() == line {
        true => Ok(SignedHead { head, text, signatures }),
        false => Err(Malformation::Spelling),
    }
}

/// The order of its members is that in which they are written.
#[derive(Serialize)]
struct WrittenEntry<'a> {
    number: u64,
    id: Uuid,
    created_at: String,
    organization_id: Uuid,
    bearer_id: Option<Uuid>,
    access_key: Option<&'a str>,
    ip: Option<IpAddr>,
    user_agent: &'a str,
    request_id: Option<Uuid>,
    action: &'static str,
    resource_type: &'a str,
    resource_id: &'a str,
}

#[derive(Serialize)]
struct WrittenHead {
    format: &'static str,
    entries: u64,
    hash: Digest,
    signed_at: String,
    keys: Vec<Bytes<32>>,
}

#[derive(Serialize)]
struct WrittenSignedHead<'a> {
    head: &'a str,
    signatures: Vec<Bytes<64>>,
}

/// Bytes in base64url without padding (RFC 4648 §5).
struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64URL.encode(self.0))
    }
}

fn written_time(name: &'static str, time: UnixTime) -> Result<String, Malformation> {
    match time.since_epoch().as_secs() <= calendar::LAST.since_epoch().as_secs() {
        true => Ok(rfc3339_micros(time)),
        false => Err(Malformation::Value(name)),
    }
}

/// A member that was read.
struct Member(&'static str, Value);

impl Member {
    fn read<T>(&self, read: impl Fn(&str) -> Option<T>) -> Result<T, Malformation> {
        self.1.as_str().and_then(read).ok_or(Malformation::Value(self.0))
    }

    fn optional<T>(&self, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Malformation> {
        if self.1.is_null() { Ok(None) } else { self.read(read).map(Some) }
    }

    fn text(self) -> Result<String, Malformation> {
        match self.1 {
            Value::String(text) => Ok(text),
            _ => Err(Malformation::Value(self.0)),
        }
    }

    fn number(&self) -> Result<u64, Malformation> {
        self.1.as_u64().ok_or(Malformation::Value(self.0))
    }

    fn time(&self) -> Result<UnixTime, Malformation> {
        self.read(|text| parse_rfc3339(text).ok())
    }

    /// From one key or signature to [`MAX_KEYS`] of them.
    fn list<const N: usize>(&self) -> Result<Vec<[u8; N]>, Malformation> {
        let wrong = Malformation::Value(self.0);
        let items = self.1.as_array().filter(|items| (1..=MAX_KEYS).contains(&items.len()));
        let bytes = |item: &Value| BASE64URL.decode(item.as_str()?).ok()?.try_into().ok();
        items.ok_or(wrong.clone())?.iter().map(|item| bytes(item).ok_or(wrong.clone())).collect()
    }
}

/// The members of an object that has these and no others, in this order.
fn members<const N: usize>(
    object: &[u8],
    names: [&'static str; N],
) -> Result<[Member; N], Malformation> {
    let Members(found) = serde_json::from_slice(object).map_err(|_| Malformation::NotJson)?;
    if !found.iter().map(|(name, _)| name.as_str()).eq(names) {
        return Err(misnamed(found, names));
    }
    let values = names.into_iter().zip(found).map(|(name, (_, value))| Member(name, value));
    // There are as many as names.
    values.collect::<Vec<_>>().try_into().map_err(|_| Malformation::NotJson)
}

/// What is wrong with an object's members.
fn misnamed<const N: usize>(found: Vec<(String, Value)>, names: [&'static str; N]) -> Malformation {
    let count = |name| found.iter().filter(|(it, _)| it == name).count();
    let wrong = names.into_iter().find_map(|name| match count(name) {
        0 => Some(Malformation::Lacks(name)),
        1 => None,
        _ => Some(Malformation::Twice(name)),
    });
    let unknown = found.into_iter().find(|(name, _)| !names.contains(&name.as_str()));
    match unknown {
        Some((name, _)) => Malformation::Unknown(name.chars().take(NAME_CHARACTERS).collect()),
        None => wrong.unwrap_or(Malformation::Spelling),
    }
}

/// How much of an unknown member's name is shown.
const NAME_CHARACTERS: usize = 64;

/// The members of an object in their order, those that are there twice as well.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::with_capacity(ENTRY.len());
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(InOrder)
    }
}
