//! The readers, on SQLite and on PostgreSQL: the same suite on both.
//!
//! Commits are made as the writer makes them: commands go through `State::transact`, and what they lead to is sealed and
//! appended to a journal in memory.

mod archive;
mod database;
mod faults;
mod feeds;
mod public;
mod runner;
mod sms;
mod views;
mod world;
