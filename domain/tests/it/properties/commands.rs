//! Random commands: sensible ones and nonsense, by people, strangers, services and the server itself.

use paravox_domain::call::Stage;
use paravox_domain::command::{Actor, Ask};
use paravox_domain::id::{ConnectionId, Id, RegistrationId, SessionId};
use paravox_domain::time::{Instant, Span};
use proptest::prelude::*;

use crate::support::{Asked, Person, World, asked, new_device, number};

/// One step of a random history: some time passes, and somebody asks for something.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) pause: Span,
    pub(crate) evict: bool,
    kind: u8,
    who: usize,
    whom: usize,
    pick: usize,
    more: u32,
}

/// A random history.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0..40_u8, 0..5_usize, 0..5_usize, 0..6_usize, any::<u32>(), 0..100_u8, any::<bool>());
    let step = step.prop_map(|(kind, who, whom, pick, more, pause, evict)| {
        let pause = match pause {
            0..40 => Span::ZERO,
            40..80 => Span::millis(i64::from(pause) * 20),
            80..97 => Span::seconds(i64::from(pause) - 78),
            _ => Span::seconds(i64::from(pause) * 90),
        };
        Step { pause, evict, kind, who, whom, pick, more }
    });
    proptest::collection::vec(step, 1..most)
}

/// The people of a random history: the fourth is the first one with another device, the fifth with another identity.
pub(crate) fn people(world: &mut World) -> Vec<Person> {
    let mut people: Vec<Person> = (0..3).map(|_| world.person()).collect();
    people.push(world.further_device(&people[0].clone()));
    people.push(world.further_identity(&people[0].clone(), "sip:first@example.org"));
    people
}

impl Step {
    /// What is asked for, by these people in this world.
    pub(crate) fn asked(&self, world: &World, people: &[Person]) -> Asked {
        let (who, whom) = (&people[self.who], &people[self.whom]);
        let session = self.session(world);
        let registration = RegistrationId::from_bits(self.pick as u128);
        match self.kind {
            0..9 => self.report(who, whom, true),
            9..18 => self.report(whom, who, false),
            18 => who.calls(whom).by(&people[self.pick % 5]).into(),
            19 => who.is_called_by_somebody().into(),
            20 => who.calls(whom).by_service("carrier").at(self.stage()).into(),
            21..24 => who.connects(u128::from(self.more % 3)),
            24 => who.disconnects(u128::from(self.more % 3)),
            25 => asked(whom.actor(), Ask::Disconnect { device: who.device, connection: self.connection() }),
            26..29 => who.says(session, &"x".repeat(self.more as usize % 5_000)),
            29 => who.joins(session),
            30 => who.keeps(session, self.more.is_multiple_of(2)),
            31 => who.leaves(session),
            32 => Asked::tick(),
            33 => {
                let identity = number(u128::from(self.more % 20));
                let code = world.codes.digest(registration, &world.codes.code(registration));
                let actor = if self.more.is_multiple_of(2) { Actor::Anyone } else { who.actor() };
                asked(actor, Ask::StartRegistration { registration, identity, device: new_device("x"), code })
            }
            34 | 35 => {
                let right = world.codes.code(registration);
                let presented = if self.more.is_multiple_of(2) { &right } else { "wrong" };
                let code = world.codes.digest(registration, presented);
                asked(Actor::Anyone, Ask::ProveRegistration { registration, code })
            }
            36 => {
                let generation = if self.more.is_multiple_of(4) { self.more } else { self.more % 4 };
                asked(Actor::Anyone, Ask::RotateCredential { device: who.device, generation })
            }
            37 if self.more.is_multiple_of(4) => who.asks(Ask::RevokeDevice { device: whom.device }),
            38 => asked(Actor::Server, Ask::Notify(Box::new(who.calls(whom).report))),
            _ => asked(Actor::Anyone, Ask::JoinSession { session }),
        }
    }

    fn report(&self, who: &Person, whom: &Person, calling: bool) -> Asked {
        let report = if calling { who.calls(whom) } else { who.is_called_by(whom) };
        let mut report = report.at(self.stage());
        if self.more & 0x10 != 0 {
            report = report.attempt(&format!("attempt-{}", self.pick / 2));
        }
        if self.more & 0x20 != 0 {
            report = report.happened(Instant(i64::from(self.more >> 8)));
        }
        if self.more & 0xc0 == 0 {
            report = report.reference(&format!("reference-{}", self.pick / 2));
        }
        if self.more & 0x700 == 0 {
            report = report.without_role();
        }
        report.into()
    }

    const fn stage(&self) -> Stage {
        match self.more % 14 {
            0..4 => Stage::Attempt,
            4..7 => Stage::Alerting,
            7..10 => Stage::Answered,
            10 => Stage::Diverted,
            11 => Stage::NotAnswered,
            12 => Stage::Busy,
            _ => Stage::Ended,
        }
    }

    fn connection(&self) -> ConnectionId {
        ConnectionId::from_bits(u128::from(self.more % 3))
    }

    /// One of the latest sessions, or one that does not exist.
    fn session(&self, world: &World) -> SessionId {
        let events = world.history.iter().rev().flat_map(|step| &step.events);
        let sessions = events.filter_map(|recorded| match recorded.entity {
            paravox_domain::entity::EntityId::Session(id) if recorded.version.0 == 1 => Some(id),
            _ => None,
        });
        sessions.take(4).nth(self.pick).unwrap_or(Id::from_bits(77))
    }
}
