//! Times as text: RFC 3339, UTC, microseconds.
//!
//! Owns: both directions, and nothing of a clock.

use jiff::Timestamp;
use paravox_domain::time::Instant;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant as it is written in JSON: `2026-11-23T15:00:00.000000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeText(pub(crate) Instant);

/// The text of an instant. Instants beyond the year 9999 or before -9999 are shown as the nearest one within.
pub(crate) fn text(instant: Instant) -> String {
    let whole = |second: i64| second.saturating_mul(1_000_000);
    let (first, last) = (Timestamp::MIN.as_second() + 1, Timestamp::MAX.as_second() - 1);
    let bounded = instant.micros().clamp(whole(first), whole(last));
    Timestamp::from_microsecond(bounded)
        .map(|timestamp| timestamp.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
        .unwrap_or_default()
}

/// Reads an instant, with an offset or `Z`; finer parts than microseconds are dropped.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    let form = text.len() <= 40 && !text.contains('[');
    form.then(|| text.parse::<Timestamp>().ok()).flatten().map(|time| Instant(time.as_microsecond()))
}

impl Serialize for TimeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(self.0))
    }
}

impl<'de> Deserialize<'de> for TimeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        parse(&value).map(Self).ok_or_else(|| {
            serde::de::Error::custom("a time is written as RFC 3339 says: 2026-11-23T15:00:00Z")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_six_decimals_and_reads_back() {
        let instant = Instant(1_795_446_000_000_001);
        assert_eq!(text(instant), "2026-11-23T15:00:00.000001Z");
        assert_eq!(parse("2026-11-23T15:00:00.000001Z"), Some(instant));
        assert_eq!(parse("2026-11-23T16:00:00.000001+01:00"), Some(instant));
        for wrong in ["", "2026-11-23", "2026-11-23T15:00:00", "now", "2026-11-23T15:00:00Z[UTC]"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert!(text(Instant::MAX).starts_with("9999"));
        assert!(text(Instant::MIN).starts_with('-'));
    }
}
