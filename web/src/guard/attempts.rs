//! Attempts at one account: counted in the database, so that they hold on all nodes together and over a restart.

use super::Gate;
use crate::problem::Problem;

impl Gate {
    /// Counts an attempt at this account, which a keyed hash of its address or its identifier names, wherever it comes from and
    /// whichever node it is made at.
    ///
    /// # Errors
    /// 429 when there were too many; anything else when they cannot be counted, and then the attempt must not be made.
    pub async fn count_attempt(&self, account: [u8; 32]) -> Result<(), Problem> {
        match self.attempts.take(account).await?.retry_after_seconds {
            Some(seconds) => Err(Problem::too_many_requests(seconds)),
            None => Ok(()),
        }
    }
}
