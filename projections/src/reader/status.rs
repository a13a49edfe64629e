//! What a runner is doing, for whoever waits for it or watches it.

use std::collections::BTreeMap;

use paravox_domain::commit::Position;

/// What a runner is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It has not read anything yet.
    Starting,
    /// It applies what is committed.
    Active,
    /// Another process does; this one watches, and takes over if that one stalls.
    Passive,
    /// It cannot go on now, and tries again.
    Retrying {
        /// Why. Holds no value of an event.
        detail: String,
    },
    /// The data are damaged: it has stopped, and applies nothing more.
    Stopped {
        /// What is wrong. Holds no value of an event.
        detail: String,
    },
    /// It was asked to end, and has.
    Ended,
}

/// What a runner is doing, and where its readers stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerStatus {
    /// What it is doing.
    pub activity: Activity,
    /// Where each reader stands, by name.
    pub positions: BTreeMap<&'static str, Position>,
}

impl RunnerStatus {
    /// Nothing has been read.
    pub(super) const fn starting() -> Self {
        Self { activity: Activity::Starting, positions: BTreeMap::new() }
    }

    /// Where a reader stands.
    pub fn position(&self, reader: &str) -> Position {
        self.positions.get(reader).copied().unwrap_or(Position::START)
    }

    /// Where the reader stands that is furthest behind.
    pub fn slowest(&self) -> Position {
        self.positions.values().min().copied().unwrap_or(Position::START)
    }
}
