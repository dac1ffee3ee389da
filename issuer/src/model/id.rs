//! Ids, as clients write them.

use uuid::Uuid;

/// The id in a text, in the one form that the platform has: `8-4-4-4-12` hex digits. The library
/// reads other forms too, which would be other texts for the same id.
pub fn parse(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

#[cfg(test)]
mod tests {
    use super::parse;

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
