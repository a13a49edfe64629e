//! What this process knows of a journal's end: the commits that it has just appended, and that there is more.
//!
//! A follower beside the writer takes the newest commits from here, without asking the home: the writer's readers then
//! cost the journal nothing. Whoever is late reads from the home.
//!
//! Owns: a bounded store of recent commits, and waking followers.
//! Does not own: the truth: a commit gets here only after the home has acknowledged it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use paravox_domain::commit::{EncodedCommit, Position};
use tokio::sync::watch;

/// How many commits are kept at most.
const COMMITS_MAX: usize = 4_096;
/// How many bytes of commits are kept at most, where they are kept.
pub(crate) const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The end of a journal, as far as it is known.
#[derive(Debug)]
pub(crate) struct Tail {
    recent: Mutex<Recent>,
    /// The highest position that was acknowledged or announced.
    announced: AtomicU64,
    changes: watch::Sender<u64>,
    kept_bytes_max: usize,
}

#[derive(Debug, Default)]
struct Recent {
    commits: BTreeMap<Position, EncodedCommit>,
    bytes: usize,
}

impl Tail {
    /// Keeps commits of at most so many bytes; with 0 it keeps none and only wakes.
    pub(crate) fn new(kept_bytes_max: usize) -> Self {
        let (recent, announced) = (Mutex::default(), AtomicU64::new(0));
        Self { recent, announced, changes: watch::Sender::new(0), kept_bytes_max }
    }

    /// Keeps a commit that was acknowledged, and wakes the followers.
    pub(crate) fn push(&self, commit: &EncodedCommit) {
        {
            let mut recent = self.recent();
            recent.bytes += commit.bytes().len();
            if let Some(replaced) = recent.commits.insert(commit.position(), commit.clone()) {
                recent.bytes -= replaced.bytes().len();
            }
            while recent.commits.len() > COMMITS_MAX || recent.bytes > self.kept_bytes_max {
                let Some((_, oldest)) = recent.commits.pop_first() else { break };
                recent.bytes -= oldest.bytes().len();
            }
        }
        self.announce(commit.position());
    }

    /// Wakes the followers: the journal is said to have got to this position.
    pub(crate) fn announce(&self, position: Position) {
        self.announced.fetch_max(position.0, Ordering::AcqRel);
        self.wake();
    }

    /// Wakes the followers: there may be something new.
    pub(crate) fn wake(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Whether this position was acknowledged or announced.
    pub(crate) fn has_announced(&self, position: Position) -> bool {
        self.announced.load(Ordering::Acquire) >= position.0
    }

    /// The commits that follow a position without a hole, as far as they are kept here.
    pub(crate) fn after(&self, position: Position, commits_max: usize) -> Vec<EncodedCommit> {
        let recent = self.recent();
        let mut due = position.next();
        let mut found = Vec::new();
        for (position, commit) in recent.commits.range(due..).take(commits_max) {
            if *position != due {
                break;
            }
            found.push(commit.clone());
            due = due.next();
        }
        found
    }

    /// Is told of every change from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use paravox_domain::commit::{CommitBuilder, Header};
    use paravox_domain::digest::Digest;
    use paravox_domain::id::{CommitId, Id, WriterId};
    use paravox_domain::time::Instant;

    use super::*;

    fn commit(position: u64) -> EncodedCommit {
        CommitBuilder::new().seal(&Header {
            realm: "test".to_owned(),
            position: Position(position),
            writer: WriterId::from_bits(1),
            epoch: 1,
            commit: CommitId::from_bits(position.into()),
            at: Instant(0),
            previous: Digest::GENESIS,
        })
    }

    fn positions(tail: &Tail, after: u64, commits_max: usize) -> Vec<u64> {
        tail.after(Position(after), commits_max).iter().map(|commit| commit.position().0).collect()
    }

    #[test]
    fn what_is_handed_out_has_no_hole() {
        let tail = Tail::new(KEPT_BYTES_MAX);
        for position in [3, 4, 6, 5, 8] {
            tail.push(&commit(position));
        }
        assert_eq!(positions(&tail, 2, 9), [3, 4, 5, 6]);
        assert_eq!(positions(&tail, 4, 1), [5]);
        assert!(positions(&tail, 1, 9).is_empty(), "2 is not here");
        assert!(positions(&tail, 8, 9).is_empty());
        assert!(tail.has_announced(Position(8)) && !tail.has_announced(Position(9)));
    }

    #[test]
    fn i9_it_keeps_no_more_than_its_bytes_and_its_count() {
        let bytes_each = commit(1_000).bytes().len();
        let tail = Tail::new(bytes_each * 3);
        for position in 1_000..1_010 {
            tail.push(&commit(position));
        }
        assert_eq!(positions(&tail, 1_006, 99), [1_007, 1_008, 1_009]);
        assert!(positions(&tail, 1_005, 99).is_empty());

        let tail = Tail::new(usize::MAX);
        for position in 1..=COMMITS_MAX as u64 + 2 {
            tail.push(&commit(position));
        }
        assert!(positions(&tail, 1, 99).is_empty());
        assert_eq!(positions(&tail, 2, usize::MAX).len(), COMMITS_MAX);

        let none = Tail::new(0);
        none.push(&commit(1));
        assert!(positions(&none, 0, 9).is_empty() && none.has_announced(Position(1)));
    }
}
