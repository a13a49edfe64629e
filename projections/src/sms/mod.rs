//! One-time codes by short message.
//!
//! A projection notes each registration that was started in an outbox, in the transaction of its position; a sender works
//! the outbox off. So one that fails holds up no other, tries are counted across restarts, and of several processes one
//! sends.
//!
//! Owns: the table `sms_outbox`, the text, when to try again and when to give up.
//! Does not own: the code (`domain::registration::Codes` derives it; it is stored nowhere), nor the service (`ports::Sms`).
//! Invariants: the key of a message is its registration's id, the same on every try; nothing is sent for a registration
//! that has expired or was proven; a number leaves the outbox when its message is done.
//! Time: from the `Clock` port.

mod outbox;
mod sender;

use std::time::Duration;

use paravox_domain::time::Span;

pub use self::outbox::SmsOutbox;
pub use self::sender::SmsSender;

/// The name of the reader.
pub const READER: &str = "sms";

/// Bounds and times of sending.
#[derive(Clone, Debug)]
pub struct SmsOptions {
    /// How often a message is tried before it is given up.
    pub tries_max: u32,
    /// The pause after the first failure; doubled after each further one.
    pub pause_first: Span,
    /// The longest pause.
    pub pause_longest: Span,
    /// How long the service may take. After that the outcome is unknown, and the message is tried again under its key.
    pub send_within: Duration,
    /// How often the outbox is looked at without a nudge.
    pub look_every: Duration,
    /// The most messages on their way at a time.
    pub at_once: usize,
}

impl Default for SmsOptions {
    fn default() -> Self {
        Self {
            tries_max: 6,
            pause_first: Span::seconds(2),
            pause_longest: Span::seconds(60),
            send_within: Duration::from_secs(10),
            look_every: Duration::from_secs(1),
            at_once: 16,
        }
    }
}
