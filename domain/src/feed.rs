//! Feeds: what a device is told, as a pure function of events.
//!
//! Each event names the devices that are told of it. A feed item is that event as this device may see it; items are
//! numbered 1, 2, 3 … for each device in the order of the journal, so that every reader gives an item the same number.
//!
//! Owns: which events become items, and what a device sees of them.
//! Does not own: the numbers (a reader counts), nor their delivery.
//! Invariant: an item holds nothing of the other side but ids and what that side sent (L3; what is withheld stays hidden).

use serde::{Deserialize, Serialize};

use crate::call::{Event as CallEvent, OverCause};
use crate::commit::Recorded;
use crate::entity::EntityId;
use crate::event::Event;
use crate::id::{CallId, DeviceId, LegId, MessageId, SessionId};
use crate::registration::{DeviceEvent, RevocationCause};
use crate::session::{CloseCause, Event as SessionEvent, LeaveCause};
use crate::time::Instant;

/// What a device is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Item {
    /// A call of this device is over.
    #[serde(rename = "call.ended")]
    CallEnded {
        /// The call.
        call: CallId,
        /// Why.
        cause: OverCause,
    },
    /// A session was opened.
    #[serde(rename = "session.opened")]
    SessionOpened {
        /// The session.
        session: SessionId,
        /// The call beside which it stands.
        call: CallId,
        /// This device's own leg.
        leg: LegId,
        /// All legs.
        legs: Vec<ItemLeg>,
    },
    /// A leg's state changed.
    #[serde(rename = "session.leg_changed")]
    LegChanged {
        /// The session.
        session: SessionId,
        /// The leg.
        leg: LegId,
        /// Its state.
        state: ItemLegState,
    },
    /// A leg chose whether the session outlives the call.
    #[serde(rename = "session.kept")]
    SessionKept {
        /// The session.
        session: SessionId,
        /// The leg.
        leg: LegId,
        /// Its choice.
        keep: bool,
    },
    /// The call ended, and the session goes on.
    #[serde(rename = "session.outlives_call")]
    SessionOutlivesCall {
        /// The session.
        session: SessionId,
        /// Until when, at the longest, in microseconds since the epoch.
        until_us: Instant,
    },
    /// A session is closed.
    #[serde(rename = "session.closed")]
    SessionClosed {
        /// The session.
        session: SessionId,
        /// Why.
        cause: CloseCause,
    },
    /// A text message.
    #[serde(rename = "message.text")]
    Text {
        /// The session.
        session: SessionId,
        /// The message.
        message: MessageId,
        /// Its number in the session.
        number: u64,
        /// The leg that sent it.
        leg: LegId,
        /// The text.
        text: String,
    },
    /// This device was put out: its credentials are no longer good.
    #[serde(rename = "device.revoked")]
    DeviceRevoked {
        /// Why.
        cause: RevocationCause,
    },
}

/// A leg as a device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemLeg {
    /// The leg.
    pub leg: LegId,
    /// Its state.
    pub state: ItemLegState,
}

/// The state of a leg as a device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemLegState {
    /// A device may join; none has.
    Invited,
    /// Taking part.
    Joined,
    /// Its connection is lost.
    Lost,
    /// It left, of its own will or because it was lost for too long.
    Left,
}

/// The items of an event, one for each device that is told.
pub fn items(recorded: &Recorded) -> Vec<(DeviceId, Item)> {
    let told = recorded.event.told();
    told.iter().filter_map(|device| Some((*device, item(recorded, *device)?))).collect()
}

/// What one device sees of an event.
fn item(recorded: &Recorded, device: DeviceId) -> Option<Item> {
    match (recorded.entity, &recorded.event) {
        (EntityId::Call(call), Event::Call(event)) => match event {
            CallEvent::Ended { cause, .. } => Some(Item::CallEnded { call, cause: *cause }),
            CallEvent::Parted { .. } => Some(Item::CallEnded { call, cause: OverCause::Contradicted }),
            _ => None,
        },
        (EntityId::Session(session), Event::Session(event)) => session_item(session, event, device),
        (EntityId::Device(_), Event::Device(DeviceEvent::Revoked { cause, .. })) => {
            Some(Item::DeviceRevoked { cause: *cause })
        }
        _ => None,
    }
}

fn session_item(session: SessionId, event: &SessionEvent, device: DeviceId) -> Option<Item> {
    let changed = |leg, state| Some(Item::LegChanged { session, leg, state });
    match event {
        SessionEvent::Opened { call, legs, .. } => {
            let leg = legs.iter().find(|leg| leg.devices.contains(&device))?.leg;
            let legs = legs
                .iter()
                .map(|leg| ItemLeg {
                    leg: leg.leg,
                    state: if leg.joined { ItemLegState::Joined } else { ItemLegState::Invited },
                })
                .collect();
            Some(Item::SessionOpened { session, call: *call, leg, legs })
        }
        SessionEvent::DeviceJoined { leg, .. } | SessionEvent::LegResumed { leg, .. } => {
            changed(*leg, ItemLegState::Joined)
        }
        SessionEvent::LegLost { leg, .. } => changed(*leg, ItemLegState::Lost),
        SessionEvent::LegLeft { leg, cause: LeaveCause::Asked | LeaveCause::Lost, .. } => {
            changed(*leg, ItemLegState::Left)
        }
        SessionEvent::Kept { leg, keep, .. } => Some(Item::SessionKept { session, leg: *leg, keep: *keep }),
        SessionEvent::OutlivesCall { until, .. } => {
            Some(Item::SessionOutlivesCall { session, until_us: *until })
        }
        SessionEvent::TextSent { message, number, leg, text, .. } => {
            Some(Item::Text { session, message: *message, number: *number, leg: *leg, text: text.clone() })
        }
        SessionEvent::Closed { cause, .. } => Some(Item::SessionClosed { session, cause: *cause }),
    }
}
