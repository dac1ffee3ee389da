//! The contract on a request's headers, read again from its sentences.

/// The distinct tokens in a request, none of them empty.
///
/// "An empty header is no token. `authorization` means `Bearer <token>`; another scheme is no
/// token. A joined value `Bearer A,Bearer B` is two tokens."
pub fn tokens(names: &[&str], request: &[(Vec<u8>, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut tokens = Vec::new();
    for (name, value) in request {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if !names.iter().any(|other| other.to_ascii_lowercase() == name) {
            continue;
        }
        if name != "authorization" {
            tokens.push(value.clone());
            continue;
        }
        let joined: Vec<_> = value.split(|byte| *byte == b',').map(bearer).collect();
        match joined.iter().cloned().collect::<Option<Vec<_>>>() {
            Some(several) => tokens.extend(several),
            None => tokens.extend(bearer(value)),
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens.sort();
    tokens.dedup();
    tokens
}

/// The token after the scheme, its first spaces left out.
fn bearer(credentials: &[u8]) -> Option<Vec<u8>> {
    let start = credentials.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let credentials = &credentials[start..];
    let scheme = credentials.get(..7)?.to_ascii_lowercase();
    if scheme != b"bearer " {
        return None;
    }
    let token = &credentials[7..];
    let spaces = token.iter().position(|byte| *byte != b' ').unwrap_or(token.len());
    Some(token[spaces..].to_vec())
}
