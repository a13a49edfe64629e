//! Checkpoints: bringing what stands in the write-ahead log into the file, beside the appends and not within them.
//!
//! SQLite's own checkpoint runs in the commit that crosses its limit, and that commit waits for megabytes to be written
//! and synced. Here another connection does it while appends go on; SQLite's own stays as a limit far above.
//!
//! Owns: when a checkpoint is begun.
//! Does not own: durability. A commit is durable by the log's sync; a checkpoint that fails or never runs loses nothing.
//! Invariant: one at a time, and no append waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sqlx::SqlitePool;

/// A checkpoint is begun after so many bytes of commits.
const EVERY_BYTES: usize = 2 * 1024 * 1024;

/// The size of the log, in pages of 4 KiB, at which SQLite's own checkpoint steps in.
pub(super) const LOG_PAGES_MAX: &str = "16384";

/// Begins checkpoints.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    since: AtomicUsize,
    running: Arc<AtomicBool>,
}

impl Checkpoints {
    /// So many bytes were appended.
    pub(super) fn appended(&self, bytes: usize, connections: &SqlitePool) {
        if self.since.fetch_add(bytes, Ordering::Relaxed) + bytes < EVERY_BYTES {
            return;
        }
        if self.running.swap(true, Ordering::AcqRel) {
            return;
        }
        self.since.store(0, Ordering::Relaxed);
        let (running, connections) = (Arc::clone(&self.running), connections.clone());
        tokio::spawn(async move {
            if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&connections).await {
                tracing::debug!(%error, "a checkpoint of the journal's file was not made; the next one makes up for it");
            }
            running.store(false, Ordering::Release);
        });
    }
}
