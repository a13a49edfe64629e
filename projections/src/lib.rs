//! What is derived from the journal: the archive, read models, device feeds, public events, and codes by SMS.
//!
//! Owns: the readers, each with its position; the tables that they fill; the answers to what edges and the writer ask of
//! them (`ports::Archive`, `ports::query::Views`, `ports::query::Feeds`).
//! Does not own: the journal, which is handed in; what happened is decided elsewhere, and nothing here can delay it.
//! Invariants: a reader's position and its result move in one transaction; a projection that is built again from the
//! first commit equals the one that ran live, row for row; each statement exists once, for PostgreSQL and SQLite.
//! Time: from the `Clock` port where something is kept for a time; the runtime's clock for waiting.

mod db;

pub mod archive;
pub mod feed;
pub mod public;

pub mod reader;
pub mod sms;

pub mod views;

pub use self::db::{Db, DbError, Engine, OpenError, SCHEMA_VERSION};
