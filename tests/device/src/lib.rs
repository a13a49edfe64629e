//! Scripted devices: phones that use the public interfaces as real ones do.
//!
//! Owns: a phone's side of HTTP and WebSocket: registering, reporting calls, its feed with the cursor that it keeps,
//! messages. It knows nothing of the server but its documented interfaces.
//! Does not own: what it is used to show.
//! Invariant: a phone never hides what it saw: every item that came, in order, with its number.

mod error;
mod feed;
mod phone;

pub use self::error::Error;
pub use self::feed::{Feed, Item};
pub use self::phone::{Answer, Phone, Report, Server};
