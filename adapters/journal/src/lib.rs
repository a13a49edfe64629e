//! Journals: where a realm's commits are kept, and the one truth that everything else is derived from.
//!
//! Owns: four homes of a journal ([`jetstream`], [`postgres`], [`sqlite`], [`memory`]) behind one trait
//! ([`paravox_domain::ports::Journal`]), the check of every commit that is read, the mark of the data's version, and
//! followers that outlive lost connections.
//! Does not own: when a commit is written and what is in it (the writer), nor who may write (safety comes from the
//! expected position alone).
//! Invariant: a commit that is handed out has its own bytes and follows the one before it. A follower that has seen
//! damage never goes on.
//! Time: the runtime's clock, for limits and rests only.

mod chain;
mod follower;
mod handle;
mod open;
mod store;
mod tail;

pub mod jetstream;
pub mod memory;
pub mod postgres;
pub mod sqlite;

pub use self::jetstream::JetStreamConfig;
pub use self::memory::{Fault, MemoryJournal};
pub use self::open::{DATA_VERSION, JournalConfig, OpenError, open};
pub use self::postgres::PostgresConfig;
pub use self::sqlite::SqliteConfig;
