//! Ids: as clients write them, and new ones.

use namespace_jwt_core::time::UnixTime;
use uuid::{NoContext, Timestamp, Uuid};

/// The id in a text, in the one form that the platform has: `8-4-4-4-12` hex digits. The library
/// reads other forms too, which would be other texts for the same id.
pub fn parse(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

/// A new id that begins with its time (version 7, RFC 9562 §5.7): for what is made by the thousand.
/// In an index such ids stand side by side, where those of version 4 are each on a page of its own,
/// which has to be written.
pub fn in_order(at: UnixTime) -> Uuid {
    let since = at.since_epoch();
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use namespace_jwt_core::time::UnixTime;

    use super::{in_order, parse};

    #[test]
    fn ids_in_order_are_so_as_bytes_and_never_the_same() {
        let ids = [1, 1_700_000_000, 1_700_000_001].map(|at| in_order(UnixTime::from_secs(at)));
        assert!(ids.is_sorted_by_key(|id| *id.as_bytes()), "{ids:?}");
        let now = UnixTime::from_secs(1_700_000_000);
        assert_ne!(in_order(now), in_order(now));
        assert_eq!(parse(&ids[0].to_string()), Some(ids[0]));
    }

    #[test]
    fn an_id_has_one_form() {
        let id = "c30fc741-cf43-4aa3-afd6-db71a86a538e";
        assert_eq!(parse(id).unwrap().to_string(), id);
        assert_eq!(parse(&id.to_uppercase()), parse(id));
        let simple = id.replace('-', "");
        for other in [&simple, &format!("{{{id}}}"), &format!("urn:uuid:{id}"), "", "x"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
