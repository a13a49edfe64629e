//! Decisions about sessions: who may do what, and what follows.
//!
//! Every function is pure: the session, the actor's party and the instant come in; events or a rejection go out.

use super::{CloseCause, Event, LeaveCause, Leg, LegState, OpeningLeg, Session};
use crate::answer::{Answer, Rejection};
use crate::id::{CallId, DeviceId, LegId, MessageId, PartyId, SessionId};
use crate::settings::SessionSettings;
use crate::time::Instant;

/// A decision: the events, and the answer.
type Decided = (Vec<Event>, Answer);

/// Opens a session beside a call whose two sides were found.
pub fn open(call: CallId, legs: Vec<OpeningLeg>) -> Event {
    let told = legs.iter().flat_map(|leg| leg.devices.iter().copied()).collect();
    Event::Opened { call, legs, told }
}

/// The leg of a party that may act in the session. A party without a leg learns nothing, not even that the session
/// exists (abuse case A1).
fn acting(id: SessionId, session: Option<&Session>, party: PartyId) -> Result<(&Session, &Leg), Rejection> {
    let session = session.ok_or(Rejection::SessionUnknown { session: id })?;
    let leg = session.leg_of(party).ok_or(Rejection::SessionUnknown { session: id })?;
    if session.closed.is_some() {
        Err(Rejection::SessionClosed { session: id })
    } else if leg.is_in() {
        Ok((session, leg))
    } else {
        Err(Rejection::LegLeft { session: id })
    }
}

/// A text message (S15).
pub fn send_text(
    id: SessionId,
    session: Option<&Session>,
    (party, device): (PartyId, DeviceId),
    message: MessageId,
    text: &str,
    settings: &SessionSettings,
) -> Result<Decided, Rejection> {
    let (session, leg) = acting(id, session, party)?;
    if leg.state == LegState::Invited {
        return Err(Rejection::LegNotJoined { session: id });
    }
    if text.is_empty() || text.len() > settings.text_bytes_max {
        return Err(Rejection::TextSize { bytes: text.len(), bytes_max: settings.text_bytes_max });
    }
    if session.messages >= settings.messages_max {
        return Err(Rejection::MessagesFull { max: settings.messages_max });
    }
    let number = session.messages + 1;
    let event =
        Event::TextSent { message, number, leg: leg.id, device, text: text.to_owned(), told: session.told() };
    Ok((vec![event], Answer::MessageSent { message, number }))
}

/// A device takes its place in a leg.
pub fn join(
    id: SessionId,
    session: Option<&Session>,
    party: PartyId,
    device: DeviceId,
) -> Result<Decided, Rejection> {
    let (session, leg) = acting(id, session, party)?;
    Ok((device_joined(session, leg, device), Answer::Done))
}

/// A further device of a party reported the call: it takes part.
pub fn device_added(session: &Session, party: PartyId, device: DeviceId) -> Vec<Event> {
    match session.leg_of(party) {
        Some(leg) if session.closed.is_none() && leg.is_in() => device_joined(session, leg, device),
        _ => Vec::new(),
    }
}

fn device_joined(session: &Session, leg: &Leg, device: DeviceId) -> Vec<Event> {
    if leg.state == LegState::Joined && leg.devices.contains(&device) {
        return Vec::new();
    }
    let mut told = session.told();
    if !told.contains(&device) {
        told.push(device);
    }
    vec![Event::DeviceJoined { leg: leg.id, device, told }]
}

/// A leg chooses whether the session outlives the call (S12).
pub fn keep(
    id: SessionId,
    session: Option<&Session>,
    party: PartyId,
    keep: bool,
) -> Result<Decided, Rejection> {
    let (session, leg) = acting(id, session, party)?;
    if leg.keeps == keep {
        return Ok((Vec::new(), Answer::Done));
    }
    let mut events = vec![Event::Kept { leg: leg.id, keep, told: session.told() }];
    let anybody_else = session.legs.iter().any(|other| other.id != leg.id && other.is_in() && other.keeps);
    if !keep && !anybody_else && session.outlives_since.is_some() {
        events.push(Event::Closed { cause: CloseCause::CallEnded, told: session.told() });
    }
    Ok((events, Answer::Done))
}

/// A leg leaves. What is left of the session without it closes when fewer than two legs remain.
pub fn leave(id: SessionId, session: Option<&Session>, party: PartyId) -> Result<Decided, Rejection> {
    match acting(id, session, party) {
        Ok((session, leg)) => Ok((left(session, leg.id, LeaveCause::Asked), Answer::Done)),
        // A repeat changes nothing.
        Err(Rejection::LegLeft { .. }) => Ok((Vec::new(), Answer::Done)),
        Err(rejection) => Err(rejection),
    }
}

fn left(session: &Session, leaver: LegId, cause: LeaveCause) -> Vec<Event> {
    let mut events = vec![Event::LegLeft { leg: leaver, cause, told: session.told() }];
    let remaining: Vec<&Leg> = session.legs.iter().filter(|leg| leg.is_in() && leg.id != leaver).collect();
    if remaining.len() < 2 {
        let told = remaining.iter().flat_map(|leg| leg.devices.iter().copied()).collect();
        events.push(Event::Closed { cause: CloseCause::LegsLeft, told });
    }
    events
}

/// The call is over: the session closes, or outlives it because a leg chose so.
pub fn call_over(session: &Session, now: Instant, settings: &SessionSettings) -> Vec<Event> {
    if session.closed.is_some() || session.outlives_since.is_some() {
        return Vec::new();
    }
    let told = session.told();
    if session.legs.iter().any(|leg| leg.is_in() && leg.keeps) {
        vec![Event::OutlivesCall { until: now + settings.outlives_longest, told }]
    } else {
        vec![Event::Closed { cause: CloseCause::CallEnded, told }]
    }
}

/// The join was wrong: the session closes at once, whatever was chosen.
pub fn contradicted(session: &Session) -> Vec<Event> {
    if session.closed.is_some() {
        return Vec::new();
    }
    vec![Event::Closed { cause: CloseCause::Contradicted, told: session.told() }]
}

/// A device lost its connection: its leg is lost, unless another device of the leg is connected.
pub fn device_lost(
    session: &Session,
    device: DeviceId,
    connected: impl Fn(DeviceId) -> bool,
    now: Instant,
    settings: &SessionSettings,
) -> Vec<Event> {
    let leg = session.legs.iter().find(|leg| leg.state == LegState::Joined && leg.devices.contains(&device));
    match leg {
        Some(leg)
            if session.closed.is_none()
                && !leg.devices.iter().any(|own| *own != device && connected(*own)) =>
        {
            let until = now + settings.resume_grace;
            vec![Event::LegLost { leg: leg.id, device, until, told: session.told() }]
        }
        _ => Vec::new(),
    }
}

/// A device is connected again: its leg resumes.
pub fn device_back(session: &Session, device: DeviceId) -> Vec<Event> {
    let leg = session
        .legs
        .iter()
        .find(|leg| matches!(leg.state, LegState::Lost { .. }) && leg.devices.contains(&device));
    match leg {
        Some(leg) if session.closed.is_none() => {
            vec![Event::LegResumed { leg: leg.id, device, told: session.told() }]
        }
        _ => Vec::new(),
    }
}

/// Time has passed: lost legs whose grace is over leave, an outliving session closes.
pub fn expire(session: &Session, now: Instant) -> Vec<Event> {
    if session.closed.is_some() {
        return Vec::new();
    }
    if now >= session.until {
        return vec![Event::Closed { cause: CloseCause::OutlivedLongest, told: session.told() }];
    }
    let overdue =
        session.legs.iter().find(|leg| matches!(leg.state, LegState::Lost { until } if now >= until));
    overdue.map(|leg| left(session, leg.id, LeaveCause::Lost)).unwrap_or_default()
}
