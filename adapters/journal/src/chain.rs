//! The check of what a home hands out.
//!
//! Owns: the way from raw bytes to commits that follow one another, and the two kinds of damage that end it.
//! Does not own: the rules themselves (`paravox_domain::commit`).
//! Invariant: nothing behind the first damage is handed out.

use paravox_domain::commit::chain::{Broken, ChainCheck, Link};
use paravox_domain::commit::{Corrupt, EncodedCommit, Position};
use paravox_domain::ports::ReadError;

use crate::store::Raw;

/// Why a reader stops for good.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    /// The bytes are not those that were written.
    Corrupt {
        /// Where.
        position: Position,
        /// What is wrong.
        cause: Corrupt,
    },
    /// A commit does not follow.
    Broken(Broken),
}

impl From<Damage> for ReadError {
    fn from(damage: Damage) -> Self {
        match damage {
            Damage::Corrupt { position, cause } => Self::Corrupt { position, cause },
            Damage::Broken(broken) => Self::Broken(broken),
        }
    }
}

/// A place in the chain: what was read last, and the check of what comes next.
#[derive(Debug)]
pub(crate) struct Chain {
    check: ChainCheck,
}

impl Chain {
    /// Before the first commit.
    pub(crate) fn from_start(realm: &str) -> Self {
        Self { check: ChainCheck::from_position(realm, Position::START) }
    }

    /// After a commit that is still held: read it, so that the next one's predecessor is known.
    pub(crate) fn after_commit(realm: &str, last: Raw) -> Result<Self, Damage> {
        let position = last.position;
        let commit = parse(last)?;
        if commit.header().realm != realm {
            let (expected, found) = (realm.to_owned(), commit.header().realm.clone());
            return Err(Damage::Broken(Broken::ForeignRealm { position, expected, found }));
        }
        let link = Link { position, digest: commit.digest() };
        Ok(Self { check: ChainCheck::after(realm, link) })
    }

    /// After a position whose commit is no longer held.
    pub(crate) fn after_trimmed(realm: &str, position: Position) -> Self {
        Self { check: ChainCheck::from_position(realm, position) }
    }

    /// The position that is due.
    pub(crate) fn next(&self) -> Position {
        self.check.next()
    }

    /// Checks commits whose bytes are known to be right, as far as they follow. The damage, if any, stands behind the last
    /// one that is returned.
    pub(crate) fn accept_known(
        &mut self,
        mut commits: Vec<EncodedCommit>,
    ) -> (Vec<EncodedCommit>, Option<Damage>) {
        for number in 0..commits.len() {
            if let Err(broken) = self.check.accept(&commits[number]) {
                commits.truncate(number);
                return (commits, Some(Damage::Broken(broken)));
            }
        }
        (commits, None)
    }

    /// The same for commits as a home keeps them.
    pub(crate) fn accept_raw(&mut self, raws: Vec<Raw>) -> (Vec<EncodedCommit>, Option<Damage>) {
        let mut commits = Vec::with_capacity(raws.len());
        for raw in raws {
            match self.accept_one(raw) {
                Ok(commit) => commits.push(commit),
                Err(damage) => return (commits, Some(damage)),
            }
        }
        (commits, None)
    }

    fn accept_one(&mut self, raw: Raw) -> Result<EncodedCommit, Damage> {
        let due = self.next();
        if raw.position != due {
            return Err(Damage::Broken(Broken::Gap { expected: due, found: raw.position }));
        }
        let commit = parse(raw)?;
        self.check.accept(&commit).map_err(Damage::Broken)?;
        Ok(commit)
    }
}

/// Reads a commit and checks that it stands where it says.
fn parse(raw: Raw) -> Result<EncodedCommit, Damage> {
    let position = raw.position;
    let commit = EncodedCommit::parse(raw.bytes).map_err(|cause| Damage::Corrupt { position, cause })?;
    if commit.position() == position {
        Ok(commit)
    } else {
        Err(Damage::Broken(Broken::Gap { expected: position, found: commit.position() }))
    }
}
