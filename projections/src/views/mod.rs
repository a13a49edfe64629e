//! Read models of calls, sessions, messages, devices and parties.
//!
//! Owns: the tables `view_…`: writing them (`projection` and one module for each kind), and the answers to
//! `ports::query::Views` (`reader` and one module for each kind).
//! Does not own: what is allowed; but each question names the party that asks, and finds nothing that is not its own.
//! Invariant: a row is a function of the events of its entity; how commits were batched makes no difference.

mod call_rows;
mod calls;
mod people;
mod projection;
mod queries;
mod reader;
mod session_rows;
mod sessions;

pub use self::projection::ViewsProjection;
pub use self::reader::ViewsReader;

/// The name of the reader.
pub const READER: &str = "views";
