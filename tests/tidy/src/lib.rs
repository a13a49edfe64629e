//! What the house looks like, read from its files: sources, manifests, documents, and the log of a test run.
//!
//! Owns: reading facts; the rows of `rows.toml`; the coverage tables, generated from the tests that passed.
//! Does not own: the rules; those are the tests of this crate (`tests/house.rs`), so that `cargo test` applies them.
//! Time: none is read here.

pub mod coverage;
pub mod manifest;
pub mod markdown;
pub mod repo;
pub mod rows;
pub mod runner;
pub mod rust_source;
