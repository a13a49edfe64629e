//! Registration: a party claims an identity and proves it; a device gets credentials (S10).
//!
//! Owns: the life of a registration, and what parties, identities and devices are.
//! Does not own: sending the code (a reactor), making it, or signing tokens (the edge); the domain sees digests only.
//! Invariant: an identity belongs to one party; a code lets one device in, once.
//! Time: every instant arrives in the command.

mod code;
mod decide;
mod device;
mod party;

use serde::Serialize;

pub use self::code::{CODE_DIGITS, Codes};
pub use self::decide::decide;
pub use self::device::{
    Device, DeviceEvent, DeviceKind, DeviceName, InvalidDeviceName, NewDevice, Presence, PresenceEvent,
    RevocationCause, evolve_device, evolve_presence,
};
pub use self::party::{IdentityEvent, IdentityRecord, Party, PartyEvent, evolve_identity, evolve_party};
use crate::digest::Digest;
use crate::id::{DeviceId, PartyId};
use crate::identity::{Identity, LookupKey};
use crate::time::Instant;

/// A registration in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Registration {
    /// The identity that is claimed.
    pub identity: Identity,
    /// Its look-up key.
    pub key: LookupKey,
    /// The device that is to be let in.
    pub device: NewDevice,
    /// The party that claims a further identity for itself; `None` for a newcomer, or a further device.
    pub claimant: Option<PartyId>,
    /// A keyed digest of the one-time code.
    pub code: Digest,
    /// When the code ceases to be good.
    pub expires: Instant,
    /// Wrong codes so far.
    pub refused: u32,
    /// How it ended.
    pub proven: Option<Proven>,
}

/// What a proven registration led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Proven {
    /// The party to which the identity belongs.
    pub party: PartyId,
    /// The device that was let in; `None` where a device that was already in claimed a further identity.
    pub device: Option<DeviceId>,
}

/// What happens to a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody claims an identity; a code is on its way.
    Started {
        /// The identity.
        identity: Identity,
        /// Its look-up key.
        key: LookupKey,
        /// The device.
        device: NewDevice,
        /// Who claims it, if already a party.
        claimant: Option<PartyId>,
        /// A keyed digest of the code.
        code: Digest,
        /// When the code ceases to be good.
        expires: Instant,
    },
    /// A wrong code.
    CodeRefused {
        /// Wrong codes so far.
        refused: u32,
    },
    /// The right code.
    Proven(Proven),
}

/// What a registration is after an event. Total: an event that does not fit leaves it as it is.
#[must_use]
pub fn evolve(registration: Option<Registration>, event: &Event) -> Option<Registration> {
    match (registration, event) {
        (None, Event::Started { identity, key, device, claimant, code, expires }) => Some(Registration {
            identity: identity.clone(),
            key: *key,
            device: device.clone(),
            claimant: *claimant,
            code: *code,
            expires: *expires,
            refused: 0,
            proven: None,
        }),
        (Some(registration), Event::CodeRefused { refused }) => {
            Some(Registration { refused: *refused, ..registration })
        }
        (Some(registration), Event::Proven(proven)) => {
            Some(Registration { proven: Some(*proven), ..registration })
        }
        (registration, _) => registration,
    }
}
