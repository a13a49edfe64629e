//! What a decision reads: the entities that must be resident before a command is decided.
//!
//! Owns: the list, by kind of command. Asked again after each fetch, until nothing is missing: an entity that was fetched
//! may name further ones.
//! Invariant: after `needs` is empty, `decide` reads nothing that is not resident. Open calls and sessions always are.

use super::State;
use crate::call::Other;
use crate::command::{Actor, Ask, Command};
use crate::entity::EntityId;

impl State {
    /// The entities that the decision of this command reads and that are not resident.
    pub fn needs(&self, command: &Command) -> Vec<EntityId> {
        let mut needs = Needs { state: self, missing: Vec::new() };
        if let Actor::Device { device, .. } = &command.actor {
            needs.add(EntityId::Device(*device));
        }
        match &command.ask {
            Ask::StartRegistration { registration, .. } => needs.add(EntityId::Registration(*registration)),
            Ask::ProveRegistration { registration, .. } => {
                needs.add(EntityId::Registration(*registration));
                if let Some(registration) = self.registration(*registration) {
                    needs.identity(registration.key);
                    if let Some(party) = registration.claimant {
                        needs.add(EntityId::Party(party));
                    }
                }
            }
            Ask::RotateCredential { device, .. } | Ask::RevokeDevice { device } => {
                needs.add(EntityId::Device(*device));
                if let Some(device) = self.device(*device) {
                    needs.add(EntityId::Party(device.party));
                }
            }
            Ask::Connect { device, .. } => {
                needs.add(EntityId::Presence(*device));
            }
            Ask::Disconnect { device, .. } => {
                needs.add(EntityId::Presence(*device));
                for other in self.open_sessions_of(*device).flat_map(|(_, session)| session.told()) {
                    needs.add(EntityId::Presence(other));
                }
            }
            Ask::Notify(report) => {
                needs.identity(report.key);
                if let Other::Known { key, .. } = &report.other {
                    needs.add(EntityId::Identity(*key));
                }
            }
            Ask::SendText { session, .. }
            | Ask::JoinSession { session }
            | Ask::KeepSession { session, .. }
            | Ask::LeaveSession { session } => needs.add(EntityId::Session(*session)),
            Ask::Tick => {}
        }
        needs.missing
    }
}

struct Needs<'a> {
    state: &'a State,
    missing: Vec<EntityId>,
}

impl Needs<'_> {
    fn add(&mut self, entity: EntityId) {
        if !self.state.is_resident(entity) && !self.missing.contains(&entity) {
            self.missing.push(entity);
        }
    }

    /// An identity, and the party to which it belongs.
    fn identity(&mut self, key: crate::identity::LookupKey) {
        self.add(EntityId::Identity(key));
        if let Some(record) = self.state.identity(key) {
            self.add(EntityId::Party(record.party));
        }
    }
}
