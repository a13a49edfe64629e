//! `paravox-tidy coverage [--check] LOG`: writes the coverage tables from the log of a test run, or checks them.
//!
//! Owns: the command line.
//! Invariant: with `--check` nothing is written.

use std::process::ExitCode;
use std::{env, fs};

use paravox_tidy::coverage::{Coverage, replaced};
use paravox_tidy::repo::{root, text_files};
use paravox_tidy::rows::rows;
use paravox_tidy::runner::Run;

const USAGE: &str = "usage: paravox-tidy coverage [--check] LOG

  LOG      the output of `cargo test --workspace`
  --check  write nothing; fail if a table is not what this run shows

examples:
  cargo test --workspace > test.log 2>&1; cargo run -p paravox-tidy -- coverage test.log
  cargo run -p paravox-tidy -- coverage target/tests-run/test.log";

/// The check failed.
const DIFFERS: u8 = 4;
/// The command line makes no sense.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (check, log) = match args[..] {
        ["coverage", "--check", log] | ["coverage", log, "--check"] => (true, log),
        ["coverage", log] if !log.starts_with('-') => (false, log),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(MISUSED);
        }
    };
    match coverage(check, log) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DIFFERS),
        Err(error) => {
            eprintln!("paravox-tidy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the documents hold what the run shows (now, or with `check` already before).
fn coverage(check: bool, log: &str) -> Result<bool, Box<dyn std::error::Error>> {
    let log = fs::read_to_string(log).map_err(|error| format!("{log}: {error}"))?;
    let run = Run::parse(&log);
    if run.programs == 0 {
        return Err("the log holds no result of any test program".into());
    }
    let root = root();
    let files = text_files(&root)?;
    let coverage = Coverage::new(rows()?, &run, &files);
    let mut all_current = true;
    for (path, table) in [("README.md", coverage.short()), ("docs/coverage.md", coverage.full())] {
        let file = root.join(path);
        let old = fs::read_to_string(&file).map_err(|error| format!("{path}: {error}"))?;
        let new = replaced(&old, &table).map_err(|error| format!("{path}: {error}"))?;
        if old == new {
            println!("{path}: as this run shows");
        } else if check {
            all_current = false;
            print_difference(path, &old, &new);
        } else {
            fs::write(&file, new).map_err(|error| format!("{path}: {error}"))?;
            println!("{path}: written");
        }
    }
    if !all_current {
        println!("to write the tables: cargo run -p paravox-tidy -- coverage LOG");
    }
    Ok(all_current)
}

fn print_difference(path: &str, old: &str, new: &str) {
    println!("{path}: not what this run shows");
    for line in old.lines().filter(|line| !new.lines().any(|other| other == *line)) {
        println!("  - {line}");
    }
    for line in new.lines().filter(|line| !old.lines().any(|other| other == *line)) {
        println!("  + {line}");
    }
}
