//! The course of a world: who calls whom and when, and which reports arrive when.

use std::collections::BTreeMap;

use paravox_domain::call::{Attempt, Other, Report, Reporter, Role, Stage};
use paravox_domain::digest::SecretKey;
use paravox_domain::id::{DeviceId, Id, PartyId};
use paravox_domain::identity::{Identity, LookupKey};
use paravox_domain::time::{Instant, Span};

use super::chance::Chance;

/// The key under which the worlds' identities are known.
pub(crate) const KEY: SecretKey = SecretKey([42; 32]);

/// Where a world's time begins.
const BEGINNING: Instant = Instant(1_767_225_600_000_000);

const SECOND: i64 = 1_000_000;

/// What kind of world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Devices give the time by their own clocks, which are wrong; reports are late, reordered, repeated, lost.
    Timed,
    /// Devices name their attempts; reports as before.
    Named,
    /// Devices give neither, but send in order.
    Bare,
    /// As `Timed`, with a second device for everybody, which reports as well.
    Crowded,
    /// As `Timed`, with a liar who reports calls with everybody, and makes none.
    Liars,
}

/// A telephone line of somebody.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) number: Identity,
    pub(crate) key: LookupKey,
}

/// Somebody with lines and devices.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) party: PartyId,
    pub(crate) lines: Vec<Line>,
    /// Each with how far its clock is off.
    pub(crate) devices: Vec<(DeviceId, Span)>,
}

/// A call as it truly was.
#[derive(Clone, Debug)]
pub(crate) struct TrueCall {
    pub(crate) answered: Option<Instant>,
    pub(crate) ends: Instant,
}

/// A report that arrives. `call` is the true call; `None` for a lie.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) sent: Instant,
    pub(crate) received: Instant,
    pub(crate) device: DeviceId,
    pub(crate) party: PartyId,
    pub(crate) call: Option<usize>,
    pub(crate) report: Report,
}

/// A whole world.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) people: Vec<Person>,
    pub(crate) calls: Vec<TrueCall>,
    pub(crate) arrivals: Vec<Arrival>,
    kind: Kind,
}

/// One end of a call.
#[derive(Clone, Copy)]
struct End {
    person: usize,
    line: usize,
    role: Role,
}

impl Course {
    /// The world of this kind that chance makes.
    pub(crate) fn of(kind: Kind, chance: &mut Chance) -> Self {
        let people = (0..chance.between(3, 6)).map(|n| person(n as u128, kind, chance)).collect();
        let mut course = Self { people, calls: Vec::new(), arrivals: Vec::new(), kind };
        // Until when each line of each pair is taken: a line is not twice in a call with the same other line.
        let mut busy: Vec<([(usize, usize); 2], Instant)> = Vec::new();
        for _ in 0..chance.between(5, 20) {
            let mut begins = BEGINNING + Span(chance.between(0, 300 * SECOND));
            let honest = course.people.len() - usize::from(kind == Kind::Liars);
            let (one, other) = two(honest, chance);
            let lines = (course.people[one].lines.len(), course.people[other].lines.len());
            let from = (one, chance.between(0, lines.0 as i64 - 1) as usize);
            let to = (other, chance.between(0, lines.1 as i64 - 1) as usize);
            let mut pair = [from, to];
            pair.sort_unstable();
            let redials = chance.between(0, 3);
            for _ in 0..=redials {
                if let Some((_, until)) = busy.iter().find(|(taken, until)| *taken == pair && *until > begins)
                {
                    begins = *until + Span(chance.between(SECOND, 15 * SECOND));
                }
                let ends = course.call(begins, from, to, chance);
                busy.retain(|(taken, _)| *taken != pair);
                busy.push((pair, ends));
                begins = ends + Span(chance.between(2 * SECOND, 70 * SECOND));
            }
        }
        if kind == Kind::Liars {
            for _ in 0..chance.between(20, 60) {
                course.lie(chance);
            }
        }
        course.arrivals.sort_by_key(|arrival| arrival.sent);
        if kind == Kind::Bare {
            let mut last: BTreeMap<DeviceId, Instant> = BTreeMap::new();
            for arrival in &mut course.arrivals {
                let last = last.entry(arrival.device).or_insert(Instant::MIN);
                *last = arrival.received.max(*last);
                arrival.received = *last;
            }
        }
        course.arrivals.sort_by_key(|arrival| arrival.received);
        course
    }

    /// One call, with all that its two sides report of it. Returns when it ends.
    fn call(
        &mut self,
        begins: Instant,
        from: (usize, usize),
        to: (usize, usize),
        chance: &mut Chance,
    ) -> Instant {
        let near = End { person: from.0, line: from.1, role: Role::Calling };
        let far = End { person: to.0, line: to.1, role: Role::Called };
        let alerting = begins + Span(chance.between(SECOND, 3 * SECOND));
        let mut tells = vec![(near, Stage::Attempt, begins)];
        let (answered, ends) = match chance.between(0, 99) {
            // Switched off, or out of coverage: nobody at the other end hears of it.
            0..8 => {
                let ends = begins + Span(chance.between(2 * SECOND, 8 * SECOND));
                tells.push((near, Stage::NotAnswered, ends));
                (None, ends)
            }
            8..13 => {
                let ends = begins + Span(chance.between(SECOND, 3 * SECOND));
                tells.push((near, Stage::Busy, ends));
                (None, ends)
            }
            13..28 => {
                let ends = alerting + Span(chance.between(3 * SECOND, 25 * SECOND));
                tells.push((far, Stage::Alerting, alerting));
                tells.push((near, Stage::NotAnswered, ends));
                tells.push((far, Stage::NotAnswered, ends + Span(chance.between(0, SECOND / 2))));
                (None, ends)
            }
            _ => {
                let answered = alerting + Span(chance.between(2 * SECOND, 20 * SECOND));
                let ends = answered + Span(chance.between(2 * SECOND, 180 * SECOND));
                tells.push((far, Stage::Alerting, alerting));
                tells.push((far, Stage::Answered, answered));
                tells.push((near, Stage::Answered, answered + Span(chance.between(0, SECOND / 2))));
                tells.push((far, Stage::Ended, ends + Span(chance.between(0, SECOND / 2))));
                tells.push((near, Stage::Ended, ends + Span(chance.between(0, SECOND / 2))));
                (Some(answered), ends)
            }
        };
        let call = self.calls.len();
        self.calls.push(TrueCall { answered, ends });
        for (end, stage, at) in tells {
            let other = if end.role == Role::Calling { far } else { near };
            for device in 0..self.people[end.person].devices.len() {
                // A second device hears of the beginning and of the answer; the rest only sometimes.
                if device == 0 || matches!(stage, Stage::Attempt | Stage::Alerting) || chance.per_mille(500) {
                    self.tell(Some(call), (end, other), device, stage, at, chance);
                }
            }
        }
        ends
    }

    /// Somebody reports a call that does not exist.
    fn lie(&mut self, chance: &mut Chance) {
        let liar = self.people.len() - 1;
        let victim = chance.between(0, liar as i64 - 1) as usize;
        let role = *chance.pick(&[Role::Calling, Role::Called]);
        let end = End { person: liar, line: 0, role };
        let other = End { person: victim, line: 0, role };
        let at = BEGINNING + Span(chance.between(0, 500 * SECOND));
        let stage = *chance.pick(&[Stage::Attempt, Stage::Alerting, Stage::Answered, Stage::Ended]);
        self.tell(None, (end, other), 0, stage, at, chance);
    }

    /// A device reports; the report arrives late, twice, or not at all.
    fn tell(
        &mut self,
        call: Option<usize>,
        (end, other): (End, End),
        device: usize,
        stage: Stage,
        at: Instant,
        chance: &mut Chance,
    ) {
        let person = &self.people[end.person];
        let (line, other) = (&person.lines[end.line], &self.people[other.person].lines[other.line]);
        let (device, offset) = person.devices[device];
        let named = self.kind == Kind::Named;
        let timed = !named && self.kind != Kind::Bare;
        let word = call.map_or_else(|| format!("lie-{}", self.arrivals.len()), |call| format!("call-{call}"));
        let report = Report {
            on_behalf_of: line.number.clone(),
            key: line.key,
            party: None,
            other: Other::Known { identity: other.number.clone(), key: other.key, party: None },
            role: end.role,
            stage,
            references: Vec::new(),
            attempt: named.then(|| Attempt::parse(&word).unwrap()),
            happened: timed.then(|| at + offset),
            reporter: Reporter::Device(device),
            devices: Vec::new(),
        };
        let party = person.party;
        if chance.per_mille(10) {
            return;
        }
        let copies = if self.kind != Kind::Bare && chance.per_mille(50) { 2 } else { 1 };
        for _ in 0..copies {
            let received = at + delay(chance);
            self.arrivals.push(Arrival { sent: at, received, device, party, call, report: report.clone() });
        }
    }
}

/// How long a report is under way: mostly a moment, in two of a hundred cases up to half a minute.
fn delay(chance: &mut Chance) -> Span {
    let longest = if chance.per_mille(20) { 30 * SECOND } else { SECOND };
    Span(chance.between(50_000, longest))
}

fn two(people: usize, chance: &mut Chance) -> (usize, usize) {
    let one = chance.between(0, people as i64 - 1) as usize;
    let step = chance.between(1, people as i64 - 1) as usize;
    (one, (one + step) % people)
}

fn person(n: u128, kind: Kind, chance: &mut Chance) -> Person {
    let lines = (0..chance.between(1, 2))
        .map(|line| {
            let number = Identity::parse(&format!("+4420794{line}{n:04}")).unwrap();
            Line { key: number.key(&KEY), number }
        })
        .collect();
    let devices = (0..if kind == Kind::Crowded { 2 } else { 1 })
        .map(|device| {
            let off = if chance.per_mille(100) { 5 * 3_600 } else { 30 };
            let offset = Span(chance.between(-off * SECOND, off * SECOND));
            (DeviceId::from_bits((n << 8) + device + 1), offset)
        })
        .collect();
    Person { party: PartyId::from_bits(n + 1), lines, devices }
}
