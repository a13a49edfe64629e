//! The chain: each commit follows the one before it, in position and in digest.
//!
//! Owns: the check that every reader makes of every commit, and its one error.
//! Does not own: whether a commit's own bytes are right (`frame` has checked that before).
//! Invariant: after an error the check refuses everything: a reader stops, it never skips.

use super::{EncodedCommit, Header, Position};
use crate::digest::Digest;

/// Where a reader stands in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The last commit that was accepted.
    pub position: Position,
    /// Its digest.
    pub digest: Digest,
}

impl Link {
    /// Before the first commit.
    pub const START: Self = Self { position: Position::START, digest: Digest::GENESIS };
}

/// Why a commit does not follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// One or more commits are missing, or one came twice.
    #[error("the journal has a gap: commit {expected} was due and commit {found} came")]
    Gap {
        /// The position that was due.
        expected: Position,
        /// The position that came.
        found: Position,
    },
    /// The commit names another predecessor than the one that was read.
    #[error(
        "commit {position} names {named} as its predecessor, but that has the digest {read}: one of the two was changed"
    )]
    Fork {
        /// The commit that does not fit.
        position: Position,
        /// The digest that it names.
        named: Digest,
        /// The digest of what was read before it.
        read: Digest,
    },
    /// The commit belongs to another journal.
    #[error("commit {position} belongs to realm `{found}`, not to `{expected}`")]
    ForeignRealm {
        /// The commit.
        position: Position,
        /// The realm that is read.
        expected: String,
        /// The realm that it names.
        found: String,
    },
}

/// Follows a chain and refuses what does not fit.
#[derive(Clone, Debug)]
pub struct ChainCheck {
    realm: String,
    link: Option<Link>,
    next: Position,
}

impl ChainCheck {
    /// A check that goes on from a known commit.
    pub fn after(realm: impl Into<String>, link: Link) -> Self {
        Self { realm: realm.into(), link: Some(link), next: link.position.next() }
    }

    /// A check that goes on from a position whose digest the reader does not know: the first commit's predecessor is
    /// taken on trust, all that follows is checked. From the start, nothing is taken on trust.
    pub fn from_position(realm: impl Into<String>, after: Position) -> Self {
        let link = (after == Position::START).then_some(Link::START);
        Self { realm: realm.into(), link, next: after.next() }
    }

    /// Checks the next commit.
    pub fn accept(&mut self, commit: &EncodedCommit) -> Result<(), Broken> {
        self.accept_header(commit.header(), commit.digest())
    }

    /// Checks the next commit by its header and digest.
    pub fn accept_header(&mut self, header: &Header, digest: Digest) -> Result<(), Broken> {
        let position = header.position;
        if header.realm != self.realm {
            return Err(Broken::ForeignRealm {
                position,
                expected: self.realm.clone(),
                found: header.realm.clone(),
            });
        }
        if position != self.next {
            return Err(Broken::Gap { expected: self.next, found: position });
        }
        if let Some(link) = self.link
            && link.digest != header.previous
        {
            return Err(Broken::Fork { position, named: header.previous, read: link.digest });
        }
        self.link = Some(Link { position, digest });
        self.next = position.next();
        Ok(())
    }

    /// The last commit that was accepted, if its digest is known.
    pub const fn link(&self) -> Option<Link> {
        self.link
    }

    /// The position that is due.
    pub const fn next(&self) -> Position {
        self.next
    }
}
