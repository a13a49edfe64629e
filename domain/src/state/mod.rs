//! The state of a realm, derived from its journal.
//!
//! Owns: the resident entities, what a decision may read of them, and the two functions at the centre of Paravox:
//! [`State::transact`] (a command comes in, recorded events and an answer go out) and [`State::apply`] (what was recorded
//! changes the state).
//! Does not own: I/O. Entities that are not resident are named by [`State::needs`] and brought by the writer.
//! Invariants: `apply` is total; the state after `transact` is the state after `apply` of what it returned; the same
//! commits give the same state on every machine.
//! Time: every instant arrives in the command.

mod apply;
mod deadlines;
mod decided;
mod fingerprint;
mod index;
mod map;
mod needs;
mod residency;
mod table;

use std::sync::Arc;

use self::deadlines::Deadlines;
pub use self::decided::{Decided, Happening};
use self::index::Index;
use self::map::IdMap;
pub use self::residency::Residents;
use self::table::Table;
use crate::answer::{Answer, Rejection};
use crate::call::{self, Call, Report, Seen, Side};
use crate::command::{Actor, Ask, Command};
use crate::commit::{Position, Recorded};
use crate::entity::EntityId;
use crate::event::Event;
use crate::id::{CallId, DeviceId, Fresh, PartyId, RegistrationId, SessionId};
use crate::identity::LookupKey;
use crate::registration::{self, Device, IdentityRecord, Party, Presence, Registration};
use crate::session::{self, Session};
use crate::settings::Settings;
use crate::time::Instant;

/// The most entities that one [`Ask::Tick`] deals with; the rest waits for the next one.
pub const TICK_MAX: usize = 256;

/// The most rounds in which one decision's consequences are followed. Each round joins a call or tells it a new reason
/// to wait; the calls of two parties are bounded, and so are the rounds that they need. The bound keeps a mistake from
/// becoming a loop.
const ROUNDS_MAX: usize = 64;

/// The state of a realm.
#[derive(Clone, Debug)]
pub struct State {
    settings: Arc<Settings>,
    registrations: Table<RegistrationId, Registration>,
    identities: Table<LookupKey, IdentityRecord>,
    parties: Table<PartyId, Party>,
    devices: Table<DeviceId, Device>,
    presences: Table<DeviceId, Presence>,
    calls: Table<CallId, Call>,
    sessions: Table<SessionId, Session>,
    index: Index,
    /// The open sessions of each device, in the order of their ids.
    sessions_of: IdMap<DeviceId, Vec<SessionId>>,
    deadlines: Deadlines,
    residency: residency::Residency,
}

/// What a command led to, with its events in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transacted {
    /// The events.
    pub events: Vec<Recorded>,
    /// The answer.
    pub answer: Answer,
}

/// Where and when events are recorded.
#[derive(Clone, Copy)]
struct Place {
    at: Instant,
    position: Position,
    cause: Option<u32>,
}

impl State {
    /// The state before the first commit.
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            registrations: Table::default(),
            identities: Table::default(),
            parties: Table::default(),
            devices: Table::default(),
            presences: Table::default(),
            calls: Table::default(),
            sessions: Table::default(),
            index: Index::default(),
            sessions_of: IdMap::default(),
            deadlines: Deadlines::default(),
            residency: residency::Residency::default(),
        }
    }

    /// The settings that decisions read.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A registration.
    pub fn registration(&self, id: RegistrationId) -> Option<&Registration> {
        self.registrations.get(id)
    }

    /// Whose an identity is.
    pub fn identity(&self, key: LookupKey) -> Option<&IdentityRecord> {
        self.identities.get(key)
    }

    /// A party.
    pub fn party(&self, id: PartyId) -> Option<&Party> {
        self.parties.get(id)
    }

    /// A device.
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(id)
    }

    /// Where a device is connected.
    pub fn presence(&self, id: DeviceId) -> Option<&Presence> {
        self.presences.get(id)
    }

    /// A call.
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.get(id)
    }

    /// A session.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// The device of an actor, if it may act: registered, the party's, not revoked.
    pub fn acting_device(&self, id: DeviceId, party: PartyId) -> Result<&Device, Rejection> {
        self.device(id)
            .filter(|device| device.party == party && device.revoked.is_none())
            .ok_or(Rejection::DeviceOut)
    }

    /// The open sessions in which a device takes part.
    pub fn open_sessions_of(&self, device: DeviceId) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions_of
            .get(device)
            .into_iter()
            .flatten()
            .filter_map(|id| Some((*id, self.sessions.get(*id)?)))
    }

    /// The calls that share a name with a report and can still be meant, oldest first.
    pub fn calls_that_name(&self, report: &Report, now: Instant) -> Vec<(CallId, &Call)> {
        let own = (report.party, report.key);
        self.calls_under(index::names_sought(own, Seen::from(&report.other)), now)
    }

    /// The calls that share a name with a side and can still be meant, oldest first.
    pub fn calls_that_name_side(&self, side: &Side, now: Instant) -> Vec<(CallId, &Call)> {
        self.calls_under(index::names_sought((side.party, side.key), side.other), now)
    }

    fn calls_under(&self, names: impl Iterator<Item = index::Name>, now: Instant) -> Vec<(CallId, &Call)> {
        let found = self.index.find(names).into_iter();
        found
            .filter_map(|id| Some((id, self.calls.get(id)?)))
            .filter(|(_, call)| call.can_be_meant(now))
            .collect()
    }

    /// Decides a command, and changes the state by what it leads to. A rejection changes nothing.
    ///
    /// `position` is that of the commit into which the events will go, `cause` the index that the command will have
    /// among those that the commit settles.
    pub fn transact(
        &mut self,
        command: &Command,
        position: Position,
        cause: u32,
    ) -> Result<Transacted, Rejection> {
        let place = Place { at: command.at, position, cause: (command.ask != Ask::Tick).then_some(cause) };
        let mut done = Transacted { events: Vec::new(), answer: Answer::Done };
        if command.ask == Ask::Tick {
            let due: Vec<EntityId> = self.deadlines.due(command.at, TICK_MAX).collect();
            for (n, entity) in due.into_iter().enumerate() {
                // One after the other: what is due for one entity may settle what was due for the next.
                let seed = command.seed.wrapping_add((n as u128 + 1) << 64);
                if let Some(decided) = self.expire(entity, command.at, seed) {
                    self.carry_out(decided, place, seed, &mut done);
                }
            }
        } else {
            let decided = self.decide(command)?;
            self.carry_out(decided, place, command.seed, &mut done);
        }
        Ok(done)
    }

    /// Records a decision and follows its consequences.
    fn carry_out(&mut self, decided: Decided, place: Place, seed: u128, done: &mut Transacted) {
        done.answer = decided.answer;
        let mut pending = decided.happenings;
        let mut changed = Vec::new();
        // Found before: afterwards, a side that names somebody now leads no longer to those whom it left unnamed.
        let unnamed = self.left_unnamed(&pending, place.at);
        for round in 0..ROUNDS_MAX {
            self.record(pending, place, &mut done.events, &mut changed);
            let fresh = Fresh::new(seed.wrapping_add(1 + round as u128), place.at);
            let Some(next) = self.consequence(&changed, &unnamed, place.at, fresh) else { break };
            if let (Answer::Noted { call, .. }, Answer::Noted { .. }) = (&done.answer, &next.answer)
                && next.happenings.iter().any(|happening| happening.entity == EntityId::Call(*call))
            {
                done.answer = next.answer;
            }
            pending = next.happenings;
        }
    }

    /// Decides a command: what would happen, and the answer. Pure.
    pub fn decide(&self, command: &Command) -> Result<Decided, Rejection> {
        if let Some(decided) = registration::decide(self, command) {
            return decided;
        }
        match &command.ask {
            Ask::Notify(report) => call::notify(self, command, report),
            Ask::SendText { session, text } => {
                let message = command.fresh().id(0);
                let settings = &self.settings.session;
                self.in_session(command, *session, |value, party, device| {
                    session::send_text(*session, value, (party, device), message, text, settings)
                })
            }
            Ask::JoinSession { session } => self.in_session(command, *session, |value, party, device| {
                session::join(*session, value, party, device)
            }),
            Ask::KeepSession { session, keep } => self.in_session(command, *session, |value, party, _| {
                session::keep(*session, value, party, *keep)
            }),
            Ask::LeaveSession { session } => {
                self.in_session(command, *session, |value, party, _| session::leave(*session, value, party))
            }
            Ask::Tick => Ok(Decided::new(Answer::Done)),
            Ask::StartRegistration { .. }
            | Ask::ProveRegistration { .. }
            | Ask::RotateCredential { .. }
            | Ask::RevokeDevice { .. }
            | Ask::Connect { .. }
            | Ask::Disconnect { .. } => unreachable!("`registration::decide` has decided these"),
        }
    }

    /// A decision about a session, by a device.
    fn in_session(
        &self,
        command: &Command,
        id: SessionId,
        decide: impl FnOnce(
            Option<&Session>,
            PartyId,
            DeviceId,
        ) -> Result<(Vec<session::Event>, Answer), Rejection>,
    ) -> Result<Decided, Rejection> {
        let Actor::Device { device, party } = &command.actor else {
            return Err(Rejection::ActorUnfit { needed: "a device" });
        };
        self.acting_device(*device, *party)?;
        let session = self.session(id);
        let (events, answer) = decide(session, *party, *device)?;
        let correlation = session.map(|session| session.call);
        let mut decided = Decided::new(answer);
        for event in events {
            decided.push(EntityId::Session(id), correlation, event);
        }
        Ok(decided)
    }

    /// What time alone brings about for one entity.
    fn expire(&self, entity: EntityId, now: Instant, seed: u128) -> Option<Decided> {
        match entity {
            EntityId::Call(id) => call::expire(self, now, Fresh::new(seed, now), id),
            EntityId::Session(id) => {
                let session = self.session(id)?;
                let mut decided = Decided::new(Answer::Done);
                for event in session::expire(session, now) {
                    decided.push(entity, Some(session.call), event);
                }
                Some(decided)
            }
            EntityId::Registration(_)
            | EntityId::Identity(_)
            | EntityId::Party(_)
            | EntityId::Device(_)
            | EntityId::Presence(_) => None,
        }
    }

    /// The calls that wait for a side which did not name its other end, and is about to.
    fn left_unnamed(&self, happenings: &[Happening], now: Instant) -> Vec<CallId> {
        let naming = happenings.iter().filter_map(|happening| match (happening.entity, &happening.event) {
            (EntityId::Call(id), Event::Call(call::Event::Reported { side, report })) => {
                let side = self.call(id)?.side(*side)?;
                (report.other.key().is_some() && !matches!(side.other, Seen::Known { .. })).then_some(side)
            }
            _ => None,
        });
        naming.flat_map(|side| self.calls_that_name_side(side, now)).map(|(id, _)| id).collect()
    }

    /// What follows for calls that wait, after these calls changed. The first consequence only: it is recorded, and asked
    /// for again.
    fn consequence(
        &self,
        changed: &[CallId],
        unnamed: &[CallId],
        now: Instant,
        fresh: Fresh,
    ) -> Option<Decided> {
        changed
            .iter()
            .filter_map(|id| self.call(*id))
            .flat_map(|call| call.sides().flat_map(|(_, side)| self.calls_that_name_side(side, now)))
            .chain(unnamed.iter().filter_map(|id| Some((*id, self.call(*id)?))))
            .filter(|(_, call)| call.is_free(now))
            .find_map(|(id, _)| call::reconsider(self, now, fresh, id))
    }

    /// Gives events their place, and changes the state by them. Notes the calls that changed.
    fn record(
        &mut self,
        happenings: Vec<Happening>,
        place: Place,
        events: &mut Vec<Recorded>,
        changed: &mut Vec<CallId>,
    ) {
        for Happening { entity, correlation, event } in happenings {
            let version = self.version(entity).next();
            let recorded = Recorded { entity, version, at: place.at, cause: place.cause, correlation, event };
            self.apply(place.position, &recorded);
            if let EntityId::Call(call) = entity
                && !changed.contains(&call)
            {
                changed.push(call);
            }
            events.push(recorded);
        }
    }

    /// The earliest instant at which time alone changes something.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }
}
