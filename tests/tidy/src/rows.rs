//! The rows that tests are named after.
//!
//! Owns: `rows.toml`, and which rows a test's name names.
//! Invariant: an id is a capital letter and a number; the rows of one letter stand in the order of their numbers.

use std::collections::BTreeSet;

use serde::Deserialize;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its id: `S01`, `C3`, `I5`, `A1` …
    pub id: String,
    /// What it asks for, in a sentence.
    pub what: String,
    /// What of it is there, while the rest is still to come.
    pub so_far: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    row: Vec<Row>,
}

/// The kinds of row, and the letters of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What people and systems see, and the prescribed shape: `S`, `C`.
    Requirement,
    /// What always holds: `I`.
    Invariant,
    /// What attackers and bad luck try: the other letters.
    Abuse,
}

impl Row {
    /// The kind, by the id's letter.
    pub fn kind(&self) -> Kind {
        match self.id.as_bytes().first() {
            Some(b'S' | b'C') => Kind::Requirement,
            Some(b'I') => Kind::Invariant,
            _ => Kind::Abuse,
        }
    }

    /// What it asks for, and what of it is there so far.
    pub fn text(&self) -> String {
        match &self.so_far {
            None => self.what.clone(),
            Some(so_far) => format!("{} (so far: {so_far})", self.what),
        }
    }
}

/// All rows, in the order of the file.
pub fn rows() -> Result<Vec<Row>, toml::de::Error> {
    toml::from_str::<File>(include_str!("../rows.toml")).map(|file| file.row)
}

/// The rows that a name names: the words in front of it that have the form of an id (`s01_s12_session_resumes` names S01
/// and S12).
pub fn named_by(name: &str) -> BTreeSet<String> {
    name.split('_').take_while(|word| is_id(word)).map(str::to_uppercase).collect()
}

/// The part of a test's path that names rows, the last of several, with the rows. What follows it are variants of the
/// test (`s01_calls::s01_both_report::cluster`); a part that is a file's name (`s01_calls`) only sorts tests, and names
/// no row.
pub fn naming_part(test_path: &str, is_file: impl Fn(&str) -> bool) -> Option<(&str, BTreeSet<String>)> {
    test_path
        .rsplit("::")
        .filter(|part| !is_file(part))
        .map(|part| (part, named_by(part)))
        .find(|(_, rows)| !rows.is_empty())
}

/// Whether a word has the form of an id: a letter that rows begin with, one or two digits.
fn is_id(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|letter| "sciaftuplr".contains(letter))
        && (2..=3).contains(&word.len())
        && chars.all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_name_several_rows_and_other_words_are_none() {
        let named = |name| named_by(name).into_iter().collect::<Vec<_>>();
        assert_eq!(named("s01_s12_session_resumes"), ["S01", "S12"]);
        assert_eq!(named("a1_foreign_session_is_404"), ["A1"]);
        assert!(named("e164_numbers_start_with_a_plus").is_empty());
        assert!(named("a_call_s01_is_not_in_front").is_empty());
    }

    #[test]
    fn a_variant_is_no_name_and_a_file_names_no_row() {
        let part = |path| naming_part(path, |part| part == "s01_calls").map(|(name, _)| name);
        assert_eq!(part("s01_calls::s01_both_report::cluster"), Some("s01_both_report"));
        assert_eq!(part("s01_calls::i6_strangers_wait"), Some("i6_strangers_wait"));
        assert_eq!(part("s01_calls::nothing_in_front"), None);
    }

    #[test]
    fn every_id_stands_once_and_requirements_are_complete() {
        let rows = rows().unwrap();
        let ids: BTreeSet<_> = rows.iter().map(|row| row.id.clone()).collect();
        assert_eq!(ids.len(), rows.len());
        for number in 1..=38 {
            assert!(ids.contains(&format!("S{number:02}")), "S{number:02} is missing");
        }
        for number in 1..=9 {
            assert!(ids.contains(&format!("C{number}")), "C{number} is missing");
        }
        for row in &rows {
            assert_eq!(named_by(&format!("{}_x", row.id.to_lowercase())), BTreeSet::from([row.id.clone()]));
        }
    }
}
