//! The rules about sources: headers, sizes, names, leftovers, purity.
//!
//! Owns: what a line of a file may say.
//! Does not own: what the compiler and clippy check already.

use paravox_tidy::repo::TextFile;
use paravox_tidy::rows::{named_by, rows};
use paravox_tidy::rust_source::{code_of, has_header, names, test_names};

use crate::{files, none};

/// A file of more lines is to be split.
const LINES_MAX: usize = 700;
/// A file of more lines is shown, to be looked at again.
const LINES_NOTED: usize = 500;

fn sources() -> Vec<TextFile> {
    files().into_iter().filter(|file| file.ending() == "rs").collect()
}

#[test]
fn every_source_file_begins_with_a_module_header() {
    let broken: Vec<_> =
        sources().into_iter().filter(|file| !has_header(&file.text)).map(|file| file.path).collect();
    none(
        "begin the file with `//!`: what it owns, what it does not own, its invariant, where time comes from",
        &broken,
    );
}

#[test]
fn no_source_file_is_longer_than_700_lines() {
    let mut broken = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            broken.push(format!("{}: {lines} lines", file.path));
        } else if lines > LINES_NOTED {
            println!("look again: {} has {lines} lines", file.path);
        }
    }
    none("split the file", &broken);
}

#[test]
fn every_row_that_a_test_names_exists() {
    let known = rows().expect("rows.toml is well formed");
    let mut broken = Vec::new();
    for file in sources() {
        for test in test_names(&file.text) {
            for id in named_by(test) {
                let required = id.starts_with('S') || id.starts_with('C');
                if required && !known.iter().any(|row| row.id == id) {
                    broken.push(format!("{}: {test} names {id}", file.path));
                }
            }
        }
    }
    none("there is no such row in tests/tidy/rows.toml", &broken);
}

#[test]
fn nothing_is_left_over() {
    // Put together here, so that this file does not find itself.
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X"].concat(),
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
        ["dbg", "!("].concat(),
        ["for ", "now"].concat(),
        ["not yet ", "implemented"].concat(),
    ];
    let mut broken = Vec::new();
    for file in files() {
        for (number, line) in file.lines() {
            let quiet = line.to_lowercase();
            for word in &words {
                let shouted = word.chars().all(char::is_uppercase);
                let found = names(if shouted { line } else { &quiet }, word);
                if found {
                    broken.push(format!("{}:{number}: `{word}`", file.path));
                }
            }
        }
    }
    none("finish it, or leave it out", &broken);
}

#[test]
fn nothing_names_a_machine_or_a_registry() {
    let words = [
        ["/ro", "ot/"].concat(),
        ["/ho", "me/"].concat(),
        ["/wo", "rk/"].concat(),
        ["/Us", "ers/"].concat(),
        ["crates", ".io"].concat(),
        ["pypi", ".org"].concat(),
        ["npmjs", ".com"].concat(),
        ["npmjs", ".org"].concat(),
    ];
    let mut broken = Vec::new();
    for file in files() {
        for (number, line) in file.lines() {
            // A path of a machine begins where no other path goes on.
            let is_named = |word: &String| {
                line.match_indices(word.as_str()).any(|(at, _)| {
                    !word.starts_with('/')
                        || !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}".contains(c))
                })
            };
            broken.extend(
                words
                    .iter()
                    .filter(|word| is_named(word))
                    .map(|word| format!("{}:{number}: `{word}`", file.path)),
            );
        }
    }
    none("say it without the machine's or the registry's name", &broken);
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let allow = [["#[al", "low("].concat(), ["#![al", "low("].concat()];
    let expect = [["#[exp", "ect("].concat(), ["#![exp", "ect("].concat()];
    let mut broken = Vec::new();
    for file in sources() {
        let lines: Vec<_> = file.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = code_of(line).trim_start();
            if allow.iter().any(|attribute| code.starts_with(attribute.as_str())) {
                broken.push(format!("{}:{}: use `expect`", file.path, index + 1));
            }
            if expect.iter().any(|attribute| code.starts_with(attribute.as_str())) {
                let attribute: String =
                    lines[index..].iter().take(8).scan(false, until_closed).collect::<Vec<_>>().join(" ");
                if !attribute.contains("reason = ") {
                    broken.push(format!("{}:{}: no reason", file.path, index + 1));
                }
            }
        }
    }
    none("an exception says why, and says when it is no longer needed", &broken);
}

/// Hands out lines up to the one that closes an attribute.
fn until_closed<'a>(closed: &mut bool, line: &&'a str) -> Option<&'a str> {
    if *closed {
        return None;
    }
    *closed = line.trim_end().ends_with(")]");
    Some(line)
}

#[test]
fn i3_the_domain_names_nothing_impure() {
    let words = [
        "tokio",
        "async_std",
        "futures",
        "futures_util",
        "sqlx",
        "async_nats",
        "axum",
        "hyper",
        "reqwest",
        "rand",
        "getrandom",
        "uuid",
        "jiff",
        "chrono",
        "tracing",
        "SystemTime",
        "RandomState",
        "OsRng",
        "static mut",
        "thread_local",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "async fn",
        "async move",
    ];
    let mut broken = Vec::new();
    for file in sources().iter().filter(|file| file.path.starts_with("domain/src/")) {
        for (number, line) in file.lines() {
            // What follows is tests, which may read files; clippy still guards them.
            if line.trim() == "#[cfg(test)]" {
                break;
            }
            let code = code_of(line);
            broken.extend(
                words
                    .iter()
                    .filter(|word| names(code, word))
                    .map(|word| format!("{}:{number}: `{word}`", file.path)),
            );
        }
    }
    none("the domain knows no clock, randomness, runtime, file or network", &broken);
}
