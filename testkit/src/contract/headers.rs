//! The contract on a request's headers, read again from its sentences.

type Headers = [(Vec<u8>, Vec<u8>)];

/// What counts as a token in one value, where another token is on the request or not.
type Tokens = fn(value: &[u8], beside: bool, cookies: &[&str]) -> Vec<Vec<u8>>;

/// The distinct tokens in a request, none of them empty.
///
/// "An empty header is no token. `authorization` means `Bearer <token>`; another scheme is no
/// token. Once another token is present, `Bearer` counts wherever an application may find it."
pub fn tokens(names: &[&str], cookies: &[&str], request: &Headers) -> Vec<Vec<u8>> {
    let all = |beside: bool| {
        let mut tokens = Vec::new();
        for (name, value) in request {
            if let Some(read) = reader(names, cookies, name) {
                tokens.extend(read(value, beside, cookies));
            }
        }
        tokens.retain(|token| !token.is_empty());
        tokens.sort();
        tokens.dedup();
        tokens
    };
    let plain = all(false);
    if plain.is_empty() { plain } else { all(true) }
}

/// How the header of that name is read; none where nobody looks for a token.
fn reader(names: &[&str], cookies: &[&str], name: &[u8]) -> Option<Tokens> {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let named = names.iter().any(|other| other.to_ascii_lowercase() == name);
    match name.as_str() {
        "authorization" if named => Some(credentials),
        "cookie" if !cookies.is_empty() => Some(pairs),
        _ if named => Some(|value, _, _| vec![value.to_vec()]),
        _ => None,
    }
}

/// "A joined value `Bearer A,Bearer B` is two tokens"; any other that begins with the scheme
/// is one. Beside another token what begins with it may stand anywhere in the value.
fn credentials(value: &[u8], beside: bool, _: &[&str]) -> Vec<Vec<u8>> {
    let starts = (0..value.len()).filter(|at| if beside { may_begin(value, *at) } else { false });
    let whole = bearer(value).is_some().then_some(0);
    let Some(start) = whole.or(starts.into_iter().next()) else { return Vec::new() };
    let joined: Vec<_> = value[start..].split(|byte| *byte == b',').map(bearer).collect();
    match joined.iter().cloned().collect::<Option<Vec<_>>>() {
        Some(several) => several,
        None => vec![bearer(&value[start..]).unwrap_or_else(|| value[start + 6..].to_vec())],
    }
}

/// Whether an application may find the scheme there: not in the midst of a word.
fn may_begin(value: &[u8], at: usize) -> bool {
    let is_scheme = value.len() >= at + 6 && value[at..at + 6].eq_ignore_ascii_case(b"bearer");
    let in_word = at > 0 && {
        let before = char::from(value[at - 1]);
        before.is_ascii_alphanumeric() || "-._~+/=".contains(before)
    };
    is_scheme && (!in_word || value.get(at + 6).is_some_and(is_gap))
}

/// What is no visible ASCII: white space, and what may be taken for it.
fn is_gap(byte: &u8) -> bool {
    !(b'!'..=b'~').contains(byte)
}

/// The token after the scheme and a gap, its first spaces left out.
fn bearer(credentials: &[u8]) -> Option<Vec<u8>> {
    let start = credentials.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let credentials = &credentials[start..];
    if !credentials.get(..6)?.eq_ignore_ascii_case(b"bearer") || !is_gap(credentials.get(6)?) {
        return None;
    }
    let token = &credentials[6..];
    let spaces = token.iter().position(|byte| *byte != b' ').unwrap_or(token.len());
    Some(token[spaces..].to_vec())
}

/// "Cookie pairs split at `;`, white space around name and value trimmed, names compared byte
/// for byte; a value in double quotes is taken without them." Beside another token a cookie may
/// also begin in the midst of another, behind what no name has.
fn pairs(value: &[u8], beside: bool, cookies: &[&str]) -> Vec<Vec<u8>> {
    let mut tokens = Vec::new();
    for whole in value.split(|byte| *byte == b';') {
        let begins = |at: &usize| *at == 0 || beside && !in_name(whole[*at - 1]);
        tokens.extend((0..whole.len()).filter(begins).find_map(|at| pair(&whole[at..], cookies)));
    }
    tokens
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn pair(pair: &[u8], cookies: &[&str]) -> Option<Vec<u8>> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let name = trim(&pair[..equals], is_gap);
    let value = trim(&pair[equals + 1..], |byte| b" \t".contains(byte));
    let quoted = value.len() > 1 && value.starts_with(b"\"") && value.ends_with(b"\"");
    let inner = if quoted { &value[1..value.len() - 1] } else { value };
    cookies.iter().any(|cookie| cookie.as_bytes() == name).then(|| inner.to_vec())
}

fn trim(text: &[u8], goes: impl Fn(&u8) -> bool) -> &[u8] {
    let Some(first) = text.iter().position(|byte| !goes(byte)) else { return b"" };
    let last = text.iter().rposition(|byte| !goes(byte)).unwrap_or(first);
    &text[first..=last]
}

/// What is wrong with `left`, which is to be `request` without its tokens: "every value that
/// counted as a token is removed (an `Authorization` of another scheme, and other cookies,
/// stay)".
pub fn fault(
    names: &[&str],
    cookies: &[&str],
    request: &Headers,
    left: &Headers,
) -> Option<String> {
    let there = tokens(names, cookies, left);
    if !there.is_empty() {
        return Some(format!("{there:?} stayed"));
    }
    let present = !tokens(names, cookies, request).is_empty();
    let holds = |name: &[u8], value: &[u8]| {
        let read = reader(names, cookies, name).filter(|_| present);
        read.is_some_and(|read| read(value, true, cookies).iter().any(|token| !token.is_empty()))
    };
    for (name, value) in request {
        let same = |it: &&(Vec<u8>, Vec<u8>)| it.0.eq_ignore_ascii_case(name);
        let stays = left.iter().filter(same).any(|(_, other)| other == value);
        // An empty header may go with the tokens.
        if !stays && !value.is_empty() && !holds(name, value) {
            return Some(format!("{name:?}: {value:?} went"));
        }
        let cookie = name.eq_ignore_ascii_case(b"cookie") && !cookies.is_empty();
        for pair in value.split(|byte| *byte == b';').filter(|_| cookie) {
            let kept = |it: &(Vec<u8>, Vec<u8>)| {
                let mut pairs = it.1.split(|byte| *byte == b';');
                pairs.any(|it| it.trim_ascii() == pair.trim_ascii())
            };
            let blank = pair.trim_ascii().is_empty();
            if !blank && !holds(name, pair) && !left.iter().filter(same).any(kept) {
                return Some(format!("the cookie {pair:?} went"));
            }
        }
    }
    None
}
