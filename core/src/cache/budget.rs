//! The memory that all caches of a VM may take together.

use std::cell::Cell;
use std::rc::Rc;

/// What the caches of one VM may take unless told otherwise, in bytes. V8 gives a VM 1 GiB
/// at most, and whatever asks for more ends it.
pub const VM_BYTES: usize = 256 << 20;

/// A bound on the memory of several caches, which share it evenly.
#[derive(Clone, Debug)]
pub struct Budget(Rc<Total>);

#[derive(Debug)]
struct Total {
    bytes: usize,
    taken: Cell<usize>,
    caches: Cell<usize>,
}

/// That of a VM.
impl Default for Budget {
    fn default() -> Self {
        Self::new(VM_BYTES)
    }
}

impl Budget {
    /// A budget of this many bytes, of which nothing is taken.
    pub fn new(bytes: usize) -> Self {
        Self(Rc::new(Total { bytes, taken: Cell::new(0), caches: Cell::new(0) }))
    }

    /// What all caches take now, in bytes.
    pub fn taken(&self) -> usize {
        self.0.taken.get()
    }

    /// The part of one more cache.
    pub(super) fn join(&self) -> Share {
        self.0.caches.set(self.0.caches.get().saturating_add(1));
        Share { total: Rc::clone(&self.0), taken: 0 }
    }
}

/// A cache's part of a [`Budget`]. When it is dropped, what it took is free again.
pub(super) struct Share {
    total: Rc<Total>,
    taken: usize,
}

impl Share {
    /// An even part, in bytes.
    pub(super) fn even(&self) -> usize {
        self.total.bytes.checked_div(self.total.caches.get()).unwrap_or(self.total.bytes)
    }

    /// What the other caches leave, in bytes.
    pub(super) fn left(&self) -> usize {
        let others = self.total.taken.get().saturating_sub(self.taken);
        self.total.bytes.saturating_sub(others)
    }

    /// Says how many bytes the cache takes now.
    pub(super) fn set_taken(&mut self, bytes: usize) {
        let others = self.total.taken.get().saturating_sub(self.taken);
        self.total.taken.set(others.saturating_add(bytes));
        self.taken = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set_taken(0);
        self.total.caches.set(self.total.caches.get().saturating_sub(1));
    }
}
