//! Acceptance: the whole program through its public interfaces, with real servers.
//!
//! One file for each thing that is shown; each test runs on the embedded server and on NATS with PostgreSQL, unless what
//! it shows exists on one of them only. Tests are named after the row of the specification that they show.

mod a_access;
mod c1_cluster;
mod c2_program;
mod i1_crash;
mod l1_privacy;
mod s01_match;
mod s10_registration;
mod s12_life;
mod s15_messages;
mod stage;
