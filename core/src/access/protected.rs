//! What the filter stands in front of.

use crate::claims::Grant;
use crate::identifier;
use crate::trust::name::Id;

/// Where it is said what a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protects {
    /// In the configuration: the same for every request.
    Configured(Protected),
    /// In the metadata of the request's route.
    Route {
        /// The namespace that every route must be of, if one is configured.
        namespace_id: Option<String>,
    },
}

/// What the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// The namespace's id; not empty.
    pub namespace_id: String,
    /// The function's or container's id; not empty. Without one, the filter stands for
    /// the whole namespace.
    pub application_id: Option<String>,
    ids: Ids,
}

/// What one request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The namespace's id; not empty.
    pub namespace_id: &'a str,
    /// The function's or container's id; not empty. Without one, the request is for the whole
    /// namespace.
    pub application_id: Option<&'a str>,
    pub(super) ids: Ids,
}

/// The ids in the trust feed, which has UUIDs: of any other text it knows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    pub namespace: Option<Id>,
    pub application: Option<Id>,
}

impl Ids {
    fn of(namespace_id: &str, application_id: Option<&str>) -> Self {
        let application = application_id.and_then(Id::of);
        Self { namespace: Id::of(namespace_id), application }
    }
}

impl Protects {
    /// What the configuration names, if that counts.
    pub fn configured(&self) -> Option<&Protected> {
        match self {
            Self::Configured(protected) => Some(protected),
            Self::Route { .. } => None,
        }
    }
}

impl Protected {
    /// An application of a namespace, or all of it.
    pub fn new(namespace_id: String, application_id: Option<String>) -> Self {
        let ids = Ids::of(&namespace_id, application_id.as_deref());
        Self { namespace_id, application_id, ids }
    }

    /// The same for a request.
    pub fn target(&self) -> Target<'_> {
        let Self { namespace_id, application_id, ids } = self;
        Target { namespace_id, application_id: application_id.as_deref(), ids: *ids }
    }
}

impl<'a> Target<'a> {
    /// An application of a namespace, or all of it.
    pub fn new(namespace_id: &'a str, application_id: Option<&'a str>) -> Self {
        Self { namespace_id, application_id, ids: Ids::of(namespace_id, application_id) }
    }

    /// Whether the grant opens this: every id that it names is this one's, byte for byte.
    pub fn is_opened_by(self, grant: &Grant) -> bool {
        let application = |id: &String| self.application_id == Some(id);
        match grant {
            Grant::Namespace(id) => id == self.namespace_id,
            Grant::Application(id) => application(id),
            Grant::ApplicationIn { namespace_id, application_id } => {
                namespace_id == self.namespace_id && application(application_id)
            }
        }
    }
}

/// What the metadata of a request's route says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// Everybody may pass.
    Public,
    /// It leads to this.
    Private(Target<'a>),
    /// There is none, or something is wrong with it: nobody passes.
    Unusable,
}

impl<'a> Route<'a> {
    /// Reads the members of `filter_metadata.namespace_jwt`: `public`, a boolean that comes as one
    /// byte, and the ids. One that isn't known here may be a slip of the pen for one that is.
    pub fn read(members: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let (mut public, mut namespace_id, mut application_id) = (None, None, None);
        for (name, value) in members {
            let known = match name {
                b"public" => value == [0] || value == [1],
                b"namespace_id" | b"application_id" => id(value).is_some(),
                _ => false,
            };
            if !known {
                return Self::Unusable;
            }
            match name {
                b"public" => public = Some(value == [1]),
                b"namespace_id" => namespace_id = id(value),
                _ => application_id = id(value),
            }
        }
        match (public, namespace_id) {
            (Some(true), _) => Self::Public,
            (_, Some(namespace_id)) => Self::Private(Target::new(namespace_id, application_id)),
            (_, None) => Self::Unusable,
        }
    }

    /// The same where every route must be of one namespace. One that is public and names none
    /// need not name it.
    pub(super) fn within(self, namespace_id: Option<&str>) -> Self {
        match (self, namespace_id) {
            (Self::Private(target), Some(id)) if target.namespace_id != id => Self::Unusable,
            (route, _) => route,
        }
    }
}

fn id(value: &[u8]) -> Option<&str> {
    let id = std::str::from_utf8(value).ok()?;
    identifier::check_id(id).is_ok().then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_grant_admits_when_every_id_that_it_names_is_the_protected_ones() {
        let namespace = |id: &str| Grant::Namespace(id.into());
        let application = |id: &str| Grant::Application(id.into());
        let both = |namespace_id: &str, application_id: &str| Grant::ApplicationIn {
            namespace_id: namespace_id.into(),
            application_id: application_id.into(),
        };
        for (grant, in_application, in_namespace) in [
            (namespace("n"), true, true),
            (namespace("m"), false, false),
            (namespace("N"), false, false),
            (namespace("n "), false, false),
            (namespace("a"), false, false),
            (application("a"), true, false),
            (application("b"), false, false),
            (application("n"), false, false),
            (both("n", "a"), true, false),
            (both("n", "b"), false, false),
            (both("m", "a"), false, false),
            (both("a", "n"), false, false),
        ] {
            let opened = |application_id| Target::new("n", application_id).is_opened_by(&grant);
            assert_eq!(opened(Some("a")), in_application, "{grant:?}");
            assert_eq!(opened(None), in_namespace, "{grant:?}");
        }
    }

    #[test]
    fn a_route_without_usable_metadata_is_unusable() {
        let private = |namespace_id, application_id| {
            Route::Private(Target::new(namespace_id, application_id))
        };
        let cases: [(&[(&str, &str)], Route<'_>); 18] = [
            (&[], Route::Unusable),
            (&[("namespace_id", "n")], private("n", None)),
            (&[("namespace_id", "n"), ("application_id", "a")], private("n", Some("a"))),
            (&[("namespace_id", "n"), ("public", "\0")], private("n", None)),
            (&[("public", "\x01")], Route::Public),
            (&[("public", "\x01"), ("namespace_id", "n")], Route::Public),
            (&[("public", "\0")], Route::Unusable),
            (&[("public", "true")], Route::Unusable),
            (&[("public", "true"), ("namespace_id", "n")], Route::Unusable),
            (&[("public", "")], Route::Unusable),
            (&[("public", "\x01\0\0\0\0\0\0\0")], Route::Unusable),
            (&[("public", "\x01"), ("namespace_id", "n m")], Route::Unusable),
            (&[("application_id", "a")], Route::Unusable),
            (&[("namespace_id", ""), ("application_id", "a")], Route::Unusable),
            (&[("namespace_id", "n"), ("application_id", "")], Route::Unusable),
            (&[("namespace_id", "n"), ("application_id", "fr-par/a")], Route::Unusable),
            (&[("namespace_id", "n"), ("aplication_id", "a")], Route::Unusable),
            (&[("namespace_id", "n\n")], Route::Unusable),
        ];
        for (members, expected) in cases {
            let bytes = members.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            assert_eq!(Route::read(bytes), expected, "{members:?}");
        }
        let bytes = [(&b"namespace_id"[..], &b"\xff"[..])];
        assert_eq!(Route::read(bytes), Route::Unusable);
    }

    #[test]
    fn a_route_must_be_of_the_configured_namespace() {
        let target = Target::new("n", Some("a"));
        for (route, within, expected) in [
            (Route::Private(target), None, Route::Private(target)),
            (Route::Private(target), Some("n"), Route::Private(target)),
            (Route::Private(target), Some("N"), Route::Unusable),
            (Route::Public, Some("n"), Route::Public),
            (Route::Unusable, Some("n"), Route::Unusable),
        ] {
            assert_eq!(route.within(within), expected, "{route:?} {within:?}");
        }
    }
}
