//! The writer, with a journal in memory that fails on demand (and once with a real server that is restarted), an archive
//! that follows it, and a clock and leases that the tests move.

mod archive;
mod durability;
mod idempotency;
mod jetstream;
mod leadership;
mod limits;
mod model;
mod people;
mod residency;
mod stage;
