//! The source of commits: the journal, followed across lost connections, checked and decoded. What the journal no longer
//! holds comes from the archive.
//!
//! Owns: the check that each commit follows the last one that was applied, also across restarts.
//! Does not own: what is done with the commits.
//! Invariant: after damage it hands out nothing more.
//! Time: the runtime's clock, for pauses.

use std::time::Duration;

use paravox_domain::commit::Commit;
use paravox_domain::commit::chain::{ChainCheck, Link};
use paravox_domain::ports::{AnyJournal, Follow, ReadError};

use super::Backoff;
use crate::archive::archived_commits;
use crate::db::{Db, DbError};

/// The most commits that are read from the archive at once.
const ARCHIVED_MAX: usize = 256;

/// Why a source ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The journal is damaged, or not the one that was read before.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What the journal no longer holds cannot be read from the archive.
    #[error("the archive is damaged: {0}")]
    Archive(String),
    /// The journal ends before what was applied from it.
    #[error(
        "the journal ends at {end}, but its readers have applied {applied}: an older copy of it was restored"
    )]
    Older {
        /// The journal's end.
        end: u64,
        /// What was applied.
        applied: u64,
    },
}

/// Follows a journal from a known commit.
pub(crate) struct Source {
    journal: AnyJournal,
    archive: Db,
    check: ChainCheck,
    follow: Option<Box<dyn Follow>>,
    backoff: Backoff,
    after: Link,
    /// What is wrong with the commit after those that were handed out.
    failed: Option<ReadError>,
}

impl Source {
    /// From the commit after this one.
    pub(crate) fn new(journal: AnyJournal, archive: Db, after: Link, pause: (Duration, Duration)) -> Self {
        let check = ChainCheck::after(journal.realm(), after);
        Self { journal, archive, check, follow: None, backoff: Backoff::new(pause), after, failed: None }
    }

    /// The next commits. Goes on across failures that may pass, telling each to `troubled`; an error is for good.
    pub(crate) async fn next(&mut self, troubled: impl Fn(&ReadError)) -> Result<Vec<Commit>, SourceError> {
        loop {
            match self.read().await {
                Ok(commits) => {
                    self.backoff.reset();
                    return Ok(commits);
                }
                Err(SourceError::Read(ReadError::Trimmed { after, first })) => {
                    self.follow = None;
                    match self.read_archive().await {
                        Ok(commits) if commits.is_empty() => {
                            return Err(ReadError::Trimmed { after, first }.into());
                        }
                        Ok(commits) => return Ok(commits),
                        Err(SourceError::Read(error @ ReadError::Unavailable(_))) => troubled(&error),
                        Err(error) => return Err(error),
                    }
                    self.backoff.pause().await;
                }
                Err(SourceError::Read(error @ ReadError::Unavailable(_))) => {
                    self.follow = None;
                    troubled(&error);
                    self.backoff.pause().await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<Commit>, SourceError> {
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        let follow = if let Some(follow) = &mut self.follow {
            follow
        } else {
            let end = self.journal.end().await?;
            if end < self.after.position {
                return Err(SourceError::Older { end: end.0, applied: self.after.position.0 });
            }
            self.follow.insert(self.journal.follow(self.after.position).await?)
        };
        let encoded = follow.next().await?;
        let mut commits = Vec::with_capacity(encoded.len());
        for commit in &encoded {
            let decoded = self.check.accept(commit).map_err(ReadError::from).and_then(|()| {
                commit.decode().map_err(|cause| ReadError::Corrupt { position: commit.position(), cause })
            });
            match decoded {
                Ok(decoded) => commits.push(decoded),
                Err(error) if commits.is_empty() => return Err(error.into()),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        if let Some(link) = self.check.link() {
            self.after = link;
        }
        Ok(commits)
    }

    /// The commits that follow, from the archive; an empty list if it has none either.
    async fn read_archive(&mut self) -> Result<Vec<Commit>, SourceError> {
        let commits = archived_commits(&self.archive, self.after.position, ARCHIVED_MAX).await;
        let commits = commits.map_err(|error| match error {
            DbError::Damaged(detail) => SourceError::Archive(detail),
            error => ReadError::Unavailable(Box::new(error)).into(),
        })?;
        for commit in &commits {
            self.check.accept_header(&commit.header, commit.digest).map_err(ReadError::from)?;
        }
        if let Some(link) = self.check.link() {
            self.after = link;
        }
        Ok(commits)
    }
}
