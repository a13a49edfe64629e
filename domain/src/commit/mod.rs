//! Commits: what the journal is made of.
//!
//! A commit holds the events of many commands, appended together or not at all. It names the digest of the commit before
//! it, so that nobody can change, remove or insert one without every later commit telling.
//!
//! Owns: the commit's content, its one encoding (`frame`), and the check of the chain (`chain`).
//! Does not own: the form of the events within (`stored`), nor where commits are kept (`ports::Journal`).
//! Invariant: the envelope (everything but the events' data) holds no personal data.

pub mod chain;
mod frame;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::frame::{COMMIT_BYTES_MAX, CommitBuilder, Corrupt, EncodedCommit};
use crate::answer::Answer;
use crate::digest::Digest;
use crate::entity::EntityId;
use crate::event::Event;
use crate::id::{CallId, CommandId, CommitId, RequestId, WriterId};
use crate::time::Instant;

/// A commit's number in its realm's journal: 1, 2, 3 … without gaps. 0 stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first commit.
    pub const START: Self = Self(0);

    /// The position that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of an event within its entity's stream: 1, 2, 3 … 0 means that there is none yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The part of a commit that chains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The realm whose journal this is.
    pub realm: String,
    /// The commit's number.
    pub position: Position,
    /// The process that wrote it.
    pub writer: WriterId,
    /// The writer's term: one more than that of the writer before.
    pub epoch: u64,
    /// The commit's own id, by which a writer recognises it after an append whose outcome it did not learn.
    pub commit: CommitId,
    /// When it was closed, in microseconds.
    pub at: Instant,
    /// The digest of the commit before it.
    pub previous: Digest,
}

/// A command that a commit settles, with the answer that a repeat of it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The command.
    pub command: CommandId,
    /// Whether its sender may repeat it: only then must its id be remembered.
    pub repeatable: bool,
    /// A digest of what was asked: the same id with another one is another request (`Idempotency-Key`, 422).
    pub fingerprint: u64,
    /// The request at the edge that carried it, for tracing.
    pub request: RequestId,
    /// What it was answered.
    pub answer: Answer,
}

/// An event in its place in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The stream that it belongs to.
    pub entity: EntityId,
    /// Its number in that stream.
    pub version: Version,
    /// When its command was admitted.
    pub at: Instant,
    /// Which of the commit's settled commands caused it; `None` for what time alone caused (a deadline).
    pub cause: Option<u32>,
    /// The call that it belongs to, if any: what an auditor follows.
    pub correlation: Option<CallId>,
    /// What happened.
    pub event: Event,
}

/// A whole commit, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The part that chains it.
    pub header: Header,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The commands that it settles.
    pub settles: Vec<Settled>,
    /// Its events in order.
    pub events: Vec<Recorded>,
}
