//! A page of a list.

/// The most items that a page has.
pub const MAX_PAGE_SIZE: u32 = 100;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The number of the page, from 1.
    pub page: u32,
    /// How many items a page has, from 1 to [`MAX_PAGE_SIZE`].
    pub size: u32,
}

impl PageRequest {
    /// How many items stand before the page.
    pub fn offset(self) -> u64 {
        u64::from(self.page.saturating_sub(1)).saturating_mul(u64::from(self.size))
    }
}

/// The order of a list. Items that are equal in it are ordered by id, so that pages don't overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// The oldest first.
    #[default]
    CreatedAtAscending,
    /// The newest first.
    CreatedAtDescending,
    /// By name.
    NameAscending,
    /// By name, backwards.
    NameDescending,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page: none behind the end of the list.
    pub items: Vec<T>,
    /// How many items all pages have.
    pub total: u64,
}
