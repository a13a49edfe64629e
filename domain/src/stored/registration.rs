//! Stored twins of the events of registrations, identities, parties, devices and presences.

use std::borrow::Cow;

use super::StoredEvent;
use crate::digest::Digest;
use crate::id::{ConnectionId, DeviceId, PartyId};
use crate::identity::{Identity, LookupKey};
use crate::registration::{
    DeviceEvent, DeviceKind, DeviceName, Event, IdentityEvent, NewDevice, PartyEvent, PresenceEvent, Proven,
    RevocationCause,
};
use crate::time::Instant;

macro_rules! twin {
    ($(#[$meta:meta])* $vis:vis $name:ident $(<$life:lifetime>)? { $($(#[$field_meta:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $vis struct $name $(<$life>)? { $($(#[$field_meta])* pub(super) $field: $ty),* }
    };
}
pub(super) use twin;

twin!(
    /// `registration.started.v1`
    pub StartedV1<'a> {
        identity: Cow<'a, Identity>,
        key: LookupKey,
        device: Cow<'a, NewDevice>,
        claimant: Option<PartyId>,
        code: Digest,
        expires: Instant,
    }
);
twin!(
    /// `registration.code_refused.v1`
    pub CodeRefusedV1 { refused: u32 }
);
twin!(
    /// `registration.proven.v1`
    pub ProvenV1 { party: PartyId, device: Option<DeviceId> }
);
twin!(
    /// `identity.claimed.v1`
    pub IdentityClaimedV1 { party: PartyId }
);
twin!(
    /// `party.identity_added.v1`
    pub IdentityAddedV1<'a> { key: LookupKey, identity: Cow<'a, Identity> }
);
twin!(
    /// `party.device_added.v1`, `party.device_removed.v1`
    pub PartyDeviceV1 { device: DeviceId }
);
twin!(
    /// `device.enrolled.v1`
    pub EnrolledV1<'a> { party: PartyId, name: Cow<'a, DeviceName>, kind: DeviceKind }
);
twin!(
    /// `device.credential_rotated.v1`
    pub CredentialRotatedV1 { generation: u32 }
);
twin!(
    /// `device.revoked.v1`
    pub RevokedV1<'a> { cause: RevocationCause, told: Cow<'a, [DeviceId]> }
);
twin!(
    /// `presence.connected.v1`, `presence.disconnected.v1`
    pub PresenceV1 { connection: ConnectionId }
);

pub(super) fn of_registration(event: &Event) -> StoredEvent<'_> {
    match event {
        Event::Started { identity, key, device, claimant, code, expires } => {
            StoredEvent::RegistrationStartedV1(StartedV1 {
                identity: Cow::Borrowed(identity),
                key: *key,
                device: Cow::Borrowed(device),
                claimant: *claimant,
                code: *code,
                expires: *expires,
            })
        }
        Event::CodeRefused { refused } => {
            StoredEvent::RegistrationCodeRefusedV1(CodeRefusedV1 { refused: *refused })
        }
        Event::Proven(Proven { party, device }) => {
            StoredEvent::RegistrationProvenV1(ProvenV1 { party: *party, device: *device })
        }
    }
}

pub(super) fn of_identity(event: &IdentityEvent) -> StoredEvent<'_> {
    match event {
        IdentityEvent::Claimed { party } => {
            StoredEvent::IdentityClaimedV1(IdentityClaimedV1 { party: *party })
        }
    }
}

pub(super) fn of_party(event: &PartyEvent) -> StoredEvent<'_> {
    match event {
        PartyEvent::IdentityAdded { key, identity } => StoredEvent::PartyIdentityAddedV1(IdentityAddedV1 {
            key: *key,
            identity: Cow::Borrowed(identity),
        }),
        PartyEvent::DeviceAdded { device } => {
            StoredEvent::PartyDeviceAddedV1(PartyDeviceV1 { device: *device })
        }
        PartyEvent::DeviceRemoved { device } => {
            StoredEvent::PartyDeviceRemovedV1(PartyDeviceV1 { device: *device })
        }
    }
}

pub(super) fn of_device(event: &DeviceEvent) -> StoredEvent<'_> {
    match event {
        DeviceEvent::Enrolled { party, name, kind } => StoredEvent::DeviceEnrolledV1(EnrolledV1 {
            party: *party,
            name: Cow::Borrowed(name),
            kind: *kind,
        }),
        DeviceEvent::CredentialRotated { generation } => {
            StoredEvent::DeviceCredentialRotatedV1(CredentialRotatedV1 { generation: *generation })
        }
        DeviceEvent::Revoked { cause, told } => {
            StoredEvent::DeviceRevokedV1(RevokedV1 { cause: *cause, told: Cow::Borrowed(told) })
        }
    }
}

pub(super) fn of_presence(event: &PresenceEvent) -> StoredEvent<'_> {
    match event {
        PresenceEvent::Connected { connection } => {
            StoredEvent::PresenceConnectedV1(PresenceV1 { connection: *connection })
        }
        PresenceEvent::Disconnected { connection } => {
            StoredEvent::PresenceDisconnectedV1(PresenceV1 { connection: *connection })
        }
    }
}

impl StartedV1<'_> {
    pub(super) fn lift(self) -> Event {
        let Self { identity, key, device, claimant, code, expires } = self;
        let (identity, device) = (identity.into_owned(), device.into_owned());
        Event::Started { identity, key, device, claimant, code, expires }
    }
}

impl CodeRefusedV1 {
    pub(super) fn lift(self) -> Event {
        Event::CodeRefused { refused: self.refused }
    }
}

impl ProvenV1 {
    pub(super) fn lift(self) -> Event {
        Event::Proven(Proven { party: self.party, device: self.device })
    }
}

impl IdentityClaimedV1 {
    pub(super) fn lift(self) -> IdentityEvent {
        IdentityEvent::Claimed { party: self.party }
    }
}

impl IdentityAddedV1<'_> {
    pub(super) fn lift(self) -> PartyEvent {
        PartyEvent::IdentityAdded { key: self.key, identity: self.identity.into_owned() }
    }
}

impl PartyDeviceV1 {
    pub(super) fn lift_added(self) -> PartyEvent {
        PartyEvent::DeviceAdded { device: self.device }
    }

    pub(super) fn lift_removed(self) -> PartyEvent {
        PartyEvent::DeviceRemoved { device: self.device }
    }
}

impl EnrolledV1<'_> {
    pub(super) fn lift(self) -> DeviceEvent {
        DeviceEvent::Enrolled { party: self.party, name: self.name.into_owned(), kind: self.kind }
    }
}

impl CredentialRotatedV1 {
    pub(super) fn lift(self) -> DeviceEvent {
        DeviceEvent::CredentialRotated { generation: self.generation }
    }
}

impl RevokedV1<'_> {
    pub(super) fn lift(self) -> DeviceEvent {
        DeviceEvent::Revoked { cause: self.cause, told: self.told.into_owned() }
    }
}

impl PresenceV1 {
    pub(super) fn lift_connected(self) -> PresenceEvent {
        PresenceEvent::Connected { connection: self.connection }
    }

    pub(super) fn lift_disconnected(self) -> PresenceEvent {
        PresenceEvent::Disconnected { connection: self.connection }
    }
}
