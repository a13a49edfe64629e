//! The journal that the program holds: one behaviour over every home.
//!
//! Owns: what all homes have in common: limits, the repeat of an append that stands already, the check of what is read.
//! Does not own: where commits are kept ([`crate::store`]).
//! Invariant: an append that stands, byte for byte, is never refused; one whose place another commit has taken is always
//! refused as fenced.
//! Time: the runtime's clock, for rests.

use std::sync::Arc;
use std::time::Duration;

use paravox_domain::commit::chain::Broken;
use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{AppendError, Boxed, Follow, Journal, ReadError};

use crate::chain::{Chain, Damage};
use crate::follower::Follower;
use crate::store::{Freshness, Raw, Refusal, Store};

/// How often, and how long apart, an append that was refused looks for the commit that has taken its place.
const SETTLE_LOOKS: u32 = 100;
const SETTLE_REST: Duration = Duration::from_millis(5);

/// A journal over a home.
#[derive(Debug)]
pub(crate) struct Handle<S> {
    store: Arc<S>,
}

impl<S: Store> Handle<S> {
    pub(crate) fn of(store: Arc<S>) -> Self {
        Self { store }
    }

    async fn append_checked(&self, commit: &EncodedCommit) -> Result<(), AppendError> {
        let (bytes, bytes_max) = (commit.bytes().len(), self.store.bytes_max());
        if bytes > bytes_max {
            return Err(AppendError::TooLarge { bytes, bytes_max });
        }
        if commit.header().realm != self.store.realm() || commit.position() == Position::START {
            let detail = "the commit is of another realm, or has no position";
            return Err(AppendError::Unavailable(detail.into()));
        }
        match self.store.append(commit).await {
            Ok(()) => {}
            Err(Refusal::Moved) => {
                let ends_before = |end| {
                    let detail =
                        format!("the journal ends at {end}, before the commit that this one follows");
                    AppendError::Unavailable(detail.into())
                };
                self.settle(commit, ends_before).await?;
            }
            Err(Refusal::MovedOrUnderWay(cause)) => {
                self.settle(commit, |_| AppendError::Unconfirmed(cause)).await?;
            }
            Err(Refusal::Unconfirmed(cause)) => return Err(AppendError::Unconfirmed(cause)),
            Err(Refusal::Unavailable(cause)) => return Err(AppendError::Unavailable(cause)),
            Err(Refusal::TooLarge { bytes_max }) => return Err(AppendError::TooLarge { bytes, bytes_max }),
        }
        self.store.tail().push(commit);
        Ok(())
    }

    /// The journal does not end just before this commit: is it this very commit that stands at its place?
    async fn settle(
        &self,
        commit: &EncodedCommit,
        nothing_there: impl FnOnce(Position) -> AppendError,
    ) -> Result<(), AppendError> {
        let position = commit.position();
        let unsettled = |error| AppendError::Unconfirmed(Box::new(error));
        let before = Position(position.0 - 1);
        let is_there = |raw: &Raw| raw.position == position && raw.bytes == *commit.bytes();
        let mut looks = 0;
        loop {
            let there = self.store.fetch(before, 1, Freshness::Certain).await.map_err(unsettled)?;
            if let Some(found) = there.first() {
                return if is_there(found) {
                    Ok(())
                } else {
                    Err(AppendError::Fenced { expected: position })
                };
            }
            let end = self.store.end().await.map_err(unsettled)?;
            if end >= position {
                return Err(AppendError::Fenced { expected: position });
            }
            // The home refused because of a commit that it is about to append: it will be there in a moment.
            if end < before || looks == SETTLE_LOOKS {
                return Err(nothing_there(end));
            }
            looks += 1;
            tokio::time::sleep(SETTLE_REST).await;
        }
    }

    async fn read_checked(
        &self,
        after: Position,
        commits_max: usize,
    ) -> Result<Vec<EncodedCommit>, ReadError> {
        if commits_max == 0 {
            return Ok(Vec::new());
        }
        let realm = self.store.realm();
        // The commit before is read as well, so that the first one's predecessor is checked.
        let from = Position(after.0.saturating_sub(1));
        let extra = usize::from(after != Position::START);
        let mut raws = self.store.fetch(from, commits_max.saturating_add(extra), Freshness::Certain).await?;
        let Some(first) = raws.first().map(|raw| raw.position) else {
            refuse_if_trimmed(&*self.store, after).await?;
            return Ok(Vec::new());
        };
        let mut chain = if first > after.next() {
            return Err(trimmed_or_gap(&*self.store, after, first).await);
        } else if after == Position::START {
            Chain::from_start(realm)
        } else if first == after {
            Chain::after_commit(realm, raws.remove(0))?
        } else {
            after_trimmed(&*self.store, after).await?
        };
        match chain.accept_raw(raws) {
            (commits, Some(damage)) if commits.is_empty() => Err(damage.into()),
            (commits, _) => Ok(commits),
        }
    }
}

/// The chain after a position whose commit the home does not have, although it has the next: it must have been trimmed.
pub(crate) async fn after_trimmed<S: Store>(store: &S, after: Position) -> Result<Chain, ReadError> {
    let found = after.next();
    if after == Position::START || store.first().await? >= found {
        Ok(Chain::after_trimmed(store.realm(), after))
    } else {
        Err(Damage::Broken(Broken::Gap { expected: after, found }).into())
    }
}

/// There is nothing after a position: unless all of it was trimmed, this is the end.
pub(crate) async fn refuse_if_trimmed<S: Store>(store: &S, after: Position) -> Result<(), ReadError> {
    let first = store.first().await?;
    if first > after.next() { Err(ReadError::Trimmed { after, first }) } else { Ok(()) }
}

/// What it means that a home has nothing between two positions.
pub(crate) async fn trimmed_or_gap<S: Store>(store: &S, after: Position, found: Position) -> ReadError {
    match store.first().await {
        Ok(first) if first >= found => ReadError::Trimmed { after, first },
        Ok(_) => Damage::Broken(Broken::Gap { expected: after.next(), found }).into(),
        Err(error) => error,
    }
}

impl<S: Store> Journal for Handle<S> {
    fn append<'a>(&'a self, commit: &'a EncodedCommit) -> Boxed<'a, Result<(), AppendError>> {
        Box::pin(self.append_checked(commit))
    }

    fn read(&self, after: Position, commits_max: usize) -> Boxed<'_, Result<Vec<EncodedCommit>, ReadError>> {
        Box::pin(self.read_checked(after, commits_max))
    }

    fn end(&self) -> Boxed<'_, Result<Position, ReadError>> {
        self.store.end()
    }

    fn follow(&self, after: Position) -> Boxed<'_, Result<Box<dyn Follow>, ReadError>> {
        let follower: Box<dyn Follow> = Box::new(Follower::new(self.store.clone(), after));
        Box::pin(std::future::ready(Ok(follower)))
    }

    fn realm(&self) -> &str {
        self.store.realm()
    }
}
