//! Environment variables, of a namespace or an application.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// The most secret variables that an object has.
pub const MAX_SECRETS: usize = 100;

/// The environment variables of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Those that anyone who may read the object may read.
    pub plain: BTreeMap<String, String>,
    /// Of secret ones only a hash of the value is kept: Argon2id, as a PHC string.
    pub secret: BTreeMap<String, String>,
}

/// What a request makes of an object's environment variables.
#[derive(Default)]
pub struct VariablesChange {
    /// In place of all plain ones, unless it is `None`.
    pub plain: Option<BTreeMap<String, String>>,
    /// Keys of secret ones, with a new value, or `None` for one to remove. Others stay.
    pub secret: BTreeMap<String, Option<Zeroizing<String>>>,
}

/// A [`VariablesChange`] whose secret values have been hashed.
#[derive(Clone, Default)]
pub struct HashedChange {
    /// In place of all plain ones, unless it is `None`.
    pub plain: Option<BTreeMap<String, String>>,
    /// Keys of secret ones, with the hash of a new value, or `None` for one to remove.
    pub secret: BTreeMap<String, Option<String>>,
}

impl Variables {
    /// The variables after a change.
    ///
    /// # Errors
    ///
    /// [`TooManySecrets`].
    pub fn changed(&self, change: &HashedChange) -> Result<Self, TooManySecrets> {
        let mut changed = self.clone();
        if let Some(plain) = &change.plain {
            changed.plain.clone_from(plain);
        }
        for (key, hash) in &change.secret {
            match hash {
                Some(hash) => changed.secret.insert(key.clone(), hash.clone()),
                None => changed.secret.remove(key),
            };
        }
        match changed.secret.len() <= MAX_SECRETS {
            true => Ok(changed),
            false => Err(TooManySecrets),
        }
    }
}

/// An object would have more than [`MAX_SECRETS`] secret variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySecrets;
