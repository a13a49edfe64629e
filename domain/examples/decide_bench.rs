//! Measures the domain alone, on one core: reports that are decided, applied and encoded per second, and the memory that
//! an open session takes.
//!
//! `cargo run --release -p paravox-domain --example decide_bench -- [open sessions]` prints one JSON object per line.
//! Rates are per second of processor time, so that other programs on the machine do not enter them. Linux only: time is
//! read from `/proc/self/schedstat`, memory from `/proc/self/statm`.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a measurement has a clock, and talks to its user"
)]

use std::sync::Arc;

use paravox_domain::call::{Other, Report, Reporter, Role, Stage};
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::commit::{CommitBuilder, EncodedCommit, Header, Position, Recorded, Settled, Version};
use paravox_domain::digest::{Digest, SecretKey};
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event;
use paravox_domain::id::{DeviceId, Id, PartyId};
use paravox_domain::identity::{Identity, LookupKey};
use paravox_domain::registration::{DeviceEvent, DeviceKind, DeviceName, IdentityEvent, PartyEvent};
use paravox_domain::settings::Settings;
use paravox_domain::state::State;
use paravox_domain::time::{Instant, Span};

const KEY: SecretKey = SecretKey([7; 32]);
const BEGINNING: Instant = Instant(1_767_225_600_000_000);
/// Commands of one commit.
const COMMANDS_PER_COMMIT: u32 = 256;

struct Person {
    party: PartyId,
    device: DeviceId,
    number: Identity,
    key: LookupKey,
}

fn person(n: u64) -> Option<Person> {
    let number = Identity::parse(&format!("+4420{:08}", n + 10_000_000)).ok()?;
    let spread =
        |salt: u64| u128::from_be_bytes(prefix(&Digest::of(&[n.to_be_bytes(), salt.to_be_bytes()].concat())));
    Some(Person {
        party: Id::from_bits(spread(1)),
        device: Id::from_bits(spread(2)),
        key: number.key(&KEY),
        number,
    })
}

fn prefix(digest: &Digest) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.0[..16]);
    bytes
}

/// Resident memory in bytes.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Seconds of processor time since the beginning.
struct Clock(f64);

impl Clock {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
        let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
        Self(nanos.unwrap_or(0) as f64 / 1e9)
    }

    fn elapsed(&self) -> f64 {
        (Self::now().0 - self.0).max(1e-9)
    }
}

struct Bench {
    state: State,
    builder: CommitBuilder,
    position: Position,
    commands: u64,
    now: Instant,
    previous: Digest,
    bytes: u64,
    last: Option<EncodedCommit>,
}

impl Bench {
    fn enrol(&mut self, person: &Person) {
        let party = person.party;
        let mut add = |entity, version, event: Event| {
            let (version, at) = (Version(version), self.now);
            let recorded = Recorded { entity, version, at, cause: None, correlation: None, event };
            self.state.apply(Position(0), &recorded);
        };
        if let Ok(name) = DeviceName::parse("phone") {
            let kind = DeviceKind::Phone;
            add(EntityId::Device(person.device), 1, DeviceEvent::Enrolled { party, name, kind }.into());
        }
        add(EntityId::Party(party), 1, PartyEvent::DeviceAdded { device: person.device }.into());
        add(EntityId::Identity(person.key), 1, IdentityEvent::Claimed { party }.into());
        let (key, identity) = (person.key, person.number.clone());
        add(EntityId::Party(party), 2, PartyEvent::IdentityAdded { key, identity }.into());
    }

    fn notify(&mut self, who: &Person, whom: &Person, role: Role, stage: Stage) {
        self.commands += 1;
        self.now = self.now + Span(10);
        let report = Report {
            on_behalf_of: who.number.clone(),
            key: who.key,
            party: None,
            other: Other::Known { identity: whom.number.clone(), key: whom.key, party: None },
            role,
            stage,
            references: Vec::new(),
            attempt: None,
            happened: Some(self.now),
            reporter: Reporter::Device(who.device),
            devices: Vec::new(),
        };
        let command = Command {
            id: Id::from_bits(u128::from(self.commands) << 64),
            repeatable: true,
            fingerprint: self.commands,
            at: self.now,
            request: Id::from_bits(u128::from(self.commands) << 60),
            seed: u128::from(self.commands) << 80,
            actor: Actor::Device { device: who.device, party: who.party },
            ask: Ask::Notify(Box::new(report)),
        };
        if !self.state.needs(&command).is_empty() {
            return;
        }
        let cause = self.builder.next_cause();
        if let Ok(done) = self.state.transact(&command, self.position.next(), cause) {
            self.builder.settle(&Settled {
                command: command.id,
                repeatable: true,
                fingerprint: command.fingerprint,
                request: command.request,
                answer: done.answer,
            });
            done.events.iter().for_each(|recorded| self.builder.record(recorded));
        }
        if self.builder.next_cause() >= COMMANDS_PER_COMMIT {
            self.seal();
        }
    }

    fn seal(&mut self) {
        self.position = self.position.next();
        let sealed = self.builder.seal(&Header {
            realm: "bench".to_owned(),
            position: self.position,
            writer: Id::from_bits(1),
            epoch: 1,
            commit: Id::from_bits(u128::from(self.position.0)),
            at: self.now,
            previous: self.previous,
        });
        self.previous = sealed.digest();
        self.bytes += sealed.bytes().len() as u64;
        self.last = Some(sealed);
    }

    fn evict(&mut self) {
        let _ = self.state.evict(self.position, self.now, usize::MAX, 1_000_000);
    }
}

fn main() {
    let sessions = std::env::args().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(100_000);
    let mut bench = Bench {
        state: State::new(Arc::new(Settings::with_key(KEY))),
        builder: CommitBuilder::new(),
        position: Position::START,
        commands: 0,
        now: BEGINNING,
        previous: Digest::GENESIS,
        bytes: 0,
        last: None,
    };
    let people: Vec<Person> = (0..2 * sessions).filter_map(person).collect();
    for person in &people {
        bench.enrol(person);
    }
    let before = resident_bytes();
    let pairs: Vec<(&Person, &Person)> = people.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect();

    let clock = Clock::now();
    for (one, other) in &pairs {
        bench.notify(one, other, Role::Calling, Stage::Attempt);
        bench.notify(other, one, Role::Called, Stage::Alerting);
    }
    let seconds = clock.elapsed();
    bench.seal();
    bench.evict();
    let open = bench.state.residents().sessions;
    let per_session = resident_bytes().saturating_sub(before) as f64 / open.max(1) as f64;
    println!(
        "{{\"bench\":\"open\",\"sessions\":{open},\"notifications_per_s\":{:.0},\"bytes_per_open_session\":{per_session:.0},\"journal_bytes_per_notification\":{:.0}}}",
        bench.commands as f64 / seconds,
        bench.bytes as f64 / bench.commands as f64
    );

    // Once more with all of them open: answered, and ended.
    for (name, stage) in [("answered", Stage::Answered), ("ended", Stage::Ended)] {
        let (clock, commands) = (Clock::now(), bench.commands);
        for (one, other) in &pairs {
            bench.notify(one, other, Role::Calling, stage);
            bench.notify(other, one, Role::Called, stage);
        }
        let rate = (bench.commands - commands) as f64 / clock.elapsed();
        println!("{{\"bench\":\"{name}\",\"notifications_per_s\":{rate:.0}}}");
    }
    bench.seal();

    if let Some(sealed) = &bench.last {
        let clock = Clock::now();
        let mut decoded = 0;
        for _ in 0..200 {
            let parsed = EncodedCommit::parse(sealed.bytes().clone()).and_then(|parsed| parsed.decode());
            decoded += parsed.map_or(0, |commit| commit.events.len());
        }
        let rate = f64::from(decoded as u32) / clock.elapsed();
        println!("{{\"bench\":\"decode\",\"events_per_s\":{rate:.0}}}");
    }
}
