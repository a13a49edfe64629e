//! The handle: how others reach the writer.
//!
//! Owns: the way into the queue, the refusal at its limit, the status that others watch.
//! Invariant: submitting never waits for room; beyond the limit it refuses, with a time to come back.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use paravox_domain::command::Command;
use paravox_domain::commit::Position;
use paravox_domain::ports::{Boxed, Commands, Outcome, Refused};
use paravox_domain::time::Span;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

/// When to come back to a realm without a writer: a lease is taken over in seconds.
pub(crate) const NO_WRITER: Refused = Refused::NoWriter { retry_after: Span::millis(500) };
/// The shortest and longest time after which to come back to a full queue.
const BUSY_MIN: Span = Span::millis(20);
const BUSY_MAX: Span = Span::seconds(10);
/// When to come back while the journal takes nothing.
const STALLED: Span = Span::seconds(1);

/// What the writer does at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It follows the journal, ready to take over.
    Follower {
        /// The last commit that it has followed.
        position: Position,
    },
    /// It decides commands.
    Leader {
        /// Its epoch, as its commits name it.
        epoch: u64,
        /// The last commit that is durable.
        position: Position,
    },
    /// It has ended.
    Stopped {
        /// Why: damage in the journal, or because it was asked to.
        why: String,
    },
}

/// Where answers go.
pub(crate) type Reply = oneshot::Sender<Result<Outcome, Refused>>;

/// A command with the way back.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) command: Command,
    pub(crate) reply: Reply,
}

/// What the writer and its handles share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Whether commands are taken.
    pub(crate) leads: AtomicBool,
    /// Whether the journal takes nothing at the moment.
    pub(crate) stalled: AtomicBool,
    /// How long a command takes at the present rate, in nanoseconds.
    pub(crate) pace_ns: AtomicU64,
    /// Refusals at the queue, to be counted.
    pub(crate) busy: AtomicU64,
    /// Refusals without a writer, to be counted.
    pub(crate) no_writer: AtomicU64,
}

impl Shared {
    /// When to come back if so many commands wait.
    pub(crate) fn retry_after(&self, waiting: usize) -> Span {
        let pace_ns = self.pace_ns.load(Ordering::Relaxed);
        let micros = (waiting as u64).saturating_mul(pace_ns) / 1_000;
        let span = Span(i64::try_from(micros).unwrap_or(i64::MAX));
        let least = if self.stalled.load(Ordering::Relaxed) { STALLED } else { BUSY_MIN };
        span.clamp(least, BUSY_MAX)
    }
}

/// A handle to the writer of this process. Clones stand for the same writer; when the last one is dropped, the writer
/// ends as by [`WriterHandle::shutdown`].
#[derive(Clone, Debug)]
pub struct WriterHandle {
    pub(crate) queue: mpsc::Sender<Asked>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) stop: Arc<watch::Sender<bool>>,
}

impl WriterHandle {
    /// The status, to look at or to watch.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Ends the writer: takes nothing more, finishes what is in flight, gives the lease back, and returns when that is
    /// done. Nothing that was acknowledged is lost; what was not taken is answered [`Refused::NoWriter`].
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut status = self.status();
        // The sender is gone only when the writer's task is.
        let _ = status.wait_for(|status| matches!(status, Status::Stopped { .. })).await;
    }
}

impl Commands for WriterHandle {
    fn submit(&self, command: Command) -> Boxed<'_, Result<Outcome, Refused>> {
        if !self.shared.leads.load(Ordering::Acquire) {
            self.shared.no_writer.fetch_add(1, Ordering::Relaxed);
            return Box::pin(future::ready(Err(NO_WRITER)));
        }
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(Asked { command, reply }) {
            Ok(()) => Box::pin(async move { answer.await.unwrap_or(Err(NO_WRITER)) }),
            Err(TrySendError::Full(_)) => {
                self.shared.busy.fetch_add(1, Ordering::Relaxed);
                let retry_after = self.shared.retry_after(self.queue.max_capacity());
                Box::pin(future::ready(Err(Refused::Busy { retry_after })))
            }
            Err(TrySendError::Closed(_)) => Box::pin(future::ready(Err(NO_WRITER))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_the_time_to_come_back_grows_with_what_waits_and_is_bounded() {
        let shared = Shared::default();
        assert_eq!(shared.retry_after(8_192), BUSY_MIN, "nothing is known of the rate");
        shared.pace_ns.store(100_000, Ordering::Relaxed);
        assert_eq!(shared.retry_after(8_192), Span(819_200));
        shared.pace_ns.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(shared.retry_after(usize::MAX), BUSY_MAX);
        shared.pace_ns.store(1, Ordering::Relaxed);
        shared.stalled.store(true, Ordering::Relaxed);
        assert_eq!(shared.retry_after(1), STALLED);
    }
}
