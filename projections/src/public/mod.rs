//! Public events: what other systems may hear of, as CloudEvents 1.0.
//!
//! Owns: which events are public and what of them (`content`), their form (`cloud_event`), and the reader that publishes
//! them, with a position of its own.
//! Does not own: the bus (`ports::query::PublicBus`).
//! Invariants: a public event holds ids and states only: no number, name or text; what was published twice has the same id;
//! the position moves after the bus has acknowledged.
//! Time: the runtime's clock, for pauses.

mod cloud_event;
mod content;
mod publisher;

pub use self::cloud_event::{PublicEvent, public_events};
pub use self::content::PUBLIC_TYPES;
pub use self::publisher::{PublicOptions, Publisher};

/// The name of the reader.
pub const READER: &str = "public";
