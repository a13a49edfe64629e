//! Parties and the identities that belong to them.
//!
//! Owns: which identities and devices a party has; which party an identity belongs to.
//! Does not own: how a claim is proven (`registration`).
//! Invariant: an identity belongs to one party, and for as long as it exists.

use serde::Serialize;

use crate::id::{DeviceId, PartyId};
use crate::identity::{Identity, LookupKey};

/// A participant of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Party {
    /// Its identities, in the order in which they were proven.
    pub identities: Vec<(LookupKey, Identity)>,
    /// Its devices that are not revoked, in the order in which they were let in.
    pub devices: Vec<DeviceId>,
}

/// What happens to a party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartyEvent {
    /// It proved an identity. The first one makes the party.
    IdentityAdded {
        /// The look-up key.
        key: LookupKey,
        /// The identity.
        identity: Identity,
    },
    /// A device was let in.
    DeviceAdded {
        /// The device.
        device: DeviceId,
    },
    /// A device was put out.
    DeviceRemoved {
        /// The device.
        device: DeviceId,
    },
}

impl Party {
    /// Whether this party has this identity.
    pub fn has(&self, key: LookupKey) -> bool {
        self.identities.iter().any(|(own, _)| *own == key)
    }
}

/// What a party is after an event.
#[must_use]
pub fn evolve_party(party: Option<Party>, event: &PartyEvent) -> Option<Party> {
    let mut party = party.unwrap_or_default();
    match event {
        PartyEvent::IdentityAdded { key, identity } if !party.has(*key) => {
            party.identities.push((*key, identity.clone()));
        }
        PartyEvent::IdentityAdded { .. } => {}
        PartyEvent::DeviceAdded { device } if !party.devices.contains(device) => party.devices.push(*device),
        PartyEvent::DeviceAdded { .. } => {}
        PartyEvent::DeviceRemoved { device } => party.devices.retain(|own| own != device),
    }
    Some(party)
}

/// Which party an identity belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct IdentityRecord {
    /// The party.
    pub party: PartyId,
}

/// What happens to an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityEvent {
    /// A party proved that it is theirs.
    Claimed {
        /// The party.
        party: PartyId,
    },
}

/// What an identity is after an event. The first claim stays.
#[must_use]
pub fn evolve_identity(record: Option<IdentityRecord>, event: &IdentityEvent) -> Option<IdentityRecord> {
    match (record, event) {
        (None, IdentityEvent::Claimed { party }) => Some(IdentityRecord { party: *party }),
        (record, IdentityEvent::Claimed { .. }) => record,
    }
}
