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
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// Whether the last comes first.
    pub is_descending: bool,
}

impl Order {
    /// Its name in a query.
    pub fn name(self) -> String {
        let direction = if self.is_descending { "desc" } else { "asc" };
        format!("{}_{direction}", self.by.name())
    }
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OrderBy {
    /// When something was made.
    #[default]
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// When it expires. What never does comes first.
    ExpiresAt,
    /// Its name.
    Name,
    /// The same, as lists of policies call it.
    PolicyName,
    /// The public half of an API key.
    AccessKey,
    /// A user's address.
    Email,
    /// A user's name.
    Username,
    /// When a user last signed in.
    LastLogin,
}

impl OrderBy {
    /// Its name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::ExpiresAt => "expires_at",
            Self::Name => "name",
            Self::PolicyName => "policy_name",
            Self::AccessKey => "access_key",
            Self::Email => "email",
            Self::Username => "username",
            Self::LastLogin => "last_login",
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page: none behind the end of the list.
    pub items: Vec<T>,
    /// How many items all pages have.
    pub total: u64,
}
