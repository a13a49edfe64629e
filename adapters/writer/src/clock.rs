//! The clock of the machine.
//!
//! Owns: the one reading of the time of day.
//! Time: it is here that it comes from.

use std::time::{SystemTime, UNIX_EPOCH};

use paravox_domain::ports::Clock;
use paravox_domain::time::Instant;

/// The time of day as the operating system has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        #[expect(clippy::disallowed_methods, reason = "the one implementation of the `Clock` port over it")]
        let now = SystemTime::now();
        // A clock before 1970 or beyond the year 290,000 is a broken one; the writer's stamps never go back anyway.
        let micros = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Instant(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}
