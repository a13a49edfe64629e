//! Given, when, then: a small world of people whose commands are transacted, so that a test reads as a rule.
//!
//! Owns: people with numbers and devices, the test's clock, and the history that the world wrote.
//! Invariant: whatever a test does, when its world is dropped the whole history is encoded, decoded and applied to an
//! empty state, which must equal the one that ran live (design, invariant 4).

mod ask;
mod then;

use std::sync::Arc;

use paravox_domain::command::{Actor, Command};
use paravox_domain::commit::{
    Commit, CommitBuilder, EncodedCommit, Header, Position, Recorded, Settled, Version,
};
use paravox_domain::digest::{Digest, SecretKey};
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event;
use paravox_domain::id::{DeviceId, Id, PartyId};
use paravox_domain::identity::{Identity, LookupKey};
use paravox_domain::registration::{
    Codes, DeviceEvent, DeviceKind, DeviceName, IdentityEvent, NewDevice, PartyEvent,
};
use paravox_domain::settings::Settings;
use paravox_domain::state::{State, Transacted};
use paravox_domain::time::{Instant, Span};

pub(crate) use self::ask::{Asked, Report, asked};
pub(crate) use self::then::Then;

/// Where the tests' clock begins: 2026-01-01T00:00:00Z.
pub(crate) const BEGINNING: Instant = Instant(1_767_225_600_000_000);

/// A person: one party with one number and one device.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) party: PartyId,
    pub(crate) device: DeviceId,
    pub(crate) number: Identity,
    pub(crate) key: LookupKey,
}

/// What was recorded for one command.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) settled: Option<Settled>,
    pub(crate) events: Vec<Recorded>,
}

/// A state with a clock and a history.
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now: Instant,
    pub(crate) history: Vec<Step>,
    pub(crate) codes: Codes,
    settings: Arc<Settings>,
    commands: u128,
    people: u128,
}

/// The settings of the tests: the defaults, under a fixed key.
pub(crate) fn settings() -> Settings {
    Settings::with_key(SecretKey([42; 32]))
}

/// A number with a form that parses: +44 20 7946 0001, 0002, …
pub(crate) fn number(n: u128) -> Identity {
    Identity::parse(&format!("+44207946{n:04}")).unwrap()
}

/// A device to let in.
pub(crate) fn new_device(name: &str) -> NewDevice {
    NewDevice { name: DeviceName::parse(name).unwrap(), kind: DeviceKind::Phone }
}

impl Default for World {
    fn default() -> Self {
        Self::with(settings())
    }
}

impl World {
    /// A world under these settings, in which nothing has happened.
    pub(crate) fn with(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        Self {
            state: State::new(Arc::clone(&settings)),
            now: BEGINNING,
            history: Vec::new(),
            codes: Codes::new(&settings.lookup_key),
            settings,
            commands: 0,
            people: 0,
        }
    }

    /// The settings.
    pub(crate) fn settings(&self) -> Settings {
        (*self.settings).clone()
    }

    /// Somebody new, with a proven number and a device.
    pub(crate) fn person(&mut self) -> Person {
        self.people += 1;
        let n = self.people;
        let (party, device) = (PartyId::from_bits(n), DeviceId::from_bits(n << 8));
        let number = number(n);
        let key = number.key(&self.settings.lookup_key);
        self.enrol(party, device);
        self.owns(party, &number);
        Person { party, device, number, key }
    }

    /// The same person with a further device in hand.
    pub(crate) fn further_device(&mut self, person: &Person) -> Person {
        let devices = self.state.party(person.party).map_or(0, |party| party.devices.len());
        let device = DeviceId::from_bits(person.device.bits() + devices as u128);
        self.enrol(person.party, device);
        Person { device, ..person.clone() }
    }

    /// The same person under a further identity.
    pub(crate) fn further_identity(&mut self, person: &Person, text: &str) -> Person {
        let number = Identity::parse(text).unwrap();
        let key = number.key(&self.settings.lookup_key);
        self.owns(person.party, &number);
        Person { number, key, ..person.clone() }
    }

    fn enrol(&mut self, party: PartyId, device: DeviceId) {
        let NewDevice { name, kind } = new_device("phone");
        self.happens(EntityId::Device(device), DeviceEvent::Enrolled { party, name, kind });
        self.happens(EntityId::Party(party), PartyEvent::DeviceAdded { device });
    }

    fn owns(&mut self, party: PartyId, identity: &Identity) {
        let key = identity.key(&self.settings.lookup_key);
        self.happens(EntityId::Identity(key), IdentityEvent::Claimed { party });
        self.happens(EntityId::Party(party), PartyEvent::IdentityAdded { key, identity: identity.clone() });
    }

    /// Puts an event into the history without a command.
    fn happens(&mut self, entity: EntityId, event: impl Into<Event>) {
        let last =
            self.history.iter().flat_map(|step| &step.events).filter(|one| one.entity == entity).count();
        let version = Version(last as u64).next();
        let recorded =
            Recorded { entity, version, at: self.now, cause: None, correlation: None, event: event.into() };
        self.state.apply(self.position().next(), &recorded);
        self.history.push(Step { settled: None, events: vec![recorded] });
    }

    /// The position of the last commit.
    pub(crate) fn position(&self) -> Position {
        Position(self.history.len() as u64)
    }

    /// Lets time pass without a tick.
    pub(crate) fn after(&mut self, span: Span) -> &mut Self {
        self.now = self.now + span;
        self
    }

    /// A command with a fresh id, at this moment.
    pub(crate) fn command(&mut self, asked: impl Into<Asked>) -> Command {
        let Asked { actor, ask } = asked.into();
        self.commands += 1;
        Command {
            id: Id::from_bits(self.commands),
            repeatable: true,
            fingerprint: self.commands as u64,
            at: self.now,
            request: Id::from_bits(self.commands),
            seed: self.commands << 96,
            actor,
            ask,
        }
    }

    /// Asks for something.
    pub(crate) fn when(&mut self, asked: impl Into<Asked>) -> Then {
        let command = self.command(asked);
        self.submit(&command)
    }

    /// Transacts a command.
    pub(crate) fn submit(&mut self, command: &Command) -> Then {
        let before = self.state.fingerprint();
        let outcome = self.state.transact(command, self.position().next(), 0);
        match &outcome {
            Ok(Transacted { events, answer }) => {
                let settled = Settled {
                    command: command.id,
                    repeatable: command.repeatable,
                    fingerprint: command.fingerprint,
                    request: command.request,
                    answer: answer.clone(),
                };
                let settled = (command.actor != Actor::Server).then_some(settled);
                self.history.push(Step { settled, events: events.clone() });
            }
            Err(rejection) => {
                assert_eq!(self.state.fingerprint(), before, "{rejection} changed something");
            }
        }
        Then { outcome }
    }

    /// Lets time pass, doing what is due on the way at the moment when it is due.
    pub(crate) fn until_due(&mut self, span: Span) -> Vec<Recorded> {
        let end = self.now + span;
        let mut events = Vec::new();
        while let Some(deadline) = self.state.next_deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            events.extend(self.when(Asked::tick()).events());
        }
        self.now = end;
        events
    }

    /// The history as commits, each chained to the one before.
    pub(crate) fn encoded(&self) -> Vec<EncodedCommit> {
        let mut previous = Digest::GENESIS;
        let mut commits = Vec::new();
        for (step, position) in self.history.iter().zip(1..) {
            let mut builder = CommitBuilder::new();
            if let Some(settled) = &step.settled {
                builder.settle(settled);
            }
            for recorded in &step.events {
                builder.record(recorded);
            }
            let sealed = builder.seal(&header(Position(position), previous));
            previous = sealed.digest();
            commits.push(sealed);
        }
        commits
    }

    /// The history as commits, each encoded, parsed and decoded.
    pub(crate) fn commits(&self) -> Vec<Commit> {
        let encoded = self.encoded().into_iter();
        encoded
            .map(|sealed| EncodedCommit::parse(sealed.bytes().clone()).unwrap().decode().unwrap())
            .collect()
    }

    /// The state that the encoded history leads to.
    pub(crate) fn replayed(&self) -> State {
        let mut state = State::new(Arc::clone(&self.settings));
        for commit in self.commits() {
            state.apply_commit(&commit);
        }
        state
    }
}

/// A header of the tests' journal.
pub(crate) fn header(position: Position, previous: Digest) -> Header {
    Header {
        realm: "test".to_owned(),
        position,
        writer: Id::from_bits(1),
        epoch: 1,
        commit: Id::from_bits(u128::from(position.0)),
        at: BEGINNING,
        previous,
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.state.differences(&self.replayed()), [], "live and replayed states differ");
        }
    }
}
