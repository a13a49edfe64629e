//! The rules of the house. Each test is one rule, and lists every place that breaks it.
//!
//! Owns: what the rules share. The rules are in `sources`, `documents` and `crates`.
//! Does not own: what the compiler, clippy and cargo-deny check already.

mod crates;
mod documents;
mod sources;

use paravox_tidy::repo::{TextFile, root, text_files};

fn files() -> Vec<TextFile> {
    text_files(&root()).expect("the repository can be read")
}

#[track_caller]
fn none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}\n", broken.join("\n  "));
}
