//! One contract for all journals, run against each of them: with a real nats-server (one, and three replicas) and a real
//! PostgreSQL.
//!
//! Owns: what a journal must do ([`suite`]), and how each of them is started, cut off and damaged (the fixtures).
//! Does not own: servers (`paravox_harness`).

mod commits;
mod fixture;
mod suite;

mod cluster;
mod jetstream;
mod memory;
mod postgres;
mod sqlite;
