//! Pauses after failures: doubling from the first to the longest.
//!
//! Time: the runtime's clock.

use std::time::Duration;

/// The pause before the next try.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses between these two.
    pub(crate) const fn new((first, longest): (Duration, Duration)) -> Self {
        Self { first, longest, next: first }
    }

    /// Pauses, longer each time.
    pub(crate) async fn pause(&mut self) {
        let now = self.next;
        self.next = (self.next * 2).min(self.longest);
        tokio::time::sleep(now).await;
    }

    /// Begins again with the first pause: something succeeded.
    pub(crate) const fn reset(&mut self) {
        self.next = self.first;
    }
}
