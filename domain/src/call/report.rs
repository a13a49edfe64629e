//! Reports: the content of a call notification, once the directory has been asked who is who.
//!
//! Owns: what a notification says of a call (matching.md: on behalf of, other, role, stage, references, time).
//! Does not own: the form in which it came (an edge has translated it), nor whether its reporter may speak for the party
//! (`decide` checks that).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::vocabulary::{Role, Stage};
use crate::id::{DeviceId, PartyId};
use crate::identity::{Identity, LookupKey};
use crate::time::Instant;

/// The most network references of one report.
pub const REFERENCES_MAX: usize = 4;

/// What somebody reports of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The party for which it speaks, by one of its identities.
    pub on_behalf_of: Identity,
    /// That identity's look-up key.
    pub key: LookupKey,
    /// That party. The writer fills it in from the directory; what an edge puts here is replaced.
    pub party: Option<PartyId>,
    /// The party at the other end.
    pub other: Other,
    /// Which end `on_behalf_of` is.
    pub role: Role,
    /// How far the call has come.
    pub stage: Stage,
    /// What the network calls this call.
    pub references: Vec<NetworkReference>,
    /// The reporter's own word for this attempt: another word is another call.
    pub attempt: Option<Attempt>,
    /// When it happened, by the reporter's clock.
    pub happened: Option<Instant>,
    /// Who reports.
    pub reporter: Reporter,
    /// The devices that take part for this side. The writer fills them in.
    pub devices: Vec<DeviceId>,
}

/// The party at the other end, as far as the reporter knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Other {
    /// By this identity.
    Known {
        /// The identity.
        identity: Identity,
        /// Its look-up key.
        key: LookupKey,
        /// The party to which the directory maps it; `None` if nobody has registered it.
        party: Option<PartyId>,
    },
    /// It withholds its identity: presentation restricted.
    Withheld,
    /// The reporter cannot tell, or names one party only, by convention.
    Unknown,
}

impl Other {
    /// The look-up key, if an identity is known.
    pub const fn key(&self) -> Option<LookupKey> {
        match self {
            Self::Known { key, .. } => Some(*key),
            Self::Withheld | Self::Unknown => None,
        }
    }
}

/// Who made a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reporter {
    /// A device of the party.
    Device(DeviceId),
    /// An automated system, a network element, a contact centre.
    Service(String),
}

/// A name that the network gives to a call. Two of one kind and issuer are comparable; others are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkReference {
    /// What kind of name.
    pub kind: ReferenceKind,
    /// Who gave it: an MSC's address, a host, a charging domain.
    pub issuer: String,
    /// The name itself.
    pub value: String,
}

/// Kinds of network reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// CAP call reference number (3GPP TS 29.078), issued by an MSC.
    CapCallReference,
    /// SIP Call-ID (RFC 3261 §20.8), issued by a host.
    SipCallId,
    /// IMS charging identifier (3GPP TS 24.229 §4.5), issued by a charging domain.
    Icid,
    /// An id of a conference, issued by a bridge.
    Conference,
}

/// The reporter's own word for one attempt at a call: 1 to 64 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Attempt(String);

/// A text that is no attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an attempt is named by 1 to 64 printable ASCII characters without spaces")]
pub struct InvalidAttempt;

impl Attempt {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, InvalidAttempt> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAttempt)
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Attempt {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
