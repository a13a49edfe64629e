//! The form of a public event: CloudEvents 1.0, JSON.
//!
//! Owns: ids, subjects and attributes.
//! Invariant: all of it is a function of the commit, so that publishing again publishes the same.

use paravox_domain::commit::{Commit, Recorded};
use paravox_domain::entity::EntityId;
use paravox_domain::id::{EventId, Id as _};
use paravox_domain::time::Instant;
use serde_json::{Value, json};

use super::content::content;

/// A public event, ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicEvent {
    /// Where it goes on the bus: `paravox.<realm>.events.<entity>.<what>`.
    pub subject: String,
    /// Its id: the same whenever it is published.
    pub id: String,
    /// The event as JSON.
    pub body: String,
}

/// The public events of a commit, in order.
pub fn public_events(commit: &Commit) -> Vec<PublicEvent> {
    let of = |(index, recorded)| public_event(commit, index, recorded);
    (0_u32..).zip(&commit.events).filter_map(of).collect()
}

fn public_event(commit: &Commit, index: u32, recorded: &Recorded) -> Option<PublicEvent> {
    let (kind, data) = content(&recorded.event)?;
    let header = &commit.header;
    let id = EventId::from_bits((u128::from(header.position.0) << 32) | u128::from(index)).to_string();
    let mut event = json!({
        "specversion": "1.0",
        "id": id,
        "source": header.realm,
        "type": format!("org.paravox.{kind}"),
        "subject": subject(recorded.entity),
        "time": time(recorded.at),
        "datacontenttype": "application/json",
        // Of fixed width, so that the order of the texts is that of the events.
        "sequence": format!("{:020}-{index:05}", header.position.0),
        "data": data,
    });
    if let Some(call) = recorded.correlation {
        event["correlationid"] = json!(call);
    }
    let cause = recorded.cause.and_then(|cause| commit.settles.get(cause as usize));
    if let Some(settled) = cause {
        event["causationid"] = json!(settled.command);
    }
    let subject = format!("paravox.{}.events.{kind}", header.realm);
    Some(PublicEvent { subject, id, body: event.to_string() })
}

/// The id of the entity.
fn subject(entity: EntityId) -> Value {
    match entity {
        EntityId::Registration(id) => json!(id),
        EntityId::Identity(key) => json!(key),
        EntityId::Party(id) => json!(id),
        EntityId::Device(id) | EntityId::Presence(id) => json!(id),
        EntityId::Call(id) => json!(id),
        EntityId::Session(id) => json!(id),
    }
}

/// RFC 3339, UTC, microseconds.
fn time(at: Instant) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or(if at.0 < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    });
    format!("{at:.6}")
}
