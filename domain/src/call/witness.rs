//! Witnesses: what each reporter has said of a side, in its own words and by its own clock.
//!
//! A reporter's clock may be hours off, but it is one clock: what the same reporter says of two stages can be put in
//! order, however late and in whichever order it arrives. What two reporters say cannot.
//!
//! Owns: the stages that a reporter told, with their times, and whether one more fits among them.
//! Invariant: one time for each stage; times of different reporters are never compared.

use serde::{Deserialize, Serialize};

use super::report::{Attempt, Report, Reporter};
use super::vocabulary::Stage;
use crate::time::{Instant, Span};

/// How far the times that one reporter gives for one and the same stage may lie apart.
const SAME_MOMENT: Span = Span::seconds(1);

/// What one reporter has said of a side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Who.
    pub reporter: Reporter,
    /// Its word for the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// The stages that it told, each with the time by its clock, if it gave one.
    pub told: Vec<(Stage, Option<Instant>)>,
}

impl Witness {
    /// A reporter with its first report.
    pub(super) fn of(report: &Report) -> Self {
        Self {
            reporter: report.reporter.clone(),
            attempt: report.attempt.clone(),
            told: vec![(report.stage, report.happened)],
        }
    }

    /// Adds a further report. What was known stays.
    pub(super) fn add(&mut self, report: &Report) {
        if self.attempt.is_none() {
            self.attempt.clone_from(&report.attempt);
        }
        match self.told.iter_mut().find(|(stage, _)| *stage == report.stage) {
            Some((_, happened)) => *happened = happened.or(report.happened),
            None => self.told.push((report.stage, report.happened)),
        }
    }

    /// Whether a further report would add nothing.
    pub(super) fn knows(&self, report: &Report) -> bool {
        let attempt_known = self.attempt.is_some() || report.attempt.is_none();
        let told = self.told.iter().find(|(stage, _)| *stage == report.stage);
        attempt_known && told.is_some_and(|(_, at)| at.is_some() || report.happened.is_none())
    }

    /// The latest stage that it told.
    pub fn stage(&self) -> Stage {
        self.told.iter().map(|(stage, _)| *stage).max().unwrap_or(Stage::Attempt)
    }

    /// Whether a report fits among what it told, by its own clock: each stage once, and one after the other. `None` if
    /// there are no two times to compare.
    pub fn in_order(&self, stage: Stage, happened: Option<Instant>) -> Option<bool> {
        let happened = happened?;
        let mut compared = None;
        for (told, at) in &self.told {
            let Some(at) = at else { continue };
            let later = happened.since(*at);
            let fits = match told.cmp(&stage) {
                std::cmp::Ordering::Equal => later.0.abs() <= SAME_MOMENT.0,
                std::cmp::Ordering::Less => later.0 >= -SAME_MOMENT.0,
                std::cmp::Ordering::Greater => later.0 <= SAME_MOMENT.0,
            };
            compared = Some(compared.unwrap_or(true) && fits);
        }
        compared
    }
}
