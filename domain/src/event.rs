//! Events: all that can have happened, by entity.
//!
//! Owns: the sum of the entities' events.
//! Does not own: their stored form (`stored`), nor what they mean (each entity's module).

use crate::call;
use crate::id::DeviceId;
use crate::registration::{self, DeviceEvent, IdentityEvent, PartyEvent, PresenceEvent};
use crate::session;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// To a registration.
    Registration(registration::Event),
    /// To an identity.
    Identity(IdentityEvent),
    /// To a party.
    Party(PartyEvent),
    /// To a device.
    Device(DeviceEvent),
    /// To a device's presence.
    Presence(PresenceEvent),
    /// To a call.
    Call(call::Event),
    /// To a session.
    Session(session::Event),
}

impl Event {
    /// The devices that are told of it: those into whose feeds it goes.
    pub fn told(&self) -> &[DeviceId] {
        match self {
            Self::Call(event) => event.told(),
            Self::Session(event) => event.told(),
            Self::Device(DeviceEvent::Revoked { told, .. }) => told,
            Self::Registration(_)
            | Self::Identity(_)
            | Self::Party(_)
            | Self::Presence(_)
            | Self::Device(_) => &[],
        }
    }
}

macro_rules! from {
    ($($variant:ident($event:ty)),*) => {$(
        impl From<$event> for Event {
            fn from(event: $event) -> Self { Self::$variant(event) }
        }
    )*};
}
from!(
    Registration(registration::Event),
    Identity(IdentityEvent),
    Party(PartyEvent),
    Device(DeviceEvent),
    Presence(PresenceEvent),
    Call(call::Event),
    Session(session::Event)
);
