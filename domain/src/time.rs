//! Instants and spans in whole microseconds.
//!
//! Owns: arithmetic that cannot overflow, and nothing else.
//! Does not own: where an instant comes from. The domain reads no clock: every instant arrives in a command or an event.
//! Invariant: integers only, so that the same journal gives the same state on every machine (design, invariant 3).

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A moment: microseconds since 1970-01-01T00:00:00Z, as the realm's writer stamped it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub i64);

/// A length of time in microseconds. Negative where a later instant is subtracted from an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Instant {
    /// The earliest instant there is: before every other one.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant there is.
    pub const MAX: Self = Self(i64::MAX);

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down; 0 for instants before the epoch (ids carry it).
    pub const fn millis(self) -> u64 {
        if self.0 < 0 { 0 } else { (self.0 / 1_000) as u64 }
    }

    /// The time from `earlier` to this instant; negative if `earlier` is in truth the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// A span of whole milliseconds.
    pub const fn millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Instant {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, span: Self) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0;
        if micros % 1_000_000 == 0 {
            write!(f, "{} s", micros / 1_000_000)
        } else if micros % 1_000 == 0 {
            write!(f, "{} ms", micros / 1_000)
        } else {
            write!(f, "{micros} µs")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        assert_eq!(Instant::MAX + Span::seconds(1), Instant::MAX);
        assert_eq!(Instant::MIN - Span::seconds(1), Instant::MIN);
        assert_eq!(Instant(5).since(Instant(7)), Span(-2));
    }

    #[test]
    fn a_span_is_shown_in_the_largest_unit_that_is_exact() {
        assert_eq!(Span::seconds(3).to_string(), "3 s");
        assert_eq!(Span::millis(1_500).to_string(), "1500 ms");
        assert_eq!(Span(7).to_string(), "7 µs");
    }
}
