//! A person in an organization.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What a member has who asks for no language.
pub const DEFAULT_LOCALE: &str = "en_US";

/// The fewest and the most characters of a password.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// A person in an organization. Their password isn't here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: Uuid,
    /// The organization.
    pub organization_id: Uuid,
    /// What they are in it.
    pub kind: UserKind,
    /// Their address.
    pub email: String,
    /// The name that they sign in with.
    pub username: String,
    /// What else is known of them.
    pub profile: Profile,
    /// Labels.
    pub tags: Vec<String>,
    /// Whether nothing that they ask for is done.
    pub is_locked: bool,
    /// When they were made.
    pub created_at: UnixTime,
    /// When they were last changed.
    pub updated_at: UnixTime,
    /// When they last signed in.
    pub last_login_at: Option<UnixTime>,
}

/// What a user may say of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The phone number.
    pub phone_number: String,
    /// The language, such as `en_US`.
    pub locale: String,
}

/// What a user is in their organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKind {
    /// Who may do everything. An organization has one, from its beginning.
    Owner,
    /// Who was invited.
    Guest,
    /// Who was made in it.
    Member,
}

impl UserKind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Guest, Self::Member];

    /// Its name, in the database and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Guest => "guest",
            Self::Member => "member",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A user that is asked for.
pub struct NewUser {
    /// The organization, if the caller names one.
    pub organization_id: Option<Uuid>,
    /// Labels.
    pub tags: Vec<String>,
    /// Who.
    pub person: NewPerson,
}

/// Whom an organization is to have.
pub enum NewPerson {
    /// A guest, by their address.
    Guest {
        /// The address.
        email: String,
    },
    /// A member.
    Member {
        /// The address.
        email: String,
        /// The name to sign in with.
        username: String,
        /// The password, if they are to have one.
        password: Option<Password>,
        /// What else is known of them.
        profile: Profile,
    },
}

/// A password as somebody chose it. It has no `Debug`, so that no log can hold it.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Its text, for what hashes it.
    pub fn into_text(self) -> Zeroizing<String> {
        self.0
    }

    /// Whether it can be had by a user of that name.
    ///
    /// # Errors
    ///
    /// What was expected.
    pub fn check(&self, username: &str) -> Result<(), String> {
        let (least, most) = (PASSWORD_LENGTH.start(), PASSWORD_LENGTH.end());
        if !PASSWORD_LENGTH.contains(&self.0.chars().count()) {
            return Err(format!("expected {least} to {most} characters"));
        }
        let (password, name) = (self.0.to_lowercase(), username.to_lowercase());
        if name.chars().count() >= 3 && password.contains(&name) {
            return Err("expected a password without the name of the user".to_owned());
        }
        Ok(())
    }
}

/// What is kept of a password: its Argon2id hash, as text with its parameters.
pub struct PasswordHash(pub String);

/// What a request makes of a user. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The address.
    pub email: Option<String>,
    /// The name to sign in with.
    pub username: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The phone number.
    pub phone_number: Option<String>,
    /// The language.
    pub locale: Option<String>,
    /// The labels, in place of all that are there.
    pub tags: Option<Vec<String>>,
    /// Whether they are locked.
    pub is_locked: Option<bool>,
}

impl UserChange {
    /// The user as it is to be.
    pub fn made_of(&self, user: &User, at: UnixTime) -> User {
        let or = |new: &Option<String>, old: &String| new.as_ref().unwrap_or(old).clone();
        User {
            email: or(&self.email, &user.email),
            username: or(&self.username, &user.username),
            profile: Profile {
                first_name: or(&self.first_name, &user.profile.first_name),
                last_name: or(&self.last_name, &user.profile.last_name),
                phone_number: or(&self.phone_number, &user.profile.phone_number),
                locale: or(&self.locale, &user.profile.locale),
            },
            tags: self.tags.as_ref().unwrap_or(&user.tags).clone(),
            is_locked: self.is_locked.unwrap_or(user.is_locked),
            updated_at: at,
            ..user.clone()
        }
    }
}

/// Which users a list has.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Of this organization.
    pub organization_id: Option<Uuid>,
    /// Those of these, unless there are none.
    pub ids: Vec<Uuid>,
    /// Of this kind.
    pub kind: Option<UserKind>,
    /// With this label.
    pub tag: Option<String>,
    /// Whether they have a second factor. Nobody has one here.
    pub mfa: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::Password;

    #[test]
    fn a_password_is_long_enough_and_not_the_name() {
        for (name, password, is_good) in [
            ("ada", "correct horse", true),
            ("ada", "seven77", false),
            ("ada", "eight888", true),
            ("ada", "my-ADA-12345", false),
            ("", "eight888", true),
            ("al", "alternate", true),
            ("éloïse", "ÉLOÏSE12", false),
            ("ada", &"x".repeat(128), true),
            ("ada", &"x".repeat(129), false),
        ] {
            assert_eq!(
                Password::new(password.to_owned()).check(name).is_ok(),
                is_good,
                "{password}"
            );
        }
    }
}
