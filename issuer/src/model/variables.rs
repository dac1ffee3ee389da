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

/// What a request makes of an object's environment variables: `V` is a secret value, or its hash.
#[derive(Clone)]
pub struct VariablesChange<V = Zeroizing<String>> {
    /// In place of all plain ones, unless it is `None`.
    pub plain: Option<BTreeMap<String, String>>,
    /// What becomes of secret ones, by their keys.
    pub secret: BTreeMap<String, SecretChange<V>>,
    /// Whether those secret ones go that aren't named. Otherwise they stay.
    pub removes_other_secrets: bool,
}

/// A [`VariablesChange`] whose secret values have been hashed.
pub type HashedChange = VariablesChange<String>;

/// What becomes of one secret variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretChange<V> {
    /// It has this value.
    Set(V),
    /// It stays as it is. One that isn't there has this value.
    Keep(V),
    /// It goes.
    Remove,
}

impl<V> Default for VariablesChange<V> {
    /// Everything stays.
    fn default() -> Self {
        Self { plain: None, secret: BTreeMap::new(), removes_other_secrets: false }
    }
}

impl<V> VariablesChange<V> {
    /// Whether something becomes of secret ones.
    pub fn has_secrets(&self) -> bool {
        !self.secret.is_empty() || self.removes_other_secrets
    }
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
        if change.removes_other_secrets {
            changed.secret.retain(|key, _| change.secret.contains_key(key));
        }
        for (key, secret) in &change.secret {
            match secret {
                SecretChange::Set(hash) => {
                    changed.secret.insert(key.clone(), hash.clone());
                }
                SecretChange::Keep(hash) => {
                    changed.secret.entry(key.clone()).or_insert_with(|| hash.clone());
                }
                SecretChange::Remove => {
                    changed.secret.remove(key);
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(key, hash)| ((*key).to_owned(), (*hash).to_owned())).collect()
    }

    #[test]
    fn secrets_that_are_not_named_stay_or_go_as_the_change_says() {
        let before =
            Variables { plain: BTreeMap::new(), secret: secrets(&[("A", "1"), ("B", "2")]) };
        let new = |hash: &str| hash.to_owned();
        let named = [
            ("B", SecretChange::Keep(new("3"))),
            ("C", SecretChange::Keep(new("4"))),
            ("D", SecretChange::Set(new("5"))),
            ("E", SecretChange::Remove),
        ];
        let secret: BTreeMap<_, _> =
            named.into_iter().map(|(key, change)| (key.to_owned(), change)).collect();
        for (removes_other_secrets, expected) in [
            (false, &[("A", "1"), ("B", "2"), ("C", "4"), ("D", "5")][..]),
            (true, &[("B", "2"), ("C", "4"), ("D", "5")]),
        ] {
            let change =
                HashedChange { plain: None, secret: secret.clone(), removes_other_secrets };
            assert_eq!(before.changed(&change).unwrap().secret, secrets(expected));
        }
    }
}
