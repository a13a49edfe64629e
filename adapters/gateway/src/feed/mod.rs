//! Feeds: what a device is told, over whichever transport it chose.
//!
//! Owns: connections of devices, their cursors while they last, the three transports, the ends of a connection.
//! Does not own: items and their numbers (`ports::query::Feeds`), nor what has been read (the device holds its cursor).
//! Invariants: an item is sent in its place, once on each connection, and a hole is told; a connection does not outlive its
//! token, its device's revocation, or the next connection of the same device; a device that does not read holds up nobody.
//! Time: the `Clock` port for time stamps, the runtime's clock for limits.

mod events;
mod frames;
mod opening;
mod poll;
mod presence;
mod reader;
mod socket;
mod source;

use std::borrow::Cow;

pub(crate) use self::events::events;
pub(crate) use self::opening::{After, open};
pub(crate) use self::poll::{PollBody, poll};
pub(crate) use self::presence::{Presences, redeem};
pub(crate) use self::socket::socket;
pub(crate) use self::source::{Ends, Source};

/// The subprotocol of the WebSocket.
pub(crate) const PROTOCOL: &str = "paravox.v1";

/// What stands in front of a ticket among the subprotocols.
pub(crate) const TICKET_PROTOCOL: &str = "paravox.ticket.";

/// Why a feed ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// The device sent what is no frame.
    BadFrame,
    /// The token has expired, or the device was put out.
    Credential,
    /// The device does not read, or is silent.
    TooSlow,
    /// The device has another connection.
    Replaced,
    /// What follows the cursor is no longer kept.
    CursorTooOld,
    /// The device sends too many frames.
    TooMany,
    /// The server failed.
    Ours,
    /// The server stops.
    GoingAway,
    /// The device closed.
    Gone,
}

impl Close {
    /// The close code.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::BadFrame => 4400,
            Self::Credential => 4401,
            Self::TooSlow => 4408,
            Self::Replaced => 4409,
            Self::CursorTooOld => 4410,
            Self::TooMany => 4429,
            Self::Ours => 4500,
            Self::GoingAway => 1001,
            Self::Gone => 1000,
        }
    }

    /// What is told beside the code.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::BadFrame => "this is no frame of paravox.v1",
            Self::Credential => "the credential is not good any more: get another one, and come back",
            Self::TooSlow => "too slow: come back with the last number that you have",
            Self::Replaced => "replaced by another connection of this device",
            Self::CursorTooOld => "what follows is no longer kept: come back for a snapshot",
            Self::TooMany => "too many frames",
            Self::Ours => "the server failed: come back with the last number that you have",
            Self::GoingAway => "the server stops: come back with the last number that you have",
            Self::Gone => "bye",
        }
    }

    /// The code as a label.
    pub(crate) fn label(self) -> Cow<'static, str> {
        self.code().to_string().into()
    }
}

/// Counts a connected device while it lives.
pub(crate) struct Counted {
    transport: &'static str,
}

impl Counted {
    pub(crate) fn new(transport: &'static str) -> Self {
        metrics::gauge!("paravox_feed_clients", "transport" => transport).increment(1.0);
        Self { transport }
    }

    /// Notes why it ends.
    pub(crate) fn ended(&self, close: Close) {
        metrics::counter!("paravox_feed_closed_total", "transport" => self.transport, "code" => close.label())
            .increment(1);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("paravox_feed_clients", "transport" => self.transport).decrement(1.0);
    }
}
