//! Conditions that are about to be kept are parsed: beside the requests, and those of one request at a
//! time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::refusal::{ArgumentFault, FaultReason, Refusal};
use crate::iam::condition::check;
use crate::model::policy::Rule;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(25);

/// After so many faults the rest isn't looked at.
const MAX_FAULTS: usize = 10;

/// The only way to the parser for what isn't kept yet.
pub struct Checking(Arc<Semaphore>);

impl Checking {
    /// Nobody is waiting yet.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Checks the conditions of rules.
    ///
    /// # Errors
    ///
    /// The first faults, or [`Refusal::Busy`] after 25 seconds without a turn.
    pub async fn check_conditions(&self, rules: &[Rule]) -> Result<(), Refusal> {
        let conditions = rules.iter().map(|rule| rule.condition.clone()).enumerate();
        let conditions: Vec<_> = conditions.filter(|(_, text)| !text.is_empty()).collect();
        if conditions.is_empty() {
            return Ok(());
        }
        let turn = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let turn = turn.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        let faults = spawn_blocking(move || {
            // A request that is given up doesn't stop its thread, so the thread has the turn.
            let _turn = turn;
            let faults = conditions.into_iter().filter_map(|(at, text)| {
                let fault = check(&text).err()?;
                Some(ArgumentFault {
                    name: format!("rules[{at}].condition"),
                    reason: FaultReason::Constraint,
                    help: fault.to_string(),
                })
            });
            faults.take(MAX_FAULTS).collect::<Vec<_>>()
        });
        let faults = faults.await.map_err(|_| Refusal::Internal("conditions can't be parsed"))?;
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Refusal::InvalidArguments(faults)),
        }
    }
}

impl Default for Checking {
    fn default() -> Self {
        Self::new()
    }
}
