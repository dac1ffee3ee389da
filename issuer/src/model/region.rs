//! The region in the path of a request.

use std::fmt;

/// The name of a region, such as `fr-par`. The service has no regions of its own: what was made
/// under one name is found under that name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region(String);

impl Region {
    /// The region that clients are told to use.
    pub fn default_region() -> Self {
        Self("fr-par".to_owned())
    }

    /// A region of that name, if it has the form that clients check before they send:
    /// `^[a-z]{2}-[a-z]{3,7}$`.
    pub fn parse(text: &str) -> Option<Self> {
        let (country, city) = text.split_once('-')?;
        let is_lower = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase());
        let has_form = country.len() == 2
            && (3..=7).contains(&city.len())
            && is_lower(country)
            && is_lower(city);
        has_form.then(|| Self(text.to_owned()))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Region;

    #[test]
    fn a_region_has_the_form_that_clients_check() {
        for name in ["fr-par", "nl-ams", "pl-waw", "xx-abcdefg"] {
            assert_eq!(Region::parse(name).unwrap().as_str(), name);
        }
        for name in
            ["", "fr", "fr-", "fr-pa", "FR-PAR", "fr_par", "fra-par", "fr-par-1", "xx-abcdefgh"]
        {
            assert_eq!(Region::parse(name), None, "{name}");
        }
    }
}
