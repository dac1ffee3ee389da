//! What follows the `?` in a request.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::arguments::read_time;
use crate::authority::refusal::{ArgumentFault, FaultReason, Refusal};
use crate::model::id;
use crate::model::page::{MAX_PAGE_SIZE, Order, PageRequest};

/// How many items a page has that doesn't say.
const PAGE_SIZE: u32 = 20;

/// Names and values. What nobody asks for is ignored: clients are newer or older than the service.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them, with `+` for a space.
    pub fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// A value that isn't empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(it, value)| it == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// An id.
    pub fn id(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        let read = |text| {
            id::parse(text)
                .ok_or_else(|| Refusal::argument(name, FaultReason::Format, "expected a UUID"))
        };
        self.text(name).map(read).transpose()
    }

    /// A time.
    pub fn time(&self, name: &str) -> Result<Option<UnixTime>, Refusal> {
        let read =
            |text| read_time(name, text).map_err(|fault| Refusal::InvalidArguments(vec![fault]));
        self.text(name).map(read).transpose()
    }

    /// Which page of a list is asked for.
    pub fn page(&self) -> Result<PageRequest, Refusal> {
        Ok(PageRequest {
            page: self.number("page", u32::MAX)?.unwrap_or(1),
            size: self.number("page_size", MAX_PAGE_SIZE)?.unwrap_or(PAGE_SIZE),
        })
    }

    /// A number from 1.
    fn number(&self, name: &str, most: u32) -> Result<Option<u32>, Refusal> {
        let read = |text: &str| match text.parse::<i64>().map(u32::try_from) {
            Ok(Ok(number)) if (1..=most).contains(&number) => Ok(number),
            Ok(_) => {
                let help = format!("expected a number from 1 to {most}");
                Err(Refusal::argument(name, FaultReason::Constraint, help))
            }
            Err(_) => Err(Refusal::argument(name, FaultReason::Format, "expected a whole number")),
        };
        self.text(name).map(read).transpose()
    }

    /// The order of a list of things that have names.
    pub fn order(&self) -> Result<Order, Refusal> {
        self.order_among(&[
            ("created_at_asc", Order::CreatedAtAscending),
            ("created_at_desc", Order::CreatedAtDescending),
            ("name_asc", Order::NameAscending),
            ("name_desc", Order::NameDescending),
        ])
    }

    /// Whether a list of things that have no names is to have the newest first.
    pub fn newest_first(&self) -> Result<bool, Refusal> {
        self.order_among(&[("created_at_asc", false), ("created_at_desc", true)])
    }

    fn order_among<T: Copy + Default>(&self, orders: &[(&str, T)]) -> Result<T, Refusal> {
        let Some(text) = self.text("order_by") else { return Ok(T::default()) };
        let found = orders.iter().find(|(name, _)| *name == text).map(|(_, order)| *order);
        found.ok_or_else(|| {
            let names: Vec<_> = orders.iter().map(|(name, _)| *name).collect();
            let help = format!("expected one of {}", names.join(", "));
            Refusal::argument("order_by", FaultReason::Constraint, help)
        })
    }
}

/// Exactly one of two arguments has to be there: whether it is the first, and its value.
pub fn exactly_one<T>(
    (first_name, first): (&str, Option<T>),
    (second_name, second): (&str, Option<T>),
) -> Result<(bool, T), Refusal> {
    let (reason, help) = match (first, second) {
        (Some(value), None) => return Ok((true, value)),
        (None, Some(value)) => return Ok((false, value)),
        (None, None) => (FaultReason::Required, "expected one of the two, found neither"),
        (Some(_), Some(_)) => (FaultReason::Constraint, "expected one of the two, found both"),
    };
    let fault = |name: &str| ArgumentFault { name: name.to_owned(), reason, help: help.to_owned() };
    Err(Refusal::InvalidArguments(vec![fault(first_name), fault(second_name)]))
}
