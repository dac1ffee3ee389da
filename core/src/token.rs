//! The form of a token: compact JWS (RFC 7515 §7.1), bytes in, unverified parts out.
//!
//! Everything here can be judged without a key: size, segments, base64url, the
//! header's JSON, and the header members that would change what the rest means.
//! Nothing here says anything about whether to believe the token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::json;
use crate::reason::Denial;
use crate::signature::Algorithm;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// A well-formed token of which nothing has been verified.
pub struct Token<'a> {
    signed: &'a [u8],
    algorithm: Option<Algorithm>,
    key_id: Option<String>,
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    ///
    /// [`Denial::OversizedToken`] over [`MAX_TOKEN_BYTES`], else
    /// [`Denial::MalformedToken`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Denial> {
        if bytes.len() > MAX_TOKEN_BYTES {
            return Err(Denial::OversizedToken);
        }
        let (signed, signature) = rsplit_dot(bytes).ok_or(Denial::MalformedToken)?;
        let (header, payload) = rsplit_dot(signed).ok_or(Denial::MalformedToken)?;
        // A fourth segment would leave a dot in the header, which isn't base64url.
        let header = segment(header)?;
        let payload = segment(payload)?;
        let signature = segment(signature)?;
        let members: Members = json::object(&header).map_err(|_| Denial::MalformedToken)?;
        if members.changes_meaning() {
            return Err(Denial::MalformedToken);
        }
        Ok(Self {
            signed,
            algorithm: Algorithm::from_name(&members.alg),
            key_id: members.kid,
            header,
            payload,
            signature,
        })
    }

    /// What the signature is over: the first two segments and the dot between them.
    pub fn signed(&self) -> &'a [u8] {
        self.signed
    }

    /// The header's `alg`, where it is one that some configuration could allow.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The header's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The header: an object, as JSON.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The payload. It may hold anything.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature. It may hold anything.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// The header members that decide something (RFC 7515 §4.1). The others, `typ`, `jwk`
/// and `x5c` among them, decide nothing here: keys come from the configuration alone.
#[derive(Deserialize)]
struct Members {
    alg: String,
    #[serde(default, deserialize_with = "json::present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    crit: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "json::present")]
    b64: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "json::present")]
    zip: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "json::present")]
    enc: Option<IgnoredAny>,
}

impl Members {
    /// Whether a member asks for what this filter doesn't do: extensions that must be
    /// understood (`crit`, RFC 7515 §4.1.11), an unencoded payload (`b64`, RFC 7797),
    /// compression (`zip`) or encryption (`enc`, RFC 7516 §4.1).
    fn changes_meaning(&self) -> bool {
        let Self { crit, b64, zip, enc, .. } = self;
        [crit, b64, zip, enc].into_iter().any(Option::is_some)
    }
}

/// The bytes on each side of the last dot.
fn rsplit_dot(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = bytes.iter().rposition(|byte| *byte == b'.')?;
    Some((bytes.get(..dot)?, bytes.get(dot.checked_add(1)?..)?))
}

/// A non-empty segment's bytes: base64url without padding (RFC 7515 §2), in the one
/// encoding that the encoder gives (RFC 4648 §3.5), so that no two tokens that are
/// different bytes are the same token.
fn segment(encoded: &[u8]) -> Result<Vec<u8>, Denial> {
    match URL_SAFE_NO_PAD.decode(encoded) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(Denial::MalformedToken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn encode(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn fault(token: impl AsRef<[u8]>) -> Option<Denial> {
        Token::parse(token.as_ref()).err()
    }

    #[test]
    fn a_well_formed_token_comes_apart() {
        let header = br#"{"alg":"RS256","typ":"JWT","kid":"k"}"#;
        let text = format!("{}.{}.{}", encode(header), encode(b"payload"), encode(b"\xff\x00"));
        let token = Token::parse(text.as_bytes()).ok().unwrap();
        assert_eq!(token.algorithm(), Some(Algorithm::Rs256));
        assert_eq!(token.key_id(), Some("k"));
        assert_eq!(token.header(), header);
        assert_eq!(token.payload(), b"payload");
        assert_eq!(token.signature(), b"\xff\x00");
        assert_eq!(token.signed(), text.rsplit_once('.').unwrap().0.as_bytes());
    }

    #[test]
    fn the_segments_are_exactly_three_and_not_empty() {
        let header = encode(br#"{"alg":"RS256"}"#);
        assert_eq!(fault(format!("{header}.YQ.YQ")), None);
        for form in [
            "",
            ".",
            "..",
            "H",
            "H.YQ",
            "H.YQ.",
            "H..YQ",
            ".YQ.YQ",
            "H.YQ.YQ.",
            ".H.YQ.YQ",
            "H.YQ.YQ.YQ",
            "H.YQ.YQ.YQ.YQ",
            "H..YQ.YQ",
            "...",
            "....",
        ] {
            let token = form.replace('H', &header);
            assert_eq!(fault(&token), Some(Denial::MalformedToken), "{form}");
        }
    }

    #[test]
    fn a_segment_has_one_encoding() {
        let header = encode(br#"{"alg":"RS256"}"#);
        for (segment, expected) in [
            ("YQ", None),
            ("YWI", None),
            ("_-8", None),
            ("YR", Some(Denial::MalformedToken)),
            ("YWJ", Some(Denial::MalformedToken)),
            ("YQ==", Some(Denial::MalformedToken)),
            ("YQ=", Some(Denial::MalformedToken)),
            ("/+8", Some(Denial::MalformedToken)),
            ("Y", Some(Denial::MalformedToken)),
            ("YWJjZ", Some(Denial::MalformedToken)),
            (" YQ", Some(Denial::MalformedToken)),
            ("YQ\n", Some(Denial::MalformedToken)),
            ("Y\0Q", Some(Denial::MalformedToken)),
            ("é", Some(Denial::MalformedToken)),
        ] {
            assert_eq!(fault(format!("{header}.{segment}.YQ")), expected, "payload {segment:?}");
            assert_eq!(fault(format!("{header}.YQ.{segment}")), expected, "signature {segment:?}");
        }
    }

    #[test]
    fn the_header_is_an_object_that_asks_for_nothing_special() {
        let malformed = Some(Denial::MalformedToken);
        for (header, expected) in [
            (r#"{"alg":"RS256"}"#, None),
            (r#"{"alg":"none"}"#, None),
            (r#"{"alg":"RS256","jwk":{},"jku":"https://x","x5c":[]}"#, None),
            (r#"{"alg":"RS256","kid":""}"#, None),
            (r"{}", malformed),
            (r#"{"alg":null}"#, malformed),
            (r#"{"alg":["RS256"]}"#, malformed),
            (r#"["RS256"]"#, malformed),
            (r#"{"alg":"RS256","alg":"RS256"}"#, malformed),
            (r#"{"alg":"RS256","x":{"y":1,"y":1}}"#, malformed),
            (r#"{"alg":"RS256","kid":null}"#, malformed),
            (r#"{"alg":"RS256","kid":1}"#, malformed),
            (r#"{"alg":"RS256","crit":["exp"]}"#, malformed),
            (r#"{"alg":"RS256","crit":[]}"#, malformed),
            (r#"{"alg":"RS256","crit":null}"#, malformed),
            (r#"{"alg":"RS256","b64":true}"#, malformed),
            (r#"{"alg":"RS256","b64":false}"#, malformed),
            (r#"{"alg":"RS256","zip":"DEF"}"#, malformed),
            (r#"{"alg":"RS256","enc":"A128GCM"}"#, malformed),
            (r#"{"alg":"RS256"} x"#, malformed),
            ("x", malformed),
        ] {
            let token = format!("{}.YQ.YQ", encode(header.as_bytes()));
            assert_eq!(fault(token), expected, "{header}");
        }
    }

    #[test]
    fn only_a_token_over_8192_bytes_is_oversized() {
        let header = encode(br#"{"alg":"RS256"}"#);
        let of_length = |total: usize| {
            let rest = total - header.len() - "..".len();
            // No segment is 1 over a multiple of 4 long.
            let signature = [4, 6, 7].into_iter().find(|length| (rest - length) % 4 != 1).unwrap();
            format!("{header}.{}.{}", "A".repeat(rest - signature), "A".repeat(signature))
        };
        assert_eq!(of_length(MAX_TOKEN_BYTES).len(), 8192);
        assert!(Denial::OversizedToken.message().contains(&MAX_TOKEN_BYTES.to_string()));
        assert_eq!(fault(of_length(MAX_TOKEN_BYTES)), None);
        assert_eq!(fault(of_length(MAX_TOKEN_BYTES + 1)), Some(Denial::OversizedToken));
        assert_eq!(fault("A".repeat(MAX_TOKEN_BYTES)), Some(Denial::MalformedToken));
        assert_eq!(fault("A".repeat(MAX_TOKEN_BYTES + 1)), Some(Denial::OversizedToken));
        assert_eq!(fault("A".repeat(1 << 20)), Some(Denial::OversizedToken));
    }
}
