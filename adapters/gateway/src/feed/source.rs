//! What a connected device is sent, one frame after the other, and what ends it.
//!
//! Owns: the order of frames, and the reasons from within for an end. Transports add their own.

use std::collections::VecDeque;
use std::sync::Arc;

use paravox_domain::id::RequestId;
use paravox_domain::ports::Clock;
use paravox_domain::ports::query::FeedItem;
use paravox_domain::time::Instant;
use tokio::time::{Duration, Instant as Moment};
use tokio_util::sync::CancellationToken;

use super::Close;
use super::frames::{self, Frame};
use super::opening::Opening;
use super::presence::Presence;
use super::reader::{News, Reader};
use crate::parts::Shared;

/// The frames of a feed.
pub(crate) struct Source {
    clock: Arc<dyn Clock>,
    pending: VecDeque<Frame>,
    reader: Reader,
    revoked: bool,
}

/// What ends a feed, whatever the device does.
#[derive(Clone)]
pub(crate) struct Ends {
    replaced: CancellationToken,
    put_out: CancellationToken,
    closing: CancellationToken,
    expires: Moment,
}

impl Source {
    /// The frames of a feed that has begun, the first one included.
    pub(crate) fn new(shared: &Shared, opening: Opening, presence: &Presence, request: RequestId) -> Self {
        let hello = opening.hello(shared, presence.device(), request);
        let clock = Arc::clone(&shared.clock);
        let mut source = Self { clock, pending: VecDeque::new(), reader: opening.reader, revoked: false };
        source.pending.push_back(hello);
        source.pending.extend(opening.first);
        source.take(opening.items);
        source
    }

    fn take(&mut self, items: Vec<FeedItem>) {
        for item in items {
            self.revoked |= frames::is_revocation(&item);
            self.pending.push_back(frames::item(&item));
        }
    }

    /// Notes how long it took from the decisions to here.
    fn note(&self, items: &[FeedItem]) {
        let now = self.clock.now();
        let histogram = metrics::histogram!("paravox_feed_decision_to_device_seconds");
        for item in items {
            histogram.record(now.since(item.at).micros().max(0) as f64 / 1e6);
        }
    }

    /// The last number that was read.
    pub(crate) const fn last(&self) -> u64 {
        self.reader.last()
    }

    /// The next frame, or the end. May be dropped at any time.
    pub(crate) async fn next(&mut self) -> Result<Frame, Close> {
        loop {
            if let Some(frame) = self.pending.pop_front() {
                return Ok(frame);
            }
            if self.revoked {
                return Err(Close::Credential);
            }
            match self.reader.next().await {
                Ok(News::Items(items)) => {
                    self.note(&items);
                    self.take(items);
                }
                Ok(News::TooOld(_)) => return Err(Close::CursorTooOld),
                Ok(News::Ahead(_)) => return Err(Close::Ours),
                Err(error) => {
                    tracing::warn!(%error, "a feed cannot be read");
                    return Err(Close::Ours);
                }
            }
        }
    }

    /// A frame that is there without waiting.
    pub(crate) fn ready(&mut self) -> Option<Frame> {
        self.pending.pop_front()
    }
}

impl Ends {
    /// The ends of a device's connection whose token expires at `expires`.
    pub(crate) fn of(shared: &Shared, presence: &Presence, expires: Instant) -> Self {
        let rest = u64::try_from(expires.since(shared.now()).micros()).unwrap_or_default();
        Self {
            replaced: presence.replaced().clone(),
            put_out: presence.put_out().clone(),
            closing: shared.closing.clone(),
            expires: Moment::now() + Duration::from_micros(rest),
        }
    }

    /// Waits for the first of them.
    pub(crate) async fn wait(&self) -> Close {
        tokio::select! {
            biased;
            () = self.replaced.cancelled() => Close::Replaced,
            () = self.put_out.cancelled() => Close::Credential,
            () = self.closing.cancelled() => Close::GoingAway,
            () = tokio::time::sleep_until(self.expires) => Close::Credential,
        }
    }
}
