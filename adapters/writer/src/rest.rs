//! Rests between tries, each longer than the one before.
//!
//! Time: the runtime's clock.

use std::time::Duration;

/// How long to rest before the next try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    next: Duration,
    longest: Duration,
}

impl Rest {
    /// Rests that double from the first to the longest.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// For something that many wait for: 10 ms to 500 ms.
    pub(crate) const fn short() -> Self {
        Self::new(Duration::from_millis(10), Duration::from_millis(500))
    }

    /// Takes the next rest.
    pub(crate) async fn take(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.longest);
    }
}
