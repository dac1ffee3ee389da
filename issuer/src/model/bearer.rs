//! Whoever API keys and policies are for.

use uuid::Uuid;

/// A user or an application, which can hold API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bearer {
    /// A person.
    User(Uuid),
    /// A program.
    Application(Uuid),
}

/// The two kinds of bearers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerKind {
    /// Persons.
    User,
    /// Programs.
    Application,
}

impl Bearer {
    /// Its id.
    pub fn id(self) -> Uuid {
        match self {
            Self::User(id) | Self::Application(id) => id,
        }
    }

    /// Its kind.
    pub fn kind(self) -> BearerKind {
        match self {
            Self::User(_) => BearerKind::User,
            Self::Application(_) => BearerKind::Application,
        }
    }

    /// Its id, if it is a person.
    pub fn user_id(self) -> Option<Uuid> {
        match self {
            Self::User(id) => Some(id),
            Self::Application(_) => None,
        }
    }

    /// Its id, if it is a program.
    pub fn application_id(self) -> Option<Uuid> {
        match self {
            Self::User(_) => None,
            Self::Application(id) => Some(id),
        }
    }
}
