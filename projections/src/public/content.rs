//! What of an event is public.
//!
//! Owns: the table of types and their data. An event that is not in it is nobody else's business: claims and codes,
//! credentials, presence.
//! Invariant: ids, roles, stages, states and causes only.

use paravox_domain::call::{self, JoinedBy, Report};
use paravox_domain::event::Event;
use paravox_domain::registration::{DeviceEvent, PartyEvent};
use paravox_domain::session;
use serde_json::{Value, json};

/// The types of public events, without the prefix `org.paravox.`: entity, full stop, what happened.
pub const PUBLIC_TYPES: &[&str] = &[
    "party.identity_added",
    "device.enrolled",
    "device.revoked",
    "call.opened",
    "call.reported",
    "call.waits",
    "call.joined",
    "call.absorbed",
    "call.ended",
    "call.parted",
    "session.opened",
    "session.device_joined",
    "session.leg_lost",
    "session.leg_resumed",
    "session.leg_left",
    "session.kept",
    "session.outlives_call",
    "session.text_sent",
    "session.closed",
];

/// The type and data of an event, if it is public.
pub(super) fn content(event: &Event) -> Option<(&'static str, Value)> {
    match event {
        Event::Registration(_) | Event::Identity(_) | Event::Presence(_) => None,
        Event::Party(PartyEvent::IdentityAdded { .. }) => Some(("party.identity_added", json!({}))),
        Event::Party(PartyEvent::DeviceAdded { .. } | PartyEvent::DeviceRemoved { .. }) => None,
        Event::Device(DeviceEvent::Enrolled { party, kind, .. }) => {
            Some(("device.enrolled", json!({"party": party, "kind": kind})))
        }
        Event::Device(DeviceEvent::CredentialRotated { .. }) => None,
        Event::Device(DeviceEvent::Revoked { cause, .. }) => {
            Some(("device.revoked", json!({"cause": cause})))
        }
        Event::Call(event) => Some(call_content(event)),
        Event::Session(event) => Some(session_content(event)),
    }
}

fn call_content(event: &call::Event) -> (&'static str, Value) {
    match event {
        call::Event::Opened { report, waiting, .. } => {
            let mut data = report_content(report);
            data["waiting"] = json!(waiting);
            ("call.opened", data)
        }
        call::Event::Reported { side, report } => {
            let mut data = report_content(report);
            data["side"] = json!(side);
            ("call.reported", data)
        }
        call::Event::Waits { waiting, .. } => ("call.waits", json!({"waiting": waiting})),
        call::Event::Joined { by, rule, session, .. } => {
            let mut data = match by {
                JoinedBy::Report(report) => report_content(report),
                JoinedBy::Absorbing { call, side } => {
                    json!({"party": side.party, "role": side.role, "stage": side.stage, "absorbed": call})
                }
            };
            data["rule"] = json!(rule);
            data["session"] = json!(session);
            ("call.joined", data)
        }
        call::Event::Absorbed { into } => ("call.absorbed", json!({"into": into})),
        call::Event::Ended { cause, side, .. } => ("call.ended", json!({"cause": cause, "side": side})),
        call::Event::Parted { .. } => ("call.parted", json!({})),
    }
}

fn report_content(report: &Report) -> Value {
    json!({"party": report.party, "role": report.role, "stage": report.stage})
}

fn session_content(event: &session::Event) -> (&'static str, Value) {
    match event {
        session::Event::Opened { call, legs, .. } => {
            let legs: Vec<Value> = legs
                .iter()
                .map(|leg| json!({"leg": leg.leg, "party": leg.party, "joined": leg.joined}))
                .collect();
            ("session.opened", json!({"call": call, "legs": legs}))
        }
        session::Event::DeviceJoined { leg, device, .. } => {
            ("session.device_joined", json!({"leg": leg, "device": device}))
        }
        session::Event::LegLost { leg, .. } => ("session.leg_lost", json!({"leg": leg})),
        session::Event::LegResumed { leg, device, .. } => {
            ("session.leg_resumed", json!({"leg": leg, "device": device}))
        }
        session::Event::LegLeft { leg, cause, .. } => {
            ("session.leg_left", json!({"leg": leg, "cause": cause}))
        }
        session::Event::Kept { leg, keep, .. } => ("session.kept", json!({"leg": leg, "keep": keep})),
        session::Event::OutlivesCall { until, .. } => ("session.outlives_call", json!({"until_us": until})),
        session::Event::TextSent { message, number, leg, .. } => {
            ("session.text_sent", json!({"message": message, "number": number, "leg": leg}))
        }
        session::Event::Closed { cause, .. } => ("session.closed", json!({"cause": cause})),
    }
}
