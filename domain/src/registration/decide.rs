//! Decisions about registrations, credentials, devices and their presence.
//!
//! Owns: what a claim, a code, a refresh credential or a revocation leads to.
//! Invariant: of many who present the right code at once, one wins (abuse case A4); a wrong code counts.

use super::{
    Device, DeviceEvent, Event, IdentityEvent, PartyEvent, PresenceEvent, Proven, Registration,
    RevocationCause,
};
use crate::answer::{Answer, Rejection};
use crate::command::{Actor, Ask, Command};
use crate::digest::Digest;
use crate::entity::EntityId;
use crate::id::{ConnectionId, DeviceId, PartyId, RegistrationId};
use crate::identity::Identity;
use crate::session;
use crate::state::{Decided, State};

/// Decides the commands of this module; `None` for any other one.
pub fn decide(state: &State, command: &Command) -> Option<Result<Decided, Rejection>> {
    Some(match &command.ask {
        Ask::StartRegistration { registration, identity, device, code } => {
            start(state, command, *registration, identity, device, *code)
        }
        Ask::ProveRegistration { registration, code } => prove(state, command, *registration, *code),
        Ask::RotateCredential { device, generation } => rotate(state, command, *device, *generation),
        Ask::RevokeDevice { device } => revoke(state, command, *device),
        Ask::Connect { device, connection } => connect(state, command, *device, *connection),
        Ask::Disconnect { device, connection } => disconnect(state, command, *device, *connection),
        _ => return None,
    })
}

fn start(
    state: &State,
    command: &Command,
    id: RegistrationId,
    identity: &Identity,
    device: &super::NewDevice,
    code: Digest,
) -> Result<Decided, Rejection> {
    let Identity::Number(number) = identity else { return Err(Rejection::IdentityUnprovable) };
    number.check_assigned().map_err(|cause| Rejection::NumberUnassigned { cause })?;
    if state.registration(id).is_some() {
        return Err(Rejection::RegistrationExists { registration: id });
    }
    let claimant = match &command.actor {
        Actor::Device { device, party } => {
            state.acting_device(*device, *party)?;
            Some(*party)
        }
        Actor::Anyone => None,
        Actor::Service { .. } | Actor::Server => return Err(Rejection::ActorUnfit { needed: "a device" }),
    };
    let settings = &state.settings().registration;
    let expires = command.at + settings.code_lifetime;
    let key = identity.key(&state.settings().lookup_key);
    let event =
        Event::Started { identity: identity.clone(), key, device: device.clone(), claimant, code, expires };
    let mut decided = Decided::new(Answer::RegistrationStarted { registration: id, expires });
    decided.push(EntityId::Registration(id), None, event);
    Ok(decided)
}

fn prove(state: &State, command: &Command, id: RegistrationId, code: Digest) -> Result<Decided, Rejection> {
    let settings = &state.settings().registration;
    let registration = state.registration(id).ok_or(Rejection::RegistrationUnknown { registration: id })?;
    let closed = registration.proven.is_some()
        || registration.refused >= settings.tries_max
        || command.at > registration.expires;
    if closed {
        return Err(Rejection::RegistrationClosed { registration: id });
    }
    if registration.code != code {
        let refused = registration.refused + 1;
        let mut decided =
            Decided::new(Answer::CodeWrong { tries_left: settings.tries_max.saturating_sub(refused) });
        decided.push(EntityId::Registration(id), None, Event::CodeRefused { refused });
        return Ok(decided);
    }
    proven(state, command, id, registration)
}

fn proven(
    state: &State,
    command: &Command,
    id: RegistrationId,
    registration: &Registration,
) -> Result<Decided, Rejection> {
    let settings = &state.settings().registration;
    let owner = state.identity(registration.key).map(|record| record.party);
    let party = match (owner, registration.claimant) {
        (Some(owner), Some(claimant)) if owner != claimant => {
            return Err(Rejection::IdentityTaken { key: registration.key });
        }
        (Some(owner), _) => owner,
        (None, Some(claimant)) => claimant,
        (None, None) => command.fresh().id(0),
    };
    let known = state.party(party);
    // A device that is already in claims a further identity; a newcomer is let in with one.
    let device = registration.claimant.is_none().then(|| command.fresh().id::<DeviceId>(1));
    if owner.is_none() && known.is_some_and(|party| party.identities.len() >= settings.identities_max) {
        return Err(Rejection::IdentitiesFull { max: settings.identities_max });
    }
    if device.is_some() && known.is_some_and(|party| party.devices.len() >= settings.devices_max) {
        return Err(Rejection::DevicesFull { max: settings.devices_max });
    }

    let mut decided = Decided::new(Answer::Proven { party, device });
    decided.push(EntityId::Registration(id), None, Event::Proven(Proven { party, device }));
    if owner.is_none() {
        decided.push(EntityId::Identity(registration.key), None, IdentityEvent::Claimed { party });
        let identity = registration.identity.clone();
        decided.push(
            EntityId::Party(party),
            None,
            PartyEvent::IdentityAdded { key: registration.key, identity },
        );
    }
    if let Some(device) = device {
        let super::NewDevice { name, kind } = registration.device.clone();
        decided.push(EntityId::Device(device), None, DeviceEvent::Enrolled { party, name, kind });
        decided.push(EntityId::Party(party), None, PartyEvent::DeviceAdded { device });
    }
    Ok(decided)
}

/// A refresh credential was presented. The current generation is replaced; the one before it is answered with the
/// current one for a short while (the answer was lost); an older one is a copy in wrong hands.
fn rotate(state: &State, command: &Command, id: DeviceId, generation: u32) -> Result<Decided, Rejection> {
    let device = state.device(id).filter(|device| device.revoked.is_none()).ok_or(Rejection::DeviceOut)?;
    let party = device.party;
    let grace_over = command.at.since(device.rotated) > state.settings().registration.rotation_grace;
    match device.generation.checked_sub(generation) {
        // Never given.
        None => Err(Rejection::DeviceOut),
        Some(0) => {
            let generation = generation.saturating_add(1);
            let mut decided = Decided::new(Answer::CredentialRotated { device: id, party, generation });
            decided.push(EntityId::Device(id), None, DeviceEvent::CredentialRotated { generation });
            Ok(decided)
        }
        Some(1) if !grace_over => {
            Ok(Decided::new(Answer::CredentialRotated { device: id, party, generation: device.generation }))
        }
        Some(_) => {
            let mut decided = Decided::new(Answer::CredentialReused);
            put_out(id, device, RevocationCause::CredentialReused, &mut decided);
            Ok(decided)
        }
    }
}

fn revoke(state: &State, command: &Command, id: DeviceId) -> Result<Decided, Rejection> {
    let Actor::Device { device: actor, party } = &command.actor else {
        return Err(Rejection::ActorUnfit { needed: "a device of the same party" });
    };
    state.acting_device(*actor, *party)?;
    let device = state
        .device(id)
        .filter(|device| device.party == *party)
        .ok_or(Rejection::DeviceUnknown { device: id })?;
    let mut decided = Decided::new(Answer::Done);
    if device.revoked.is_none() {
        put_out(id, device, RevocationCause::Asked, &mut decided);
    }
    Ok(decided)
}

fn put_out(id: DeviceId, device: &Device, cause: RevocationCause, decided: &mut Decided) {
    decided.push(EntityId::Device(id), None, DeviceEvent::Revoked { cause, told: vec![id] });
    decided.push(EntityId::Party(device.party), None, PartyEvent::DeviceRemoved { device: id });
}

/// The device that a connection command is about, and that it is about itself.
fn own_device(state: &State, command: &Command, id: DeviceId) -> Result<PartyId, Rejection> {
    match &command.actor {
        Actor::Device { device, party } if *device == id => {
            state.acting_device(id, *party)?;
            Ok(*party)
        }
        _ => Err(Rejection::ActorUnfit { needed: "the device itself" }),
    }
}

fn connect(
    state: &State,
    command: &Command,
    id: DeviceId,
    connection: ConnectionId,
) -> Result<Decided, Rejection> {
    own_device(state, command, id)?;
    let mut decided = Decided::new(Answer::Done);
    if state.presence(id).is_some_and(|presence| presence.connection == Some(connection)) {
        return Ok(decided);
    }
    decided.push(EntityId::Presence(id), None, PresenceEvent::Connected { connection });
    for (session, value) in state.open_sessions_of(id) {
        for event in session::device_back(value, id) {
            decided.push(EntityId::Session(session), Some(value.call), event);
        }
    }
    Ok(decided)
}

/// A connection ended. Only the one that the device has now counts: the end of one that was replaced changes nothing.
fn disconnect(
    state: &State,
    command: &Command,
    id: DeviceId,
    connection: ConnectionId,
) -> Result<Decided, Rejection> {
    if !matches!(&command.actor, Actor::Device { device, .. } if *device == id) {
        return Err(Rejection::ActorUnfit { needed: "the device itself" });
    }
    let mut decided = Decided::new(Answer::Done);
    if state.presence(id).and_then(|presence| presence.connection) != Some(connection) {
        return Ok(decided);
    }
    decided.push(EntityId::Presence(id), None, PresenceEvent::Disconnected { connection });
    let connected = |device| state.presence(device).is_some_and(|presence| presence.connection.is_some());
    for (session, value) in state.open_sessions_of(id) {
        for event in session::device_lost(value, id, connected, command.at, &state.settings().session) {
            decided.push(EntityId::Session(session), Some(value.call), event);
        }
    }
    Ok(decided)
}
