//! The output of `cargo test`, read for the tests that passed.
//!
//! Owns: the lines of the test runner.
//! Does not own: which file a test stands in; the runner does not say.

use std::collections::BTreeSet;

/// A finished run, as far as its log tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The paths of the tests that passed (`call::tests::s01_…`), each once.
    pub passed: BTreeSet<String>,
    /// The paths of the tests that failed.
    pub failed: BTreeSet<String>,
    /// How many test programs ended with a result line.
    pub programs: usize,
}

impl Run {
    /// Reads a log.
    pub fn parse(log: &str) -> Self {
        let mut run = Self::default();
        for line in log.lines() {
            if line.starts_with("test result: ") {
                run.programs += 1;
                continue;
            }
            let Some((path, result)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
            else {
                continue;
            };
            let path = path.trim_end_matches(" - should panic");
            // A documentation test has a file and a line for a name.
            if path.contains(' ') {
                continue;
            }
            if result == "ok" {
                run.passed.insert(path.to_owned());
            } else if result.starts_with("FAILED") {
                run.failed.insert(path.to_owned());
            }
        }
        run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_and_failed_tests_are_read_and_the_rest_is_not() {
        let run = Run::parse(
            "     Running unittests src/lib.rs (target/debug/deps/paravox_domain-1)\n\
             running 4 tests\n\
             test call::s01_opens ... ok\n\
             test call::s02_invites ... FAILED\n\
             test call::s03_waits ... ignored, needs a switch\n\
             test call::i9_refuses - should panic ... ok\n\
             test domain/src/time.rs - time (line 3) ... ok\n\
             test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured\n",
        );
        assert_eq!(run.passed, BTreeSet::from(["call::i9_refuses".to_owned(), "call::s01_opens".to_owned()]));
        assert_eq!(run.failed, BTreeSet::from(["call::s02_invites".to_owned()]));
        assert_eq!(run.programs, 1);
    }
}
