//! Devices: what a party uses for data, its credential, and where it is connected.
//!
//! Owns: the generation of a device's refresh credential, its revocation, its presence.
//! Does not own: the credential itself. It is derived at the edge from the device's id and the generation; the journal
//! holds no secret.
//! Invariant: generations only grow; a revoked device stays revoked.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, DeviceId, PartyId};
use crate::time::Instant;

/// The longest name of a device, in characters.
pub(super) const DEVICE_NAME_CHARS_MAX: usize = 64;

/// What kind of device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A telephone with an app.
    Phone,
    /// A computer, coupled with a plain telephone or not.
    Computer,
    /// Anything else: a satnav, a television, an agent's desktop.
    Other,
}

/// A device's name, as its owner chose it: 1 to 64 characters, none of them a control character.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DeviceName(String);

/// A text that is no device name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device's name has 1 to {DEVICE_NAME_CHARS_MAX} characters, and no control characters")]
pub struct InvalidDeviceName;

impl DeviceName {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, InvalidDeviceName> {
        let chars = text.chars().count();
        if chars == 0 || chars > DEVICE_NAME_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(InvalidDeviceName);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person's words: shown nowhere but to them.
impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceName({} bytes)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for DeviceName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A device that asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// Its name.
    pub name: DeviceName,
    /// Its kind.
    pub kind: DeviceKind,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Whose it is.
    pub party: PartyId,
    /// Its name.
    pub name: DeviceName,
    /// Its kind.
    pub kind: DeviceKind,
    /// The generation of its refresh credential.
    pub generation: u32,
    /// When that generation began.
    pub rotated: Instant,
    /// Why it was put out, if it was.
    pub revoked: Option<RevocationCause>,
}

/// Why a device was put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationCause {
    /// Its party asked for it.
    Asked,
    /// A refresh credential that had been replaced was used again: somebody has a copy.
    CredentialReused,
}

/// What happens to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// It was let in.
    Enrolled {
        /// Whose it is.
        party: PartyId,
        /// Its name.
        name: DeviceName,
        /// Its kind.
        kind: DeviceKind,
    },
    /// Its refresh credential was replaced.
    CredentialRotated {
        /// The new generation.
        generation: u32,
    },
    /// It was put out.
    Revoked {
        /// Why.
        cause: RevocationCause,
        /// Devices that are told: itself, so that its connection ends.
        told: Vec<DeviceId>,
    },
}

/// What a device is after an event.
#[must_use]
pub fn evolve_device(device: Option<Device>, event: &DeviceEvent, at: Instant) -> Option<Device> {
    match (device, event) {
        (None, DeviceEvent::Enrolled { party, name, kind }) => Some(Device {
            party: *party,
            name: name.clone(),
            kind: *kind,
            generation: 1,
            rotated: at,
            revoked: None,
        }),
        (Some(device), DeviceEvent::CredentialRotated { generation }) => {
            Some(Device { generation: device.generation.max(*generation), rotated: at, ..device })
        }
        (Some(device), DeviceEvent::Revoked { cause, .. }) => {
            Some(Device { revoked: device.revoked.or(Some(*cause)), ..device })
        }
        (device, _) => device,
    }
}

/// Where a device is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// Its connection; `None` while it is away.
    pub connection: Option<ConnectionId>,
}

/// What happens to a device's presence. Each event tells the whole state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceEvent {
    /// A connection was opened; an earlier one is replaced.
    Connected {
        /// The connection.
        connection: ConnectionId,
    },
    /// The connection was lost or closed.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
    },
}

/// Where a device is after an event.
#[must_use]
pub const fn evolve_presence(_: Option<Presence>, event: &PresenceEvent) -> Option<Presence> {
    match event {
        PresenceEvent::Connected { connection } => Some(Presence { connection: Some(*connection) }),
        PresenceEvent::Disconnected { .. } => Some(Presence { connection: None }),
    }
}
