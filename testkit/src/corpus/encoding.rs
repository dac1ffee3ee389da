//! The compact serialization: segments, base64url, bytes that are not text, lengths.

use serde_json::json;

use super::{Bench, Carried, Case};
use crate::contract::{BASE64URL, MAX_TOKEN_BYTES};
use crate::mint::base64url;

pub fn cases(bench: &Bench) -> Vec<Case> {
    [segments(bench), base64(bench), around(bench), bytes(bench), lengths(bench)].concat()
}

fn segments(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let parts: Vec<_> = token.split('.').collect();
    let (h, p, s) = (parts[0], parts[1], parts[2]);
    let mut cases = vec![Case::token(
        "encoding/good",
        "the token that the others are made from",
        &token,
        "allowed",
    )];
    for (name, token) in [
        ("one", format!("{h}{p}{s}")),
        ("two", format!("{h}.{p}")),
        ("two-and-a-dot", format!("{h}.{p}.")),
        ("two-with-signature", format!("{p}.{s}")),
        ("four", format!("{h}.{p}.{s}.AAAA")),
        ("four-of-them-a-header", format!("AAAA.{h}.{p}.{s}")),
        ("five", format!("{h}.{p}.{s}.AAAA.AAAA")),
        ("a-hundred", format!("{token}{}", ".AAAA".repeat(97))),
        ("only-a-dot", ".".to_owned()),
        ("only-two-dots", "..".to_owned()),
        ("only-dots", ".".repeat(MAX_TOKEN_BYTES)),
        ("empty-header", format!(".{p}.{s}")),
        ("empty-payload", format!("{h}..{s}")),
        ("empty-signature", format!("{h}.{p}.")),
        ("dot-before", format!(".{token}")),
        ("dot-after", format!("{token}.")),
        ("dots-around", format!(".{h}.{p}.{s}.")),
        ("dot-doubled-first", format!("{h}..{p}.{s}")),
        ("dot-doubled-second", format!("{h}.{p}..{s}")),
        ("token-twice", format!("{token}.{token}")),
        ("swapped", format!("{p}.{h}.{s}")),
    ] {
        cases.push(Case::token(
            &format!("encoding/segments-{name}"),
            "not exactly three non-empty segments in their order",
            token,
            "malformed_token",
        ));
    }
    cases
}

/// A segment with bits set that no byte holds (RFC 4648 §3.5).
fn with_loose_bits(segment: &str) -> String {
    let last = segment.bytes().last().unwrap();
    let value = BASE64URL.iter().position(|letter| *letter == last).unwrap();
    let other = char::from(BASE64URL[value | 1]);
    assert_ne!(other, char::from(last), "this segment has no loose bits");
    format!("{}{other}", &segment[..segment.len() - 1])
}

fn base64(bench: &Bench) -> Vec<Case> {
    // Bytes whose count is no multiple of 3, so that each segment could be padded.
    let payload = ["", "x", "xx"]
        .map(|filler| bench.claims_with(json!({"sub": filler})).to_string())
        .into_iter()
        .find(|payload| payload.len() % 3 == 1)
        .unwrap();
    let header = br#"{"alg":"RS256","a":1}  "#;
    let token = (0..)
        .map(|n| format!("{payload}{}", " ".repeat(3 * n)))
        .map(|payload| bench.key.sign("RS256", header, payload.as_bytes()))
        .find(|token| {
            let signature = token.rsplit('.').next().unwrap();
            signature.contains('-') && signature.contains('_') && !signature.ends_with(['_', '-'])
        })
        .unwrap();
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut cases =
        vec![Case::token("encoding/paddable", "unpadded, as it must be", &token, "allowed")];
    for (n, part) in ["header", "payload", "signature"].into_iter().enumerate() {
        let mut push = |name: &str, segment: String| {
            let mut parts = parts.clone();
            assert_ne!(parts[n], segment, "{name} changes nothing");
            parts[n] = segment;
            cases.push(Case::token(
                &format!("encoding/{part}-{name}"),
                "another spelling of the same bytes, or nearly",
                parts.join("."),
                "malformed_token",
            ));
        };
        let segment = &parts[n];
        let padding = "=".repeat((4 - segment.len() % 4) % 4);
        assert_ne!(padding, "");
        push("padded", format!("{segment}{padding}"));
        push("padded-with-too-many", format!("{segment}===="));
        push("padded-in-the-middle", format!("{}={}", &segment[..8], &segment[8..]));
        push("percent-padded", format!("{segment}{}", padding.replace('=', "%3D")));
        push("loose-bits", with_loose_bits(segment));
        push("cut-by-a-letter", segment[..segment.len() - (segment.len() + 3) % 4].to_owned());
        push("a-letter-more", format!("{segment}{}", "A".repeat((5 - segment.len() % 4) % 4)));
        push("space-inside", format!("{} {}", &segment[..8], &segment[8..]));
        push("tab-inside", format!("{}\t{}", &segment[..8], &segment[8..]));
        push("comma-inside", format!("{},{}", &segment[..8], &segment[8..]));
        push("quoted", format!("\"{segment}\""));
        push("full-width-letter", format!("{}Ａ", &segment[..segment.len() - 1]));
    }
    for (name, from, to) in [("plus", '-', '+'), ("slash", '_', '/'), ("tilde", '_', '~')] {
        cases.push(Case::token(
            &format!("encoding/signature-{name}"),
            "a letter of another base64 alphabet",
            token.replace(from, &to.to_string()),
            "malformed_token",
        ));
    }
    cases.push(Case::token(
        "encoding/standard-alphabet",
        "all of it in the standard alphabet with padding",
        parts
            .iter()
            .map(|part| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4)))
            .collect::<Vec<_>>()
            .join(".")
            .replace('-', "+")
            .replace('_', "/"),
        "malformed_token",
    ));
    cases
}

/// White space, marks and other bytes before, after and inside a good token.
fn around(bench: &Bench) -> Vec<Case> {
    // What Envoy's codecs make of them. HTTP/1.1 takes white space around a value away
    // (RFC 9110 §5.5), and Envoy every carriage return; a line feed ends the line, and at
    // the end of the last one changes nothing. Other controls are refused.
    let (whole, refused) = (Carried::Whole, Carried::Refused);
    let mended = Carried::Altered("allowed");
    let token = bench.token();
    let dot = token.find('.').unwrap();
    let mut cases = Vec::new();
    // HTTP/1.1 with the mark before, after and inside the token; HTTP/2.
    let between: [(&str, &[u8], [Carried; 3], Carried); 14] = [
        ("space", b" ", [mended, mended, whole], whole),
        ("tab", b"\t", [mended, mended, whole], whole),
        ("line-feed", b"\n", [refused, mended, refused], refused),
        ("carriage-return", b"\r", [mended; 3], refused),
        ("crlf", b"\r\n", [refused, mended, refused], refused),
        ("nul", b"\0", [refused; 3], refused),
        ("vertical-tab", b"\x0b", [refused; 3], refused),
        ("form-feed", b"\x0c", [refused; 3], refused),
        ("escape", b"\x1b", [refused; 3], refused),
        ("delete", b"\x7f", [refused; 3], refused),
        ("no-break-space", b"\xc2\xa0", [whole; 3], whole),
        ("latin-1-no-break-space", b"\xa0", [whole; 3], whole),
        ("zero-width-space", b"\xe2\x80\x8b", [whole; 3], whole),
        ("byte-order-mark", b"\xef\xbb\xbf", [whole; 3], whole),
    ];
    for (name, mark, [before, after, inside], http2) in between {
        for (place, at, http1) in [
            ("before", 0, before),
            ("after", token.len(), after),
            ("inside", dot + 5, inside),
            ("before-the-dot", dot, inside),
        ] {
            let mut bytes = token.as_bytes().to_vec();
            bytes.splice(at..at, mark.iter().copied());
            cases.push(
                Case::token(
                    &format!("encoding/{name}-{place}"),
                    "a byte that is not base64url, where some readers skip it",
                    bytes,
                    "malformed_token",
                )
                .over_http1(http1)
                .over_http2(http2),
            );
        }
    }
    for (name, value) in [
        ("in-quotes", format!("\"{token}\"")),
        ("in-brackets", format!("<{token}>")),
        ("comma-after", format!("{token},")),
        ("semicolon-after", format!("{token};")),
        ("joined-with-itself", format!("{token},{token}")),
        ("joined-with-space", format!("{token}, {token}")),
        ("space-and-itself", format!("{token} {token}")),
        ("bearer-before", format!("Bearer {token}")),
        ("jwt-before", format!("JWT {token}")),
        ("percent-dots", token.replace('.', "%2E")),
        ("percent-encoded", token.bytes().take(2000).map(|byte| format!("%{byte:02X}")).collect()),
        ("full-width-dots", token.replace('.', "．")),
        ("slashes-for-dots", token.replace('.', "/")),
        ("url", format!("https://x.test/?access_token={token}")),
        ("rfc-2047", format!("=?utf-8?Q?{token}?=")),
    ] {
        cases.push(Case::token(
            &format!("encoding/{name}"),
            "a good token in a wrapping that nobody asked for",
            value,
            "malformed_token",
        ));
    }
    cases
}

fn bytes(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let mut cases = Vec::new();
    let good = token.as_bytes();
    let all: Vec<u8> = (0x80..=0xff).collect();
    for (name, value) in [
        ("not-utf8", b"\xff\xfe".to_vec()),
        ("not-utf8-before", [b"\xff", good].concat()),
        ("not-utf8-after", [good, b"\xff"].concat()),
        ("cut-utf8", [good, b"\xe2\x82"].concat()),
        ("overlong-dot", token.replacen('.', "\u{1}", 1).into_bytes().iter().flat_map(|byte| match byte {
            1 => vec![0xc0, 0xae],
            other => vec![*other],
        }).collect()),
        ("overlong-nul", [good, b"\xc0\x80"].concat()),
        ("encoded-surrogate", [good, b"\xed\xa0\x80"].concat()),
        ("past-unicode", [good, b"\xf4\x90\x80\x80"].concat()),
        ("every-high-byte", all.clone()),
        ("high-bit-set", good.iter().map(|byte| byte | 0x80).collect()),
        ("utf8-text", "кириллица".as_bytes().to_vec()),
        ("emoji", "🔑.🔑.🔑".as_bytes().to_vec()),
        ("not-utf8-segments", b"\xff.\xff.\xff".to_vec()),
        ("not-utf8-four-kilobytes", all.repeat(32)),
    ] {
        cases.push(Case::token(
            &format!("encoding/bytes-{name}"),
            "bytes that are no text, or other text",
            value,
            "malformed_token",
        ));
    }
    cases
}

fn lengths(bench: &Bench) -> Vec<Case> {
    let (longest, longer) = (MAX_TOKEN_BYTES, MAX_TOKEN_BYTES + 1);
    let at_limit = bench.token_of_length(longest);
    let cut = at_limit[..longest - 2].to_owned();
    let over = bench.token_of_length(longer);
    let letters = |count: usize| "A".repeat(count);
    // Envoy's own limit, 60 KiB for all headers, stands before the filter.
    let refused = Carried::Refused;
    [
        ("8192-good", "the longest token", at_limit, "allowed", Carried::Whole),
        ("8193-good", "signed well, and a byte too long", over, "oversized_token", Carried::Whole),
        ("8193-cut-to-8192", "a byte of the signature less", cut, "bad_signature", Carried::Whole),
        ("8192-letters", "the longest junk", letters(longest), "malformed_token", Carried::Whole),
        ("8193-letters", "junk a byte too long", letters(longer), "oversized_token", Carried::Whole),
        ("8193-dots", "junk a byte too long", ".".repeat(longer), "oversized_token", Carried::Whole),
        ("50000-letters", "as much as Envoy lets through", letters(50_000), "oversized_token", Carried::Whole),
        ("megabyte", "a megabyte of letters", letters(1 << 20), "oversized_token", refused),
        ("megabyte-good-start", "a good token and a megabyte", format!("{}{}", bench.token(), letters(1 << 20)), "oversized_token", refused),
        ("one-letter", "a single byte", letters(1), "malformed_token", Carried::Whole),
        ("header-of-nothing", "the shortest three segments", "AA.AA.AA".to_owned(), "malformed_token", Carried::Whole),
        ("shortest-json", "two empty objects", format!("{}.{}.AA", base64url(b"{}"), base64url(b"{}")), "malformed_token", Carried::Whole),
    ]
    .into_iter()
    .map(|(name, trick, token, expected, carried)| {
        Case::token(&format!("encoding/length-{name}"), trick, token, expected).over_http(carried)
    })
    .collect()
}
