//! A device's place at its feed: everything after a number, in order, without a hole or a repeat.
//!
//! Owns: putting together what was nudged and what is read.
//! Invariant: the numbers handed out follow each other. The watch begins before the first read, so that nothing falls
//! between; a nudge that leaves a hole leads to a read.

use std::sync::Arc;

use paravox_domain::id::DeviceId;
use paravox_domain::ports::query::{FeedItem, FeedPage, FeedSignal, FeedWatch, Feeds, QueryError};

/// A place at a feed.
pub(crate) struct Reader {
    feeds: Arc<dyn Feeds>,
    device: DeviceId,
    watch: Box<dyn FeedWatch>,
    last: u64,
    behind: bool,
    page: usize,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum News {
    /// Items, at least one.
    Items(Vec<FeedItem>),
    /// What follows is no longer kept; the oldest number that is.
    TooOld(u64),
    /// The place is ahead of the feed, whose newest number this is.
    Ahead(u64),
}

impl Reader {
    /// A place behind this number. `watch` was begun before that number was known.
    pub(crate) fn new(
        feeds: Arc<dyn Feeds>,
        device: DeviceId,
        watch: Box<dyn FeedWatch>,
        last: u64,
        page: usize,
    ) -> Self {
        Self { feeds, device, watch, last, behind: true, page }
    }

    /// The last number handed out.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Leaves out what is no longer kept.
    pub(crate) const fn skip_to(&mut self, last: u64) {
        self.last = last;
    }

    /// What is there already; an empty list at the end.
    pub(crate) async fn ready(&mut self) -> Result<News, QueryError> {
        match self.feeds.read(self.device, self.last, self.page).await? {
            FeedPage::Items(items) => {
                if let Some(item) = items.last() {
                    self.last = item.number;
                }
                self.behind = items.len() >= self.page;
                Ok(News::Items(items))
            }
            FeedPage::TooOld { oldest, .. } => Ok(News::TooOld(oldest)),
            FeedPage::Ahead { newest } => Ok(News::Ahead(newest)),
        }
    }

    /// Waits for what comes next. May be dropped at any time.
    pub(crate) async fn next(&mut self) -> Result<News, QueryError> {
        loop {
            if self.behind {
                match self.ready().await? {
                    News::Items(items) if items.is_empty() => {}
                    news => return Ok(news),
                }
            }
            if let Some(items) = self.nudged().await {
                return Ok(News::Items(items));
            }
        }
    }

    /// Waits for a nudge; `None` where it leads to a read, or to nothing.
    async fn nudged(&mut self) -> Option<Vec<FeedItem>> {
        let FeedSignal::Items(mut items) = self.watch.next().await else {
            self.behind = true;
            return None;
        };
        items.retain(|item| item.number > self.last);
        let first = items.first()?.number;
        let joined = items.iter().zip(first..).all(|(item, number)| item.number == number);
        if first != self.last + 1 || !joined {
            self.behind = true;
            return None;
        }
        self.last = items.last()?.number;
        Some(items)
    }

    /// Waits until something may have changed.
    pub(crate) async fn stir(&mut self) {
        self.watch.next().await;
        self.behind = true;
    }
}
