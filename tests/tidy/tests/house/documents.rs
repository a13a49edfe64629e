//! The rules about documents: links that lead somewhere, coverage that is shown, errors that are explained.
//!
//! Owns: what a document promises about files and tests.
//! Does not own: the generated tables themselves (`paravox-tidy coverage --check`, after a test run).

use std::collections::{BTreeMap, BTreeSet};

use paravox_tidy::coverage::generated_part;
use paravox_tidy::markdown::{anchors, code_spans, links};
use paravox_tidy::repo::{TextFile, root};
use paravox_tidy::rows::{named_by, rows};
use paravox_tidy::rust_source::{names, test_names};

use crate::{files, none};

fn text_of<'a>(files: &'a [TextFile], path: &str) -> &'a str {
    files.iter().find(|file| file.path == path).map(|file| file.text.as_str()).unwrap_or_default()
}

/// The path that a relative link means, seen from a document.
fn resolved(document: &str, target: &str) -> String {
    let mut parts: Vec<_> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn no_link_within_the_repository_is_dead() {
    let files = files();
    let mut broken = Vec::new();
    for document in files.iter().filter(|file| file.ending() == "md") {
        for link in links(&document.text) {
            if link.target.contains("://") || link.target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let path = if path.is_empty() { document.path.clone() } else { resolved(&document.path, path) };
            let exists = root().join(&path).exists();
            let has_anchor = anchor.is_empty()
                || std::path::Path::new(&path).extension().is_none_or(|ending| ending != "md")
                || anchors(text_of(&files, &path)).iter().any(|known| known == anchor);
            if !exists || !has_anchor {
                broken.push(format!("{}:{}: {}", document.path, link.line, link.target));
            }
        }
    }
    none("the link leads nowhere", &broken);
}

#[test]
fn every_path_that_a_document_names_exists() {
    let folders = ["adapters/", "bin/", "docs/", "domain/", "projections/", "tests/"];
    let mut broken = Vec::new();
    for document in files().iter().filter(|file| file.ending() == "md") {
        for (line, span) in code_spans(&document.text) {
            let is_path = folders.iter().any(|folder| span.starts_with(folder));
            // A command has arguments; a pattern stands for many.
            let path = span.split([' ', ':']).next().unwrap_or_default();
            let is_pattern = path.contains(['*', '…', '<', '{']) || path.contains("nnnn");
            if is_path && !is_pattern && !root().join(path).exists() {
                broken.push(format!("{}:{line}: {path}", document.path));
            }
        }
    }
    none("there is no such file or folder", &broken);
}

#[test]
fn every_row_in_the_coverage_tables_has_a_test_that_names_it() {
    let files = files();
    let sources: Vec<_> = files.iter().filter(|file| file.ending() == "rs").collect();
    let known: BTreeSet<_> =
        rows().expect("rows.toml is well formed").into_iter().map(|row| row.id).collect();
    let named: BTreeSet<_> =
        sources.iter().flat_map(|file| test_names(&file.text).into_iter().flat_map(named_by)).collect();
    let mut broken = Vec::new();
    for document in ["README.md", "docs/coverage.md"] {
        let Ok(part) = generated_part(text_of(&files, document)) else {
            broken.push(format!("{document}: no coverage markers"));
            continue;
        };
        let part = part.split("## Still to come").next().unwrap_or_default();
        let mut row = String::new();
        for line in part.lines() {
            if let Some(cell) = line.strip_prefix("| ").and_then(|rest| rest.split(" |").next()) {
                row = cell.to_owned();
            } else if let Some(id) = line.strip_prefix("### ") {
                row = id.to_owned();
            }
            let tests: Vec<_> = line
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
                .collect();
            if tests.is_empty() {
                continue;
            }
            if !known.contains(&row) {
                broken.push(format!("{document}: {row} is no row"));
            }
            broken.extend(
                tests
                    .iter()
                    .filter(|test| !sources.iter().any(|file| names(&file.text, test)))
                    .map(|test| format!("{document}: {row} is to be shown by `{test}`, which is not there")),
            );
            if !named.contains(&row) && !tests.iter().any(|test| named_by(test).contains(&row)) {
                broken.push(format!("{document}: no test names {row}"));
            }
        }
    }
    none("the coverage tables promise what no test shows; write them anew", &broken);
}

/// The error codes that a text names.
fn codes(text: &str) -> BTreeSet<String> {
    text.match_indices("PVX-")
        .filter_map(|(at, _)| {
            let code: String = text[at..].chars().take(9).collect();
            let digits = &code[4..];
            let is_code = digits.len() >= 4
                && digits.chars().take(4).all(|c| c.is_ascii_digit())
                && !digits.chars().nth(4).is_some_and(|c| c.is_ascii_digit());
            is_code.then(|| code.chars().take(8).collect())
        })
        .collect()
}

#[test]
fn every_error_code_has_a_page_with_cause_and_cure_and_every_page_a_code() {
    let files = files();
    let mut used: BTreeMap<String, &str> = BTreeMap::new();
    for file in &files {
        let is_source = file.ending() == "rs" && !file.path.starts_with("tests/");
        if is_source {
            for code in codes(&file.text) {
                used.entry(code).or_insert(&file.path);
            }
        }
    }
    let pages: BTreeMap<String, &TextFile> = files
        .iter()
        .filter_map(|file| {
            let name = file.path.strip_prefix("docs/errors/")?.strip_suffix(".md")?;
            name.starts_with("PVX-").then(|| (name.to_owned(), file))
        })
        .collect();
    let mut broken = Vec::new();
    for (code, file) in &used {
        if !pages.contains_key(code) {
            broken.push(format!("{file}: {code} has no page docs/errors/{code}.md"));
        }
    }
    for (code, page) in &pages {
        if !used.contains_key(code) {
            broken.push(format!("{}: nothing answers with this code", page.path));
        }
        if !page.text.starts_with(&format!("# {code}: ")) {
            broken.push(format!("{}: does not begin with `# {code}: …`", page.path));
        }
        for section in ["Cause", "Cure"] {
            let body = page.text.split(&format!("## {section}\n")).nth(1).unwrap_or_default();
            if body.split("\n## ").next().unwrap_or_default().trim().is_empty() {
                broken.push(format!("{}: no `## {section}`", page.path));
            }
        }
    }
    none("each code has a page that says cause and cure, and each page a code", &broken);
}

#[test]
fn every_decision_record_has_its_parts() {
    let mut broken = Vec::new();
    let mut numbers = BTreeSet::new();
    for file in files() {
        let Some(name) = file.path.strip_prefix("docs/decisions/").and_then(|name| name.strip_suffix(".md"))
        else {
            continue;
        };
        if name == "README" {
            continue;
        }
        let number = name.split('-').next().unwrap_or_default();
        if number.len() != 4 || number.parse::<u16>().is_err() || !numbers.insert(number.to_owned()) {
            broken.push(format!("{}: the name does not begin with a number of its own (0001-…)", file.path));
        }
        for part in ["| date |", "| status |", "## Context\n", "## Decision\n", "## Consequences\n"] {
            if !file.text.contains(part) {
                broken.push(format!("{}: no `{}`", file.path, part.trim()));
            }
        }
    }
    none("a decision has date, status, context, decision, consequences", &broken);
}

#[test]
fn codes_are_told_from_what_looks_like_one() {
    let found: Vec<_> = codes("PVX-1001, `PVX-2002`. PVX-12345 PVX-abc PVX-nnnn PVX-3").into_iter().collect();
    assert_eq!(found, ["PVX-1001", "PVX-2002"]);
}
