//! Short messages: the ways in which a one-time code reaches a person.
//!
//! Owns: three ways behind one trait ([`paravox_domain::ports::Sms`]): shown on the terminal, handed to a web service,
//! collected in memory.
//! Does not own: when a message is sent and how often it is tried again (a reactor), nor its text.
//! Invariant: no number and no code stands in an error or a log line (L1).
//! Time: the runtime's clock, for limits only.

mod collecting;
mod terminal;
mod webhook;

pub use self::collecting::{Collected, CollectingSms};
pub use self::terminal::TerminalSms;
pub use self::webhook::{WebhookConfig, WebhookError, WebhookSms};
