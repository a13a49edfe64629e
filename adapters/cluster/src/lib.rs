//! What the nodes of a cluster share over NATS: the writer's lease, commands, feed nudges, public events.
//!
//! Owns: the connection's options, the subjects, the forms of what crosses them.
//! Does not own: the journal (`paravox-journal`), what a command leads to, what a feed holds.
//! Invariants: nothing here is needed for safety: a lost lease, command, nudge or event is found out and repaired by
//! positions, numbers and ids. No subject holds a number or a name of a person.
//! Time: the runtime's clock, for limits and rests; no time of day.

mod commands;
mod connect;
mod feed;
mod lease;
mod public;
mod subjects;

pub use self::commands::{CommandServer, NatsCommands, ServeLimits, serve_commands};
pub use self::connect::{ConnectConfig, ConnectError, connect};
pub use self::feed::{FeedListener, NatsFeedSink, listen_to_feeds};
pub use self::lease::{LeaseError, NatsLease};
pub use self::public::{NatsPublicBus, PublicBusConfig, PublicBusError};
pub use self::subjects::{command_subject, events_stream, events_subjects, feed_subject, lease_bucket};
