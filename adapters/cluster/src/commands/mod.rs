//! Commands over request-reply, from an edge on any node to the node whose writer leads.
//!
//! Owns: the subject, the form (JSON of the stored twins), the limits at both ends.
//! Does not own: whether a command may be repeated; an outcome that is not known is said to be so.
//! Invariant: only the node whose writer leads subscribes, so that nobody else answers.

mod client;
mod server;

pub use self::client::NatsCommands;
pub use self::server::{CommandServer, ServeLimits, serve_commands};

use paravox_domain::ports::Refused;
use paravox_domain::time::Span;

/// Nobody answers at the moment, or nobody answered in time.
const NO_WRITER: Refused = Refused::NoWriter { retry_after: Span::millis(500) };
