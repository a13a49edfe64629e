//! The referee: plays a world to a state, and compares what the state made of it with the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use paravox_domain::answer::Rejection;
use paravox_domain::call::{Event as CallEvent, JoinedBy, SideIndex};
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::commit::{Position, Recorded, Version};
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event;
use paravox_domain::id::{CallId, Id, SessionId};
use paravox_domain::matching::{Decision, find_other_side};
use paravox_domain::registration::{DeviceEvent, DeviceKind, DeviceName, IdentityEvent, PartyEvent};
use paravox_domain::session::Event as SessionEvent;
use paravox_domain::settings::Settings;
use paravox_domain::state::State;
use paravox_domain::time::{Instant, Span};

use super::course::{Arrival, Course, KEY};

/// What the matcher made of worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Worlds.
    pub(crate) worlds: u64,
    /// True calls.
    pub(crate) calls: u64,
    /// Reports that arrived.
    pub(crate) reports: u64,
    /// Pairs of sides that were joined.
    pub(crate) joined: u64,
    /// Of those, pairs that have no true call in common.
    pub(crate) joined_wrong: u64,
    /// Of those, pairs beside which a session was opened.
    pub(crate) sessions_wrong: u64,
    /// True calls that both sides reported while they were in progress.
    pub(crate) joinable: u64,
    /// Of those, calls beside which a session was opened while they were in progress.
    pub(crate) joined_right: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.calls += other.calls;
        self.reports += other.reports;
        self.joined += other.joined;
        self.joined_wrong += other.joined_wrong;
        self.sessions_wrong += other.sessions_wrong;
        self.joinable += other.joinable;
        self.joined_right += other.joined_right;
    }
}

impl Tally {
    /// The share of calls that could be joined and were.
    pub(crate) fn right(&self) -> f64 {
        self.joined_right as f64 / (self.joinable as f64).max(1.0)
    }
}

/// Who looks on: what arrived (nothing where time alone did something), when, and what followed.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(Option<&Arrival>, Instant, &[Recorded]);

/// The true calls of which a side's reports tell; lies tell of none.
type Truth = BTreeSet<usize>;

struct Referee {
    state: State,
    position: u64,
    commands: u128,
    sides: BTreeMap<(CallId, SideIndex), Truth>,
    sessions: BTreeMap<CallId, (SessionId, Instant)>,
}

/// Plays a world to its end.
pub(crate) fn judge(course: &Course, watch: Watch<'_>) -> Tally {
    let settings = Arc::new(Settings::with_key(KEY));
    let mut referee = Referee {
        state: State::new(settings),
        position: 0,
        commands: 0,
        sides: BTreeMap::new(),
        sessions: BTreeMap::new(),
    };
    referee.enrol(course);
    for arrival in &course.arrivals {
        referee.let_pass(arrival.received, watch);
        let actor = Actor::Device { device: arrival.device, party: arrival.party };
        let ask = Ask::Notify(Box::new(arrival.report.clone()));
        let events = referee.submit(arrival.received, actor, ask, arrival.call);
        watch(Some(arrival), arrival.received, &events);
        referee.check(arrival.received);
    }
    referee.tally(course)
}

impl Referee {
    fn enrol(&mut self, course: &Course) {
        let at = Instant::MIN;
        let mut add = |entity, version, event: Event| {
            let recorded =
                Recorded { entity, version: Version(version), at, cause: None, correlation: None, event };
            self.state.apply(Position(0), &recorded);
        };
        for person in &course.people {
            let party = person.party;
            let mut version = 0;
            for (device, _) in &person.devices {
                let (name, kind) = (DeviceName::parse("phone").unwrap(), DeviceKind::Phone);
                add(EntityId::Device(*device), 1, DeviceEvent::Enrolled { party, name, kind }.into());
                version += 1;
                let device = *device;
                add(EntityId::Party(party), version, PartyEvent::DeviceAdded { device }.into());
            }
            for line in &person.lines {
                add(EntityId::Identity(line.key), 1, IdentityEvent::Claimed { party }.into());
                version += 1;
                let (key, identity) = (line.key, line.number.clone());
                add(EntityId::Party(party), version, PartyEvent::IdentityAdded { key, identity }.into());
            }
        }
    }

    /// Does what is due until this moment.
    fn let_pass(&mut self, until: Instant, watch: Watch<'_>) {
        while let Some(due) = self.state.next_deadline().filter(|due| *due <= until) {
            let events = self.submit(due, Actor::Server, Ask::Tick, None);
            watch(None, due, &events);
        }
    }

    fn submit(&mut self, at: Instant, actor: Actor, ask: Ask, truth: Option<usize>) -> Vec<Recorded> {
        self.commands += 1;
        self.position += 1;
        let command = Command {
            id: Id::from_bits(self.commands),
            repeatable: false,
            fingerprint: 0,
            at,
            request: Id::from_bits(self.commands),
            seed: self.commands << 96,
            actor,
            ask,
        };
        match self.state.transact(&command, Position(self.position), 0) {
            Ok(done) => {
                done.events.iter().for_each(|recorded| self.note(recorded, truth));
                done.events
            }
            Err(Rejection::CallsFull { .. }) => Vec::new(),
            Err(rejection) => panic!("{rejection}"),
        }
    }

    /// Notes which true calls the reports on each side tell of.
    fn note(&mut self, recorded: &Recorded, truth: Option<usize>) {
        let at = recorded.at;
        match (recorded.entity, &recorded.event) {
            (EntityId::Call(call), Event::Call(event)) => match event {
                CallEvent::Opened { .. } => self.tells(call, SideIndex::First, truth),
                CallEvent::Reported { side, .. } => self.tells(call, *side, truth),
                CallEvent::Joined { by: JoinedBy::Report(_), .. } => {
                    self.tells(call, SideIndex::Second, truth);
                }
                CallEvent::Joined { by: JoinedBy::Absorbing { call: absorbed, .. }, .. } => {
                    let absorbed = self.sides.remove(&(*absorbed, SideIndex::First)).unwrap_or_default();
                    self.sides.insert((call, SideIndex::Second), absorbed);
                }
                _ => {}
            },
            (EntityId::Session(session), Event::Session(SessionEvent::Opened { call, legs, .. })) => {
                let parties: BTreeSet<_> = legs.iter().map(|leg| leg.party).collect();
                assert_eq!(parties.len(), 2, "a session holds a party twice, or lacks one");
                self.sessions.insert(*call, (session, at));
            }
            _ => {}
        }
    }

    fn tells(&mut self, call: CallId, side: SideIndex, truth: Option<usize>) {
        self.sides.entry((call, side)).or_default().extend(truth);
    }

    /// What must hold at every moment: two sides that were joined name each other, and the reason for which a call waits
    /// is the one that the matcher would give now.
    fn check(&self, now: Instant) {
        let calls: BTreeSet<CallId> = self.sides.keys().map(|(call, _)| *call).collect();
        for (id, call) in calls.iter().filter_map(|id| Some((*id, self.state.call(*id)?))) {
            if let Some(second) = &call.second {
                let names = |one: &paravox_domain::call::Side, other| {
                    one.naming(other) == paravox_domain::call::Naming::Exactly
                };
                assert!(names(second, call.first.other) && names(&call.first, second.other), "{call:?}");
            } else if call.over.is_none() {
                let candidates = self.state.calls_that_name_side(&call.first, now);
                let settings = &self.state.settings().call;
                match find_other_side(&call.first, Some(id), &candidates, settings) {
                    Decision::Wait(waiting) => assert_eq!(call.waiting.as_ref(), Some(&waiting)),
                    other => panic!("waits, though the matcher says {other:?}"),
                }
            }
        }
    }

    fn tally(&self, course: &Course) -> Tally {
        let mut tally = Tally {
            worlds: 1,
            calls: course.calls.len() as u64,
            reports: course.arrivals.len() as u64,
            ..Tally::default()
        };
        let mut right = BTreeSet::new();
        for ((call, _), second) in self.sides.iter().filter(|((_, side), _)| *side == SideIndex::Second) {
            let first = &self.sides[&(*call, SideIndex::First)];
            let session = self.sessions.get(call);
            tally.joined += 1;
            let common: Vec<usize> = first.intersection(second).copied().collect();
            if common.is_empty() {
                tally.joined_wrong += 1;
                tally.sessions_wrong += u64::from(session.is_some());
            }
            let in_time = |one: &usize| session.is_some_and(|(_, at)| *at <= course.calls[*one].ends);
            right.extend(common.into_iter().filter(in_time));
        }
        for (n, call) in course.calls.iter().enumerate() {
            let in_progress = |party_calls: bool| {
                course.arrivals.iter().any(|arrival| {
                    arrival.call == Some(n)
                        && (arrival.report.role == paravox_domain::call::Role::Calling) == party_calls
                        && arrival.report.stage.over().is_none()
                        && arrival.received + Span::seconds(1) < call.ends
                })
            };
            if call.answered.is_some() && in_progress(true) && in_progress(false) {
                tally.joinable += 1;
                tally.joined_right += u64::from(right.contains(&n));
            }
        }
        tally
    }
}
