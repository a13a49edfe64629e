//! Faults that a test or the simulation asks a journal in memory for.
//!
//! Owns: which fault is due, and the gate that holds appends back.
//! Invariant: faults happen in the order in which they were asked for, each to one append.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use paravox_domain::commit::{CommitBuilder, EncodedCommit, Header};
use paravox_domain::id::{CommitId, Id, WriterId};
use tokio::sync::watch;

/// What happens to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The outcome stays unknown; the commit was appended.
    UnconfirmedAppended,
    /// The outcome stays unknown; the commit was not appended.
    UnconfirmedLost,
    /// Refused at the moment; nothing was appended.
    Unavailable,
    /// Another writer was faster: its commit, an empty one, stands there.
    Fenced,
}

/// The faults that are due.
#[derive(Debug)]
pub struct Faults {
    appends: Mutex<VecDeque<Fault>>,
    reads: AtomicUsize,
    held: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { appends: Mutex::default(), reads: AtomicUsize::new(0), held: watch::Sender::new(false) }
    }
}

impl Faults {
    /// Has the next append that has no fault yet fail in this way.
    pub fn fail_next_append(&self, fault: Fault) {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    /// Has the next so many reads find the journal unavailable.
    pub fn fail_reads(&self, reads: usize) {
        self.reads.store(reads, Ordering::SeqCst);
    }

    /// Holds appends back from now on: they wait, and nothing is appended.
    pub fn hold_appends(&self) {
        self.held.send_replace(true);
    }

    /// Lets appends go on.
    pub fn release_appends(&self) {
        self.held.send_replace(false);
    }

    /// Waits while appends are held back.
    pub(super) async fn gate(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
    }

    pub(super) fn next(&self) -> Option<Fault> {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn next_read(&self) -> bool {
        self.reads.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// The empty commit of another writer for the place that this commit was to get.
pub(super) fn rival(commit: &EncodedCommit) -> EncodedCommit {
    let header = commit.header();
    let header = Header {
        writer: WriterId::from_bits(!header.writer.bits()),
        epoch: header.epoch + 1,
        commit: CommitId::from_bits(!header.commit.bits()),
        ..header.clone()
    };
    CommitBuilder::new().seal(&header)
}
