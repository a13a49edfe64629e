//! Decisions about calls: what a report leads to.
//!
//! Owns: the reporter's authority (invariant 7), and what follows from a match.
//! Does not own: the match itself (`matching`).
//! Invariant: a report that is refused changes nothing; one that is taken is recorded, unless it is a repeat.

use super::{Call, Event, JoinedBy, Other, OverCause, Report, Reporter, Side, SideIndex};
use crate::answer::{Answer, Noted, Rejection};
use crate::command::{Actor, Command};
use crate::entity::EntityId;
use crate::id::{CallId, DeviceId, Fresh, LegId, SessionId};
use crate::matching::{self, Contradiction, Decision, Evidence, Rule, Waiting};
use crate::session::{self, OpeningLeg};
use crate::state::{Decided, State};
use crate::time::{Instant, Span};

/// A side that was found to be the other one of a call.
struct Found {
    by: JoinedBy,
    side: Side,
    rule: Rule,
    evidence: Vec<Evidence>,
}

/// Decides what a notification leads to.
pub fn notify(state: &State, command: &Command, report: &Report) -> Result<Decided, Rejection> {
    let report = authorize(state, &command.actor, report)?;
    let candidates = state.calls_that_name(&report, command.at);
    let settings = &state.settings().call;
    match matching::decide(&report, command.at, &candidates, settings) {
        Decision::SameSide { call, side, contradiction } => {
            let Some(value) = state.call(call) else {
                return Ok(opened(state, command, &candidates, report, Waiting::NoPartner));
            };
            Ok(same_side(state, command, (call, value), side, report, contradiction))
        }
        Decision::OtherSide { call, rule, evidence } => {
            let side = Side::of(&report, command.at);
            let found = Found { by: JoinedBy::Report(Box::new(report)), side, rule, evidence };
            Ok(joined(state, command.at, command.fresh(), call, found))
        }
        Decision::Wait(waiting) => {
            // Its own calls count, not those of others that name it: nobody can fill somebody else's line.
            let own = |call: &Call| call.sides().any(|(_, side)| side.key == report.key);
            let open = candidates.iter().filter(|(_, call)| call.over.is_none() && own(call)).count();
            if open >= settings.open_per_identity_max {
                return Err(Rejection::CallsFull { max: settings.open_per_identity_max });
            }
            Ok(opened(state, command, &candidates, report, waiting))
        }
    }
}

/// Fills in what the directory knows, and refuses a reporter who may not speak for the party.
fn authorize(state: &State, actor: &Actor, report: &Report) -> Result<Report, Rejection> {
    let owner = state.identity(report.key).map(|record| record.party);
    let (party, reporter, devices) = match actor {
        Actor::Device { device, party } => {
            state.acting_device(*device, *party)?;
            if owner != Some(*party) {
                return Err(Rejection::NotYours);
            }
            (*party, Reporter::Device(*device), vec![*device])
        }
        Actor::Service { name } => {
            let party = owner.ok_or(Rejection::PartyUnknown)?;
            let devices = state.party(party).map(|party| party.devices.clone()).unwrap_or_default();
            (party, Reporter::Service(name.clone()), devices)
        }
        Actor::Anyone | Actor::Server => {
            return Err(Rejection::ActorUnfit { needed: "a device or a service" });
        }
    };
    let other = match &report.other {
        Other::Known { identity, key, .. } => {
            let party = state.identity(*key).map(|record| record.party);
            Other::Known { identity: identity.clone(), key: *key, party }
        }
        other => other.clone(),
    };
    if matches!(&other, Other::Known { party: Some(other), .. } if *other == party)
        || other.key() == Some(report.key)
    {
        return Err(Rejection::SameParty);
    }
    Ok(Report {
        on_behalf_of: report.on_behalf_of.clone(),
        key: report.key,
        party: Some(party),
        other,
        role: report.role,
        stage: report.stage,
        references: report.references.clone(),
        attempt: report.attempt.clone(),
        happened: report.happened,
        reporter,
        devices,
    })
}

fn opened(
    state: &State,
    command: &Command,
    candidates: &[(CallId, &Call)],
    report: Report,
    waiting: Waiting,
) -> Decided {
    let settings = &state.settings().call;
    let call: CallId = command.fresh().id(0);
    let over = report.stage.over();
    let outcome = if over.is_some() { Noted::Over } else { Noted::Waiting(waiting.clone()) };
    let mut decided = Decided::new(Answer::Noted { call, outcome });
    let until = waits_until(state, candidates, &waiting, command.at, command.at);
    let entity = EntityId::Call(call);
    let devices = if over.is_some() { report.devices.clone() } else { Vec::new() };
    decided.push(entity, Some(call), Event::Opened { report: Box::new(report), until, waiting });
    if let Some(cause) = over {
        let closing_until = command.at + settings.closing;
        let told = devices;
        decided.push(
            entity,
            Some(call),
            Event::Ended { cause, side: Some(SideIndex::First), closing_until, told },
        );
    }
    decided
}

/// Until when a side waits before it is decided afresh: to the end of the window, or, where a call that is over stands
/// in the way, until that one can no longer be meant.
fn waits_until(
    state: &State,
    candidates: &[(CallId, &Call)],
    waiting: &Waiting,
    first: Instant,
    now: Instant,
) -> Instant {
    let end = first + state.settings().call.window;
    match waiting {
        Waiting::NoPartner => end,
        Waiting::Ambiguous { .. } | Waiting::NeedsCorroboration { .. } => {
            let closing = candidates.iter().filter_map(|(_, call)| Some(call.over?.closing_until + Span(1)));
            closing.filter(|until| *until > now).fold(end, Instant::min)
        }
    }
}

fn same_side(
    state: &State,
    command: &Command,
    (id, call): (CallId, &Call),
    side: SideIndex,
    report: Report,
    contradiction: Option<Contradiction>,
) -> Decided {
    let settings = &state.settings().call;
    let closing_until = command.at + settings.closing;
    let session = call.session.and_then(|id| Some((id, state.session(id)?)));
    let over = report.stage.over();
    let outcome = if call.over.is_some() || over.is_some() || contradiction.is_some() {
        Noted::Over
    } else if call.second.is_some() {
        Noted::Joined { session: call.session }
    } else {
        Noted::Waiting(call.waiting.clone().unwrap_or(Waiting::NoPartner))
    };
    let mut decided = Decided::new(Answer::Noted { call: id, outcome });
    if call.side(side).is_some_and(|side| side.knows(&report)) {
        return decided;
    }
    let (party, told, reporting) = (
        report.party,
        told_with(call, &report.devices),
        match report.reporter {
            Reporter::Device(device) => Some(device),
            Reporter::Service(_) => None,
        },
    );
    decided.push(EntityId::Call(id), Some(id), Event::Reported { side, report: Box::new(report) });
    if call.over.is_some() {
        return decided;
    }
    let mut session_events = Vec::new();
    if let Some(contradiction) = contradiction {
        decided.push(EntityId::Call(id), Some(id), Event::Parted { contradiction, closing_until, told });
        session_events = session.map(|(_, session)| session::contradicted(session)).unwrap_or_default();
    } else if let Some(cause) = over {
        decided.push(
            EntityId::Call(id),
            Some(id),
            Event::Ended { cause, side: Some(side), closing_until, told },
        );
        session_events = session
            .map(|(_, session)| session::call_over(session, command.at, &state.settings().session))
            .unwrap_or_default();
    } else if let (Some((_, session)), Some(party), Some(device)) = (session, party, reporting) {
        session_events = session::device_added(session, party, device);
    }
    if let Some((session, _)) = session {
        for event in session_events {
            decided.push(EntityId::Session(session), Some(id), event);
        }
    }
    decided
}

/// The devices of a call and further ones, each once.
fn told_with(call: &Call, further: &[DeviceId]) -> Vec<DeviceId> {
    let mut told = call.devices();
    for device in further {
        if !told.contains(device) {
            told.push(*device);
        }
    }
    told
}

/// The other side was found: the call has both, and a session is opened unless it is over.
fn joined(state: &State, now: Instant, fresh: Fresh, id: CallId, found: Found) -> Decided {
    let Found { by, side, rule, evidence } = found;
    let call = state.call(id);
    let in_progress = call.is_some_and(|call| call.over.is_none()) && side.stage.over().is_none();
    let session = in_progress.then(|| fresh.id::<SessionId>(1));
    let outcome = if in_progress { Noted::Joined { session } } else { Noted::Over };
    let mut decided = Decided::new(Answer::Noted { call: id, outcome });
    if let JoinedBy::Absorbing { call: absorbed, .. } = by {
        decided.push(EntityId::Call(absorbed), Some(id), Event::Absorbed { into: id });
    }
    let until = now + state.settings().call.longest;
    decided.push(EntityId::Call(id), Some(id), Event::Joined { by, rule, evidence, until, session });
    if let (Some(session), Some(call)) = (session, call) {
        let legs: Vec<OpeningLeg> = [&call.first, &side]
            .into_iter()
            .zip(2..)
            .filter_map(|(side, n)| {
                let (devices, joined) = (side.devices.clone(), reported_by_device(side));
                Some(OpeningLeg { leg: fresh.id::<LegId>(n), party: side.party?, devices, joined })
            })
            .collect();
        decided.push(EntityId::Session(session), Some(id), session::open(id, legs));
    }
    if let (Some(cause), Some(call)) = (side.stage.over(), call)
        && call.over.is_none()
    {
        let told = told_with(call, &side.devices);
        let closing_until = now + state.settings().call.closing;
        decided.push(
            EntityId::Call(id),
            Some(id),
            Event::Ended { cause, side: Some(SideIndex::Second), closing_until, told },
        );
    }
    decided
}

fn reported_by_device(side: &Side) -> bool {
    side.witnesses.iter().any(|witness| matches!(witness.reporter, Reporter::Device(_)))
}

/// Time has passed for a call: a side that waits is decided afresh or let go, a call without an end is given up.
pub fn expire(state: &State, now: Instant, fresh: Fresh, id: CallId) -> Option<Decided> {
    let call = state.call(id).filter(|call| call.over.is_none() && now >= call.until)?;
    if call.second.is_some() {
        return Some(ended_by_time(state, now, id, call, OverCause::GivenUp));
    }
    if let Some(decided) = reconsider(state, now, fresh, id) {
        return Some(decided);
    }
    let waiting = call.waiting.clone().unwrap_or(Waiting::NoPartner);
    let candidates = state.calls_that_name_side(&call.first, now);
    let until = waits_until(state, &candidates, &waiting, call.first.first, now);
    if now < until {
        let mut decided = Decided::new(Answer::Done);
        decided.push(EntityId::Call(id), Some(id), Event::Waits { waiting, until });
        return Some(decided);
    }
    Some(ended_by_time(state, now, id, call, OverCause::NoPartner))
}

fn ended_by_time(state: &State, now: Instant, id: CallId, call: &Call, cause: OverCause) -> Decided {
    let closing_until = now + state.settings().call.closing;
    let mut decided = Decided::new(Answer::Done);
    decided.push(
        EntityId::Call(id),
        Some(id),
        Event::Ended { cause, side: None, closing_until, told: call.devices() },
    );
    if let Some((session, value)) = call.session.and_then(|id| Some((id, state.session(id)?))) {
        for event in session::call_over(value, now, &state.settings().session) {
            decided.push(EntityId::Session(session), Some(id), event);
        }
    }
    decided
}

/// Decides a side that waits afresh, after something changed: `None` if nothing follows. A call that is over can still be
/// found to be another one's other side, so that it stands in nobody's way.
pub fn reconsider(state: &State, now: Instant, fresh: Fresh, id: CallId) -> Option<Decided> {
    let call = state.call(id).filter(|call| call.is_free(now))?;
    let candidates = state.calls_that_name_side(&call.first, now);
    let settings = &state.settings().call;
    match matching::find_other_side(&call.first, Some(id), &candidates, settings) {
        Decision::OtherSide { call: partner, rule, evidence } => {
            // The older one lives on: it has been named to its reporter for longer.
            let (into, absorbed, evidence) = match state.call(partner) {
                Some(younger) if partner > id => {
                    (id, (partner, younger), evidence.into_iter().map(Evidence::swapped).collect())
                }
                _ => (partner, (id, call), evidence),
            };
            let side = absorbed.1.first.clone();
            let by = JoinedBy::Absorbing { call: absorbed.0, side: Box::new(side.clone()) };
            Some(joined(state, now, fresh, into, Found { by, side, rule, evidence }))
        }
        Decision::Wait(waiting) if call.over.is_none() && Some(&waiting) != call.waiting.as_ref() => {
            let until = waits_until(state, &candidates, &waiting, call.first.first, now);
            let mut decided = Decided::new(Answer::Done);
            decided.push(EntityId::Call(id), Some(id), Event::Waits { waiting, until });
            Some(decided)
        }
        Decision::Wait(_) | Decision::SameSide { .. } => None,
    }
}
