//! Entities and their streams: every event belongs to one entity, whose events are numbered 1, 2, 3 …
//!
//! Owns: the kinds of entity, and the name of an entity's stream (`call-01jd…`), which holds no personal data.
//! Does not own: the entities' states; each kind has a module of its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{CallId, DeviceId, Id, PartyId, RegistrationId, SessionId};
use crate::identity::LookupKey;

/// An entity: what a stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityId {
    /// A registration in progress.
    Registration(RegistrationId),
    /// An identity, under its keyed look-up key.
    Identity(LookupKey),
    /// A party.
    Party(PartyId),
    /// A device.
    Device(DeviceId),
    /// Where a device is connected. Apart from the device, because it changes often and only its last event counts.
    Presence(DeviceId),
    /// A call.
    Call(CallId),
    /// A session.
    Session(SessionId),
}

/// A text that is no stream name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a stream: a category ({}), a hyphen, 26 base-32 digits", CATEGORIES.join(", "))]
pub struct InvalidStream {
    /// The text that was found, cut to 64 characters.
    pub found: String,
}

/// The categories of streams, each the first part of its streams' names.
pub const CATEGORIES: [&str; 7] =
    ["registration", "identity", "party", "device", "presence", "call", "session"];

impl EntityId {
    /// The category: the first part of the stream's name.
    pub const fn category(self) -> &'static str {
        match self {
            Self::Registration(_) => CATEGORIES[0],
            Self::Identity(_) => CATEGORIES[1],
            Self::Party(_) => CATEGORIES[2],
            Self::Device(_) => CATEGORIES[3],
            Self::Presence(_) => CATEGORIES[4],
            Self::Call(_) => CATEGORIES[5],
            Self::Session(_) => CATEGORIES[6],
        }
    }

    /// Whether the last event of the stream alone determines the entity's state.
    pub const fn last_event_suffices(self) -> bool {
        matches!(self, Self::Presence(_))
    }

    /// The category and the hyphen: what stands before the digits in the stream's name.
    const fn stream_prefix(self) -> &'static str {
        match self {
            Self::Registration(_) => "registration-",
            Self::Identity(_) => "identity-",
            Self::Party(_) => "party-",
            Self::Device(_) => "device-",
            Self::Presence(_) => "presence-",
            Self::Call(_) => "call-",
            Self::Session(_) => "session-",
        }
    }

    /// The bits of the id.
    fn digits(self) -> u128 {
        match self {
            Self::Registration(id) => id.bits(),
            Self::Identity(key) => key.0,
            Self::Party(id) => id.bits(),
            Self::Device(id) | Self::Presence(id) => id.bits(),
            Self::Call(id) => id.bits(),
            Self::Session(id) => id.bits(),
        }
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::id::with_digits(self.stream_prefix(), self.digits(), |text| f.write_str(text))
    }
}

impl FromStr for EntityId {
    type Err = InvalidStream;
    fn from_str(text: &str) -> Result<Self, InvalidStream> {
        let invalid = || InvalidStream { found: text.chars().take(64).collect() };
        let (category, digits) = text.split_once('-').ok_or_else(invalid)?;
        let bits = crate::id::read_digits(digits).ok_or_else(invalid)?;
        Ok(match category {
            "registration" => Self::Registration(Id::from_bits(bits)),
            "identity" => Self::Identity(LookupKey(bits)),
            "party" => Self::Party(Id::from_bits(bits)),
            "device" => Self::Device(Id::from_bits(bits)),
            "presence" => Self::Presence(Id::from_bits(bits)),
            "call" => Self::Call(Id::from_bits(bits)),
            "session" => Self::Session(Id::from_bits(bits)),
            _ => return Err(invalid()),
        })
    }
}

impl Serialize for EntityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::id::with_digits(self.stream_prefix(), self.digits(), |text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for EntityId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_name_reads_back_as_its_entity() {
        for entity in [
            EntityId::Registration(Id::from_bits(1)),
            EntityId::Identity(LookupKey(2)),
            EntityId::Party(Id::from_bits(3)),
            EntityId::Device(Id::from_bits(4)),
            EntityId::Presence(Id::from_bits(5)),
            EntityId::Call(Id::from_bits(6)),
            EntityId::Session(Id::from_bits(u128::MAX)),
        ] {
            assert_eq!(entity.to_string().parse(), Ok(entity));
        }
        assert!("call".parse::<EntityId>().is_err());
        assert!("planet-00000000000000000000000001".parse::<EntityId>().is_err());
    }
}
