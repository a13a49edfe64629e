//! The coverage tables: row, what it asks for, the tests that passed and show it.
//!
//! Owns: which test shows which row, the two tables (a short one for README.md, all of it for docs/coverage.md), and
//! the place between two markers where a document holds its table.
//! Does not own: the rows (`rows`), the log (`runner`).
//! Invariant: the same rows, tests and files give the same text, so that a check is a comparison.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::repo::TextFile;
use crate::rows::{Kind, Row, naming_part};
use crate::runner::Run;
use crate::rust_source::{names, test_names};

/// Begins the generated part of a document.
pub const BEGIN: &str =
    "<!-- coverage: begin; written by `cargo run -p paravox-tidy -- coverage`, not by hand -->";
/// Ends the generated part of a document.
pub const END: &str = "<!-- coverage: end -->";

/// How many tests of a row the short table names.
const SHORT_TESTS_MAX: usize = 3;

/// A test that shows a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// Tests through public interfaces first, those of the pure domain last.
    rank: u8,
    /// The function's name.
    pub name: String,
    /// The file it stands in, from the root.
    pub file: String,
}

/// Rows with the tests that show them; rows without one have an empty list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    rows: Vec<(Row, Vec<Shown>)>,
}

/// A document without its two markers, each on a line of its own and in order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no coverage markers: a line `{BEGIN}`, and after it a line `{END}`")]
pub struct NoMarkers;

impl Coverage {
    /// Tells which of the tests that passed show which row, and where they stand.
    pub fn new(rows: Vec<Row>, run: &Run, files: &[TextFile]) -> Self {
        let sources: Vec<_> = files.iter().filter(|file| file.ending() == "rs").collect();
        let mut shown: BTreeMap<String, Vec<Shown>> = BTreeMap::new();
        let tests_of: Vec<_> = sources.iter().map(|file| test_names(&file.text)).collect();
        let is_file = |part: &str| sources.iter().any(|file| stem(&file.path) == part);
        for path in &run.passed {
            let Some((name, rows_named)) = naming_part(path, is_file) else { continue };
            let file = file_of(path, name, &sources, &tests_of);
            for row in rows_named {
                let test = Shown { rank: rank(&file), name: name.to_owned(), file: file.clone() };
                shown.entry(row).or_default().push(test);
            }
        }
        let rows = rows
            .into_iter()
            .map(|row| {
                let mut tests = shown.remove(&row.id).unwrap_or_default();
                tests.sort();
                tests.dedup();
                (row, tests)
            })
            .collect();
        Self { rows }
    }

    /// The short table of requirements, with a link to the rest. `to_root` leads from the document to the root.
    pub fn short(&self) -> String {
        let mut text = String::from("| row | what | tests that show it |\n| --- | --- | --- |\n");
        for (row, tests) in self.covered(Kind::Requirement) {
            let mut cell: Vec<_> = tests
                .iter()
                .take(SHORT_TESTS_MAX)
                .map(|test| format!("[`{}`]({})", test.name, test.file))
                .collect();
            if tests.len() > SHORT_TESTS_MAX {
                let id = row.id.to_lowercase();
                cell.push(format!("[{} more](docs/coverage.md#{id})", tests.len() - SHORT_TESTS_MAX));
            }
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {} | {} | {} |", row.id, row.text(), cell.join("<br>"));
        }
        text
    }

    /// All rows with all of their tests, for a document in `docs/`.
    pub fn full(&self) -> String {
        let mut text = String::new();
        for (title, kind) in [
            ("Requirements", Kind::Requirement),
            ("Invariants", Kind::Invariant),
            ("What attackers and bad luck try", Kind::Abuse),
        ] {
            if self.covered(kind).next().is_none() {
                continue;
            }
            let _ = writeln!(text, "## {title}\n");
            for (row, tests) in self.covered(kind) {
                let _ = writeln!(text, "### {}\n\n{}.\n", row.id, row.text());
                for test in tests {
                    let _ = writeln!(text, "- `{}` in [{}](../{})", test.name, test.file, test.file);
                }
                text.push('\n');
            }
        }
        let open: Vec<_> = self
            .rows
            .iter()
            .filter(|(row, tests)| row.kind() == Kind::Requirement && tests.is_empty())
            .collect();
        if !open.is_empty() {
            text.push_str(
                "## Still to come\n\nNo test shows these rows yet.\n\n| row | what |\n| --- | --- |\n",
            );
            for (row, _) in open {
                let _ = writeln!(text, "| {} | {} |", row.id, row.what);
            }
        }
        text
    }

    fn covered(&self, kind: Kind) -> impl Iterator<Item = &(Row, Vec<Shown>)> {
        self.rows.iter().filter(move |(row, tests)| row.kind() == kind && !tests.is_empty())
    }
}

/// The document with another text between its markers.
pub fn replaced(document: &str, table: &str) -> Result<String, NoMarkers> {
    let (before, rest) = document.split_once(BEGIN).ok_or(NoMarkers)?;
    let (_, after) = rest.split_once(END).ok_or(NoMarkers)?;
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", table.trim_end()))
}

/// The text between a document's markers.
pub fn generated_part(document: &str) -> Result<&str, NoMarkers> {
    let (_, rest) = document.split_once(BEGIN).ok_or(NoMarkers)?;
    rest.split_once(END).map(|(part, _)| part).ok_or(NoMarkers)
}

/// The file that a test stands in: where a function of this name is a test; else (a macro makes it) where the name
/// stands. Of several, the one whose path has the most in common with the test's path.
fn file_of(path: &str, name: &str, sources: &[&TextFile], tests_of: &[Vec<&str>]) -> String {
    let modules: Vec<_> = path.split("::").collect();
    let fit = |file: &str| {
        let parts = file.split(['/', '.']).collect::<Vec<_>>();
        modules.iter().filter(|module| parts.contains(module)).count()
    };
    let best = |candidates: Vec<&&TextFile>| {
        candidates
            .into_iter()
            .map(|file| file.path.clone())
            .min_by_key(|file| (std::cmp::Reverse(fit(file)), file.clone()))
    };
    let by_tests = sources.iter().zip(tests_of).filter(|(_, tests)| tests.contains(&name));
    best(by_tests.map(|(file, _)| file).collect())
        .or_else(|| best(sources.iter().filter(|file| names(&file.text, name)).collect()))
        .unwrap_or_default()
}

/// A file's name without folder and ending.
fn stem(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default()
}

fn rank(file: &str) -> u8 {
    match file.split('/').next() {
        Some("tests") => 0,
        Some("bin") => 1,
        Some("domain") => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str) -> Row {
        Row { id: id.to_owned(), what: format!("what {id} asks for"), so_far: None }
    }

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn coverage(log: &str) -> Coverage {
        let files = [
            file("domain/src/call.rs", "#[test]\nfn s01_joins() {}\n"),
            file("tests/it/calls.rs", "#[test]\nfn s01_opens() {}\ncontract!(i2_no_fork);\n"),
        ];
        Coverage::new(vec![row("S01"), row("S02"), row("I2")], &Run::parse(log), &files)
    }

    const LOG: &str = "test call::tests::s01_joins ... ok\ntest calls::s01_opens ... ok\n\
                       test i2_no_fork ... ok\ntest calls::s02_invites ... FAILED\n";

    #[test]
    fn a_row_is_shown_by_tests_that_passed_public_interfaces_first() {
        assert_eq!(
            coverage(LOG).short(),
            "| row | what | tests that show it |\n| --- | --- | --- |\n\
             | S01 | what S01 asks for | [`s01_opens`](tests/it/calls.rs)<br>[`s01_joins`](domain/src/call.rs) |\n"
        );
    }

    #[test]
    fn the_full_text_has_every_covered_row_and_says_what_is_open() {
        let full = coverage(LOG).full();
        assert!(full.contains("### I2\n\nwhat I2 asks for.\n\n- `i2_no_fork` in [tests/it/calls.rs]"));
        assert!(full.contains("| S02 | what S02 asks for |"));
        assert!(!full.contains("s02_invites"));
    }

    #[test]
    fn the_table_replaces_what_is_between_the_markers_and_nothing_else() {
        let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = replaced(&document, "new\n").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "new\n").as_deref(), Ok(new.as_str()));
        assert_eq!(generated_part(&new), Ok("\n\nnew\n\n"));
        assert_eq!(replaced("nothing", "new"), Err(NoMarkers));
    }
}
