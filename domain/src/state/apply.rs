//! Evolution: recorded events change the state. Total: whatever is in the journal applies.

use super::State;
use super::table::Table;
use crate::call::{self, Call};
use crate::commit::{Commit, Position, Recorded, Version};
use crate::entity::EntityId;
use crate::event::Event;
use crate::id::{CallId, SessionId};
use crate::registration::{self, evolve_device, evolve_identity, evolve_party, evolve_presence};
use crate::session::{self, Session};

impl State {
    /// Applies a commit that was read from the journal.
    pub fn apply_commit(&mut self, commit: &Commit) {
        for recorded in &commit.events {
            self.apply(commit.header.position, recorded);
        }
    }

    /// Applies one event.
    pub fn apply(&mut self, position: Position, recorded: &Recorded) {
        let Recorded { entity, version, at, event, .. } = recorded;
        let entered = match (*entity, event) {
            (EntityId::Registration(id), Event::Registration(event)) => {
                self.registrations
                    .apply(id, *version, position, |value| registration::evolve(value, event))
                    .entered
            }
            (EntityId::Identity(key), Event::Identity(event)) => {
                self.identities.apply(key, *version, position, |value| evolve_identity(value, event)).entered
            }
            (EntityId::Party(id), Event::Party(event)) => {
                self.parties.apply(id, *version, position, |value| evolve_party(value, event)).entered
            }
            (EntityId::Device(id), Event::Device(event)) => {
                self.devices.apply(id, *version, position, |value| evolve_device(value, event, *at)).entered
            }
            (EntityId::Presence(id), Event::Presence(event)) => {
                self.presences.apply(id, *version, position, |value| evolve_presence(value, event)).entered
            }
            (EntityId::Call(id), Event::Call(event)) => {
                self.apply_call(id, *version, position, event, recorded)
            }
            (EntityId::Session(id), Event::Session(event)) => {
                self.apply_session(id, *version, position, event, recorded)
            }
            // An event that stands in a stream of another kind: the decoder refuses it, so that it cannot get here.
            _ => false,
        };
        if entered {
            self.residency.enter(*entity);
        }
    }

    fn apply_call(
        &mut self,
        id: CallId,
        version: Version,
        position: Position,
        event: &call::Event,
        recorded: &Recorded,
    ) -> bool {
        let names_changed = matches!(
            event,
            call::Event::Opened { .. } | call::Event::Joined { .. } | call::Event::Reported { .. }
        );
        let applied =
            self.calls.apply(id, version, position, |value| call::evolve(value, event, recorded.at));
        let entered = applied.entered;
        let Some(call) = applied.value else { return entered };
        if names_changed {
            self.index.set(id, call);
        }
        self.deadlines.set(EntityId::Call(id), deadline_of(call));
        entered
    }

    fn apply_session(
        &mut self,
        id: SessionId,
        version: Version,
        position: Position,
        event: &session::Event,
        recorded: &Recorded,
    ) -> bool {
        let members_change = matches!(
            event,
            session::Event::Opened { .. }
                | session::Event::DeviceJoined { .. }
                | session::Event::LegLeft { .. }
                | session::Event::Closed { .. }
        );
        let before =
            if members_change { self.sessions.get(id).map(members).unwrap_or_default() } else { Vec::new() };
        let applied =
            self.sessions.apply(id, version, position, |value| session::evolve(value, event, recorded.at));
        let entered = applied.entered;
        let Some(session) = applied.value else { return entered };
        if members_change {
            let after = members(session);
            for device in before.iter().filter(|device| !after.contains(device)) {
                if let Some(sessions) = self.sessions_of.get_mut(*device) {
                    sessions.retain(|session| *session != id);
                    if sessions.is_empty() {
                        self.sessions_of.remove(*device);
                    }
                }
            }
            for device in after.iter().filter(|device| !before.contains(device)) {
                let sessions = self.sessions_of.get_or_insert_with(*device, || Vec::with_capacity(1));
                if let Err(at) = sessions.binary_search(&id) {
                    sessions.insert(at, id);
                }
            }
        }
        self.deadlines.set(EntityId::Session(id), session.deadline());
        entered
    }

    /// Takes in an entity's events from the archive. An entity without events is noted as absent.
    pub fn load(&mut self, entities: &[EntityId], events: &[(Position, Recorded)]) {
        let wanted: Vec<EntityId> =
            entities.iter().copied().filter(|entity| !self.is_resident(*entity)).collect();
        for entity in &wanted {
            self.note_absent(*entity);
        }
        for (position, recorded) in events.iter().filter(|(_, recorded)| wanted.contains(&recorded.entity)) {
            self.apply(*position, recorded);
        }
    }

    /// The version of an entity's last event.
    pub(super) fn version(&self, entity: EntityId) -> Version {
        match entity {
            EntityId::Registration(id) => self.registrations.version(id),
            EntityId::Identity(key) => self.identities.version(key),
            EntityId::Party(id) => self.parties.version(id),
            EntityId::Device(id) => self.devices.version(id),
            EntityId::Presence(id) => self.presences.version(id),
            EntityId::Call(id) => self.calls.version(id),
            EntityId::Session(id) => self.sessions.version(id),
        }
    }

    /// Whether the state can answer for an entity.
    pub fn is_resident(&self, entity: EntityId) -> bool {
        match entity {
            EntityId::Registration(id) => self.registrations.is_resident(id),
            EntityId::Identity(key) => self.identities.is_resident(key),
            EntityId::Party(id) => self.parties.is_resident(id),
            EntityId::Device(id) => self.devices.is_resident(id),
            EntityId::Presence(id) => self.presences.is_resident(id),
            EntityId::Call(id) => self.calls.is_resident(id),
            EntityId::Session(id) => self.sessions.is_resident(id),
        }
    }

    fn note_absent(&mut self, entity: EntityId) {
        fn note<K: std::hash::Hash + Ord + Copy, T>(table: &mut Table<K, T>, id: K) {
            table.note_absent(id);
        }
        match entity {
            EntityId::Registration(id) => note(&mut self.registrations, id),
            EntityId::Identity(key) => note(&mut self.identities, key),
            EntityId::Party(id) => note(&mut self.parties, id),
            EntityId::Device(id) => note(&mut self.devices, id),
            EntityId::Presence(id) => note(&mut self.presences, id),
            EntityId::Call(id) => note(&mut self.calls, id),
            EntityId::Session(id) => note(&mut self.sessions, id),
        }
        self.residency.enter(entity);
    }
}

/// When time alone changes something for a call.
fn deadline_of(call: &Call) -> Option<crate::time::Instant> {
    call.over.is_none().then_some(call.until)
}

/// The devices that take part in a session; none once it is closed.
fn members(session: &Session) -> Vec<crate::id::DeviceId> {
    if session.closed.is_some() { Vec::new() } else { session.told() }
}
