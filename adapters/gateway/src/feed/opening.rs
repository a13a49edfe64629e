//! The beginning of a feed: from the cursor to the first frames.
//!
//! Owns: what a cursor leads to. A known number: what follows. `latest`: a snapshot of what is open, and what follows.
//! A number that is too old: a hole, a snapshot, and what is kept.
//! Invariant: the snapshot is read when the read models have got at least as far as the newest number, so that nothing
//! falls between it and what follows.

use paravox_domain::id::{DeviceId, PartyId, RequestId};
use paravox_domain::ports::query::{FeedPage, Page, QueryError};
use paravox_domain::time::Span;
use tokio::time::{Duration, Instant as Moment, timeout_at};

use super::frames::{self, Frame};
use super::reader::{News, Reader};
use crate::codes::GatewayCode;
use crate::parts::Shared;
use crate::problem::Problem;
use crate::routes::SessionBody;

/// Where a feed goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// After this number.
    Number(u64),
    /// With what is open, and what follows.
    Latest,
}

impl After {
    /// Reads a cursor.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::Latest);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // As positions in databases: 63 bits.
        digits.then(|| text.parse::<i64>().ok()).flatten().map(|number| Self::Number(number as u64))
    }
}

/// A feed that has begun.
pub(crate) struct Opening {
    /// The frames that come first; items among them.
    pub(crate) first: Vec<Frame>,
    /// The items that are there already, as far as one page holds them.
    pub(crate) items: Vec<paravox_domain::ports::query::FeedItem>,
    /// What follows.
    pub(crate) reader: Reader,
    /// The number after which items follow.
    pub(crate) after: u64,
    /// The newest number.
    pub(crate) newest: u64,
}

/// Begins a feed.
pub(crate) async fn open(
    shared: &Shared,
    (device, party): (DeviceId, PartyId),
    after: After,
) -> Result<Opening, Problem> {
    let watch = shared.feeds.watch(device);
    let page = shared.config.feed.page_items_max;
    let reader = |watch, last| Reader::new(shared.feeds.clone(), device, watch, last, page);
    match after {
        After::Latest => {
            let newest = shared.feeds.newest(device).await?;
            let snapshot = snapshot(shared, (device, party), newest).await?;
            let reader = reader(watch, newest);
            Ok(Opening { first: vec![snapshot], items: Vec::new(), reader, after: newest, newest })
        }
        After::Number(number) => {
            let mut reader = reader(watch, number);
            let mut first = Vec::new();
            let items = match wait_if_ahead(shared, &mut reader).await? {
                News::Items(items) => items,
                News::Ahead(newest) => {
                    let detail = format!(
                        "this feed never had number {number}, the newest is {newest}: begin anew with `after=latest`"
                    );
                    return Err(Problem::new(GatewayCode::CursorAhead, detail));
                }
                News::TooOld(oldest) => {
                    let kept_after = oldest.saturating_sub(1);
                    first.push(frames::hole(number + 1, kept_after));
                    let newest = shared.feeds.newest(device).await?;
                    first.push(snapshot(shared, (device, party), newest).await?);
                    reader.skip_to(kept_after);
                    Vec::new()
                }
            };
            let newest = shared.feeds.newest(device).await?.max(reader.last());
            Ok(Opening { first, items, reader, after: number, newest })
        }
    }
}

/// What is there after the cursor. The read model of this node may be behind the one that gave the cursor: it gets a moment.
async fn wait_if_ahead(shared: &Shared, reader: &mut Reader) -> Result<News, QueryError> {
    let until = Moment::now() + Duration::from_millis(shared.config.read_wait_ms_max);
    loop {
        let news = reader.ready().await?;
        if !matches!(news, News::Ahead(_)) || timeout_at(until, reader.stir()).await.is_err() {
            return Ok(news);
        }
    }
}

/// What is open, as of at least this number.
async fn snapshot(
    shared: &Shared,
    (device, party): (DeviceId, PartyId),
    newest: u64,
) -> Result<Frame, Problem> {
    if newest > 0
        && let FeedPage::Items(items) = shared.feeds.read(device, newest - 1, 1).await?
        && let Some(item) = items.first()
    {
        let limit = Span::millis(i64::try_from(shared.config.read_wait_ms_max).unwrap_or(i64::MAX));
        if !shared.views.wait_for(item.position, limit).await {
            return Err(Problem::new(
                GatewayCode::ReadsBehind,
                "the read models are behind the feed: ask again",
            ));
        }
    }
    let limit = shared.config.feed.snapshot_sessions_max;
    let page = Page { after: None, limit, since: None, until: None };
    let listing = shared.views.sessions(party, true, page).await?;
    let sessions: Vec<SessionBody> = listing.items.into_iter().map(|(_, view)| view.into()).collect();
    Ok(frames::snapshot(newest, &sessions, !listing.has_more))
}

impl Opening {
    /// The first frame of all.
    pub(crate) fn hello(&self, shared: &Shared, device: DeviceId, request: RequestId) -> Frame {
        let places = (self.after, self.newest);
        frames::hello(device, places, shared.config.feed.heartbeat_s, shared.now(), request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_number_or_latest() {
        assert_eq!(After::parse("0"), Some(After::Number(0)));
        assert_eq!(After::parse("17"), Some(After::Number(17)));
        assert_eq!(After::parse("latest"), Some(After::Latest));
        for wrong in ["", "-1", "+1", "1.0", "99999999999999999999999", "LATEST", " 1"] {
            assert_eq!(After::parse(wrong), None, "{wrong}");
        }
    }
}
