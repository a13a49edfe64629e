//! The domain of Paravox: what happens beside a telephone call, as pure functions over events.
//!
//! While two people talk on the telephone, each side's devices and networks report the call. The domain finds the reports
//! that belong to one call, opens a data session beside it, and carries what the two send each other.
//!
//! Owns: identities, registration, calls and their matching, sessions; commands, events and the state derived from them;
//! the commit's format and its chain; the traits of what the outside must offer.
//! Does not own: clocks, randomness, sockets, databases, the bus. Time and ids come in with the command.
//! Invariant: the same journal gives the same state, on every machine and in every later version.

pub mod answer;
pub mod call;
pub mod command;
pub mod commit;
pub mod digest;
pub mod entity;
pub mod event;
pub mod feed;
pub mod id;
pub mod identity;
pub mod matching;
pub mod ports;
pub mod registration;
pub mod session;
pub mod settings;
pub mod state;
pub mod stored;
pub mod time;
