//! The program `paravox`: one program, many roles.
//!
//! Owns: the command line, configuration, and the choice of adapters: which journal, which database, which edges make up
//! a node.
//! Does not own: anything that they do; this crate only puts them together.

pub mod bench;
pub mod cli;
pub mod commands;
pub mod config;
pub mod demo;
pub mod exit;
pub mod explain;
pub mod keys;
pub mod node;
pub mod output;
pub mod telemetry;
