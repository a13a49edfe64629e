//! Ids: 128 bits, sortable by the time they were made, written with a prefix that names their kind.
//!
//! Owns: the text form (`call_01jd…`: prefix, underscore, 26 Crockford base-32 digits) and the derivation of a
//! command's fresh ids from its seed.
//! Does not own: randomness. The seed comes in with the command.
//! Invariant: parsing what was displayed gives the same id, and nothing else parses to it (no upper case, no
//! look-alike digits), so that an id has one text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Instant;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS_PER_ID: usize = 26;

/// A text that is not an id of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not an id of the form `{prefix}_` and 26 characters of 0-9, a-z without i, l, o, u")]
pub struct InvalidId {
    /// The prefix that was expected.
    pub prefix: &'static str,
    /// The text that was found, cut to 64 characters.
    pub found: String,
}

/// Writes 128 bits as 26 base-32 digits.
fn encode(value: u128) -> [u8; DIGITS_PER_ID] {
    let mut text = [b'0'; DIGITS_PER_ID];
    let mut rest = value;
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(rest & 31) as usize];
        rest >>= 5;
    }
    text
}

/// The value of each byte as a digit; 255 for what is none.
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut digit = 0;
    while digit < DIGITS.len() {
        values[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

/// Reads 26 base-32 digits; `None` for anything else, a value over 128 bits included.
fn decode(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    if bytes.len() != DIGITS_PER_ID || bytes[0] > b'7' {
        return None;
    }
    // Two halves of 13 digits, 65 bits: the first one has at most 63.
    let (high, low) = bytes.split_at(DIGITS_PER_ID / 2);
    let half = |digits: &[u8]| {
        let mut wrong = 0_u8;
        let value = digits.iter().fold(0_u128, |value, byte| {
            let digit = VALUES[usize::from(*byte)];
            wrong |= digit;
            (value << 5) | u128::from(digit & 31)
        });
        (wrong < 32).then_some(value)
    };
    Some((half(high)? << 65) | half(low)?)
}

/// Puts 26 digits behind a prefix, without allocating, and hands the text to `then`.
pub(crate) fn with_digits<T>(prefix: &str, value: u128, then: impl FnOnce(&str) -> T) -> T {
    const PREFIX_BYTES_MAX: usize = 14;
    let mut text = [0; PREFIX_BYTES_MAX + DIGITS_PER_ID];
    let at = prefix.len().min(PREFIX_BYTES_MAX);
    text[..at].copy_from_slice(&prefix.as_bytes()[..at]);
    text[at..at + DIGITS_PER_ID].copy_from_slice(&encode(value));
    // ASCII by construction, so that the text is never cut short.
    then(std::str::from_utf8(&text[..at + DIGITS_PER_ID]).unwrap_or_default())
}

/// Reads the digits that [`with_digits`] put.
pub(crate) fn read_digits(text: &str) -> Option<u128> {
    decode(text)
}

/// What every kind of id can do.
pub trait Id: Copy + Ord + fmt::Display + FromStr<Err = InvalidId> {
    /// The prefix of the text form, without the underscore.
    const PREFIX: &'static str;
    /// The id with these bits.
    fn from_bits(bits: u128) -> Self;
    /// The bits.
    fn bits(self) -> u128;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_bits(bits: u128) -> Self { Self(bits) }
            fn bits(self) -> u128 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                with_digits(concat!($prefix, "_"), self.0, |text| f.write_str(text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| InvalidId { prefix: $prefix, found: text.chars().take(64).collect() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                with_digits(concat!($prefix, "_"), self.0, |text| serializer.serialize_str(text))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("an id that begins with ", $prefix, "_"))
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    )*};
}

ids! {
    /// A party: one participant of calls, with all of its identities.
    PartyId = "pty";
    /// A device that a party uses for data.
    DeviceId = "dev";
    /// A registration in progress: an identity that somebody claims and has to prove.
    RegistrationId = "reg";
    /// A call, as far as it has been reported.
    CallId = "call";
    /// A data session beside a call.
    SessionId = "ses";
    /// One party's side of a session.
    LegId = "leg";
    /// A text message within a session.
    MessageId = "txt";
    /// A command: what settles once (design, invariant 5).
    CommandId = "cmd";
    /// A commit of the journal.
    CommitId = "cmt";
    /// One run of one writer process.
    WriterId = "wtr";
    /// A connection between a device and a gateway.
    ConnectionId = "con";
    /// The text form of an identity's look-up key (`identity::LookupKey`).
    IdentityKeyText = "idk";
    /// A request at an edge, for tracing.
    RequestId = "req";
    /// A public event: its commit's position and its index in it.
    EventId = "evt";
}

/// Where a command's fresh ids come from: randomness that the edge drew, and the time that the writer stamped.
///
/// The n-th id of a command is a function of the two, so that deciding a command twice gives the same ids, and nobody
/// who knows one id can tell the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    seed: [u8; 32],
    millis: u64,
}

impl Fresh {
    /// Ids for a command with this seed that was admitted at `at`.
    pub fn new(seed: u128, at: Instant) -> Self {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&seed.to_be_bytes());
        Self { seed: key, millis: at.millis() }
    }

    /// The n-th id of kind `I`: 48 bits of time in milliseconds, 80 bits that only the seed determines.
    #[must_use]
    pub fn id<I: Id>(&self, n: u32) -> I {
        let mut input = [0; 12];
        input[..4].copy_from_slice(&n.to_be_bytes());
        input[4..8].copy_from_slice(&(I::PREFIX.len() as u32).to_be_bytes());
        input[8..8 + I::PREFIX.len().min(4)].copy_from_slice(&I::PREFIX.as_bytes()[..I::PREFIX.len().min(4)]);
        let hash = blake3::keyed_hash(&self.seed, &input);
        let mut random = [0; 16];
        random.copy_from_slice(&hash.as_bytes()[..16]);
        let random = u128::from_be_bytes(random) & ((1 << 80) - 1);
        I::from_bits((u128::from(self.millis & 0xffff_ffff_ffff) << 80) | random)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_reads_back_as_itself(bits: u128) {
            let id = CallId::from_bits(bits);
            prop_assert_eq!(id.to_string().parse::<CallId>(), Ok(id));
        }

        #[test]
        fn the_order_of_the_texts_is_the_order_of_the_ids(a: u128, b: u128) {
            let (a, b) = (CallId::from_bits(a), CallId::from_bits(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn no_text_but_its_own_parses(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<SessionId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn the_prefix_tells_the_kind() {
        let text = CallId::from_bits(7).to_string();
        assert!(text.starts_with("call_"));
        assert_eq!(text.parse::<SessionId>().unwrap_err(), InvalidId { prefix: "ses", found: text.clone() });
    }

    #[test]
    fn fresh_ids_follow_time_and_differ_by_seed_kind_and_number() {
        let early = Fresh::new(1, Instant(1_000_000));
        let late = Fresh::new(1, Instant(2_000_000));
        assert!(early.id::<CallId>(0) < late.id::<CallId>(0));
        assert_eq!(early.id::<CallId>(0), early.id::<CallId>(0));
        assert_ne!(early.id::<CallId>(0), early.id::<CallId>(1));
        assert_ne!(early.id::<CallId>(0).bits(), early.id::<SessionId>(0).bits());
        assert_ne!(early.id::<CallId>(0), Fresh::new(2, Instant(1_000_000)).id::<CallId>(0));
    }
}
