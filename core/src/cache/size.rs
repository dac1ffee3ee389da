//! What a value takes from the allocator, which is more than its bytes.

use crate::claims::{Claims, Grant};

/// A slot of the table in the emptiest that it gets, at once after it has doubled: 7 slots of
/// 16 in use, each of a pointer to the key, one to the entry, and a byte to find it by.
pub(super) const SLOT: usize = (size_of::<[usize; 2]>() + 1) * 16 / 7;

/// What an allocation of this many bytes takes: dlmalloc, which WASI's libc has, keeps a size
/// in front of each, and hands out multiples of 16 bytes.
pub(super) const fn allocated(bytes: usize) -> usize {
    if bytes == 0 {
        return 0;
    }
    bytes.saturating_add(size_of::<usize>()).div_ceil(16).saturating_mul(16)
}

/// What claims point to takes, in bytes.
pub(super) fn of_claims(claims: &Claims) -> usize {
    let text = |text: &String| allocated(text.capacity());
    let option = |option: &Option<String>| option.as_ref().map_or(0, text);
    let grant = |grant: &Grant| match grant {
        Grant::Namespace(id) | Grant::Application(id) => text(id),
        Grant::ApplicationIn { namespace_id, application_id } => {
            text(namespace_id).saturating_add(text(application_id))
        }
    };
    let Claims { issuer, token_id, audiences, grants, .. } = claims;
    let lists = [list(audiences), list(grants), option(issuer), option(token_id)];
    let texts = audiences.iter().map(text).chain(grants.iter().map(grant));
    lists.into_iter().chain(texts).fold(0, usize::saturating_add)
}

fn list<T>(list: &Vec<T>) -> usize {
    allocated(list.capacity().saturating_mul(size_of::<T>()))
}
