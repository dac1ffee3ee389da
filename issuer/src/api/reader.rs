//! What an operation reads of a request: the id in its path, what follows the `?`, its body.
//!
//! A function that reads says what it wants and gets a value in any case. What is wrong is
//! collected here, and the operation isn't called if anything is; so a client hears of all of it at
//! once.

use uuid::Uuid;

use super::arguments::Arguments;
use super::asked::Asked;
use super::call::Names;
use super::error::Errors;
use super::query::Query;
use crate::authority::refusal::{ArgumentFault, FaultReason, Refusal, Resource};
use crate::model::id;

/// A request that is being read.
pub struct Reader {
    /// What follows the `?`.
    pub query: Query,
    /// The members of the body, if the method has one.
    pub body: Arguments,
    names: Names,
    errors: Errors,
    /// The id in the path is nobody's.
    unknown: Option<Refusal>,
}

/// What an operation asks of requests.
pub struct Description {
    /// What may follow the `?`.
    pub query: Vec<Asked>,
    /// The members of the body.
    pub body: Vec<Asked>,
    /// Whether the body may have other members than those.
    pub is_closed: bool,
}

impl Reader {
    /// Reads a request of somebody who was authenticated.
    pub fn new(names: Names, query: Query, body: Arguments, errors: Errors) -> Self {
        Self { query, body, names, errors, unknown: None }
    }

    /// Reads no request, and notes what a function would read of one.
    pub fn describing() -> Self {
        Self::new(Names::default(), Query::describing(), Arguments::describing(), Errors::Brief)
    }

    /// What was noted.
    pub fn description(self) -> Description {
        let (body, is_closed) = self.body.description();
        Description { query: self.query.description(), body, is_closed }
    }

    /// The id in the path. One that isn't a UUID is nobody's; where errors have a type, it has the
    /// wrong form.
    pub fn id(&mut self, resource: Resource) -> Uuid {
        self.id_named("id", resource)
    }

    /// The same where the path has another name for it.
    pub fn id_named(&mut self, name: &str, resource: Resource) -> Uuid {
        let text = self.names.value(name).unwrap_or_default();
        let found = id::parse(text);
        if found.is_none() {
            self.unknown = Some(match self.errors {
                Errors::Brief => resource.not_found(""),
                Errors::Typed => {
                    Refusal::argument(name, FaultReason::Format, "value must be a valid UUID")
                }
            });
        }
        found.unwrap_or_default()
    }

    /// What stands for a name in the path that isn't an id.
    pub fn in_path(&mut self, name: &str) -> String {
        self.names.value(name).unwrap_or_default().to_owned()
    }

    /// Whether all that was read was right.
    ///
    /// # Errors
    ///
    /// What was wrong.
    pub fn finish(self) -> Result<(), Refusal> {
        if let Some(unknown) = self.unknown {
            return Err(unknown);
        }
        let mut faults = self.query.faults();
        faults.extend(self.body.faults());
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Refusal::InvalidArguments(faults)),
        }
    }
}

/// Exactly one of two arguments has to be there: whether it is the first, and its value.
pub fn exactly_one<T>(
    (first_name, first): (&str, Option<T>),
    (second_name, second): (&str, Option<T>),
) -> Result<(bool, T), [ArgumentFault; 2]> {
    let (reason, help) = match (first, second) {
        (Some(value), None) => return Ok((true, value)),
        (None, Some(value)) => return Ok((false, value)),
        (None, None) => (FaultReason::Required, "expected one of the two, found neither"),
        (Some(_), Some(_)) => (FaultReason::Constraint, "expected one of the two, found both"),
    };
    let fault = |name: &str| ArgumentFault { name: name.to_owned(), reason, help: help.to_owned() };
    Err([fault(first_name), fault(second_name)])
}
