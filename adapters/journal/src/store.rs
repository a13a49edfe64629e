//! What a home of a journal must be able to do; everything else is the same for all of them.
//!
//! Owns: the seam between [`crate::handle`] and the homes.
//! Does not own: any check of what is read: a home hands out what it has.

use std::time::Duration;

use bytes::Bytes;
use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{Boxed, Cause, ReadError};

use crate::tail::Tail;

/// How many bytes of commits one fetch returns, at about: the last one may go beyond.
pub(crate) const FETCH_BYTES: usize = 8 * 1024 * 1024;

/// A commit as a home keeps it, unchecked.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    /// Where the home keeps it.
    pub(crate) position: Position,
    /// What the home keeps.
    pub(crate) bytes: Bytes,
}

/// Which copy may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// One that has every acknowledged commit.
    Certain,
    /// Any; it may lag.
    Any,
}

/// Why a home did not append.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The journal does not end just before the position. Nothing was appended by this try.
    Moved,
    /// The same, or an append for this position is under way.
    MovedOrUnderWay(Cause),
    /// The outcome is unknown.
    Unconfirmed(Cause),
    /// Nothing was appended, and another try may succeed.
    Unavailable(Cause),
    /// Larger than the home takes.
    TooLarge {
        /// What it takes.
        bytes_max: usize,
    },
}

/// A home of a journal.
pub(crate) trait Store: Send + Sync + 'static {
    /// The realm.
    fn realm(&self) -> &str;

    /// What this process knows of the journal's end.
    fn tail(&self) -> &Tail;

    /// The largest commit in bytes.
    fn bytes_max(&self) -> usize;

    /// How long a follower rests before it looks again without having been woken.
    fn look_every(&self) -> Duration;

    /// For how long an end before a position that was once read may be a copy that lags, and not a loss.
    fn end_may_lag(&self) -> Duration;

    /// Appends at the commit's position if the journal ends just before it. Durable when ready.
    fn append<'a>(&'a self, commit: &'a EncodedCommit) -> Boxed<'a, Result<(), Refusal>>;

    /// What follows a position, in order: at most `commits_max` commits and about [`FETCH_BYTES`] bytes, at least one
    /// if there is any.
    fn fetch(
        &self,
        after: Position,
        commits_max: usize,
        freshness: Freshness,
    ) -> Boxed<'_, Result<Vec<Raw>, ReadError>>;

    /// The first position that is held (the one after [`Self::end`] if none is).
    fn first(&self) -> Boxed<'_, Result<Position, ReadError>>;

    /// The last position.
    fn end(&self) -> Boxed<'_, Result<Position, ReadError>>;
}

/// A read that may be tried again.
pub(crate) fn unavailable(cause: impl Into<Cause>) -> ReadError {
    ReadError::Unavailable(cause.into())
}
