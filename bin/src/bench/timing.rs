//! Durations of many things: percentiles, exact, from all of them.

use std::time::Duration;

/// Collects durations.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    micros: Vec<u32>,
}

impl Timings {
    /// Adds one. Longer than an hour counts as an hour.
    pub fn add(&mut self, duration: Duration) {
        self.micros.push(u32::try_from(duration.as_micros()).unwrap_or(3_600_000_000));
    }

    /// Takes in those of another one.
    pub fn merge(&mut self, other: Self) {
        self.micros.extend(other.micros);
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.micros.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.micros.is_empty()
    }

    /// The duration below which this part of them lies (0.5: the median), in microseconds; 0 if there are none.
    pub fn percentile_us(&mut self, part: f64) -> f64 {
        if self.micros.is_empty() {
            return 0.0;
        }
        self.micros.sort_unstable();
        let last = self.micros.len() - 1;
        let at = ((last as f64) * part).round() as usize;
        f64::from(self.micros[at.min(last)])
    }

    /// The same in milliseconds.
    pub fn percentile_ms(&mut self, part: f64) -> f64 {
        self.percentile_us(part) / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut timings = Timings::default();
        for millis in 1..=100 {
            timings.add(Duration::from_millis(millis));
        }
        let whole = |part| timings.clone().percentile_ms(part).round() as i64;
        assert_eq!(whole(0.5), 51);
        assert_eq!(whole(0.99), 99);
        assert_eq!(whole(1.0), 100);
    }
}
