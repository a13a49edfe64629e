//! Credentials: what the edge gives out, and how it knows it again.
//!
//! Owns: access tokens (signed, minutes), refresh tokens and tickets (derived, stored nowhere), service keys (digests).
//! Does not own: whether a device may still act (the writer, and the read model of devices), nor where keys come from.
//! Invariants: nothing secret is stored; whatever is presented is either exactly what was given out, or refused; no secret
//! has a `Debug` form. Several keys are good at a time, the first one makes what is new, so that keys can be replaced
//! without a pause.
//! Time: instants come in with each call.

mod access;
mod jws;
mod refresh;
mod ring;
mod services;
mod ticket;

pub use self::access::{Access, AccessError};
pub use self::refresh::RefreshError;
pub(crate) use self::ring::PublicKey;
pub use self::ring::{CredentialKey, Credentials, CredentialsError};
pub(crate) use self::services::{KEY_PREFIX as SERVICE_KEY_PREFIX, Service};
pub use self::services::{Services, ServicesError};
pub use self::ticket::{Ticket, TicketError};

/// Compares without telling by its time where the difference is.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    blake3::Hash::from_bytes(*a) == blake3::Hash::from_bytes(*b)
}
