//! A feed by long poll.
//!
//! Owns: the wait for the first news, and the form of the answer.
//! Does not own: that polls which follow each other are one connection (`presence`).

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use tokio::time::{Duration, timeout};
use utoipa::ToSchema;

use super::frames::{self, Frame};
use super::opening::{After, open};
use super::presence::Presences;
use super::reader::News;
use super::source::Ends;
use super::{Close, Counted};
use crate::codes::GatewayCode;
use crate::credentials::Access;
use crate::parts::Shared;
use crate::problem::{Problem, Refused};

/// A part of a feed, as a long poll is answered.
#[derive(ToSchema)]
#[schema(as = FeedPage)]
#[expect(dead_code, reason = "describes what is written by hand below")]
pub(crate) struct PollBody {
    /// The cursor for the next poll.
    after: u64,
    /// Items in order: each with its number `n`, when it happened, its position in the journal, and the `item` itself.
    items: Vec<ItemBody>,
    /// Numbers that are no longer kept; what is open is in `snapshot`.
    #[schema(nullable = false)]
    hole: Option<HoleBody>,
    /// What is open: with `after=latest`, and after a hole.
    #[schema(value_type = Option<Object>, nullable = false)]
    snapshot: Option<String>,
}

/// An item of a feed.
#[derive(ToSchema)]
#[schema(as = FeedItem)]
#[expect(dead_code, reason = "describes what is written by hand below")]
struct ItemBody {
    /// Always `item`.
    #[schema(rename = "type")]
    kind: String,
    /// Its number.
    n: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: String,
    /// Its position in the journal.
    position: u64,
    /// The item; its `type` says what it is.
    #[schema(value_type = Object)]
    item: String,
}

/// Numbers that are no longer kept.
#[derive(ToSchema)]
#[schema(as = FeedHole)]
#[expect(dead_code, reason = "describes what is written by hand below")]
struct HoleBody {
    /// Always `hole`.
    #[schema(rename = "type")]
    kind: String,
    /// The last of them.
    n: u64,
    /// The first of them.
    first: u64,
    /// The last of them.
    last: u64,
}

/// Answers with what follows the cursor, waiting for it if need be.
pub(crate) async fn poll(
    shared: &Arc<Shared>,
    access: Access,
    after: After,
    wait: Duration,
) -> Result<Response, Refused> {
    let presences: &Presences = &shared.presences;
    presences.check_room(shared, access.device)?;
    let lease = presences.poll(shared, access);
    let counted = Counted::new("poll");
    let ends = Ends::of(shared, lease.presence(), access.expires);
    let mut opening = open(shared, (access.device, access.party), after).await?;
    if opening.items.is_empty() && opening.first.is_empty() && !wait.is_zero() {
        tokio::select! {
            biased;
            close = ends.wait() => {
                counted.ended(close);
                return Err(ended(close).into());
            }
            // The device polls again already: this answer will hardly be read.
            () = lease.superseded().cancelled() => {}
            news = timeout(wait, opening.reader.next()) => match news {
                Ok(Ok(News::Items(items))) => opening.items = items,
                Ok(Ok(News::TooOld(_) | News::Ahead(_))) | Err(_) => {}
                Ok(Err(error)) => return Err(Problem::from(error).into()),
            },
        }
    }
    if opening.items.iter().any(frames::is_revocation) {
        shared.remember(access.device, true);
    }
    let mut text = format!(r#"{{"after":{},"items":["#, opening.reader.last());
    for (index, item) in opening.items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&frames::item_json(item));
    }
    text.push(']');
    for Frame { kind, text: json, .. } in &opening.first {
        text.extend([",\"", kind, "\":", json]);
    }
    text.push('}');
    let json = HeaderValue::from_static("application/json");
    let headers =
        [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, text).into_response())
}

fn ended(close: Close) -> Problem {
    match close {
        Close::Credential => Problem::new(GatewayCode::CredentialExpired, close.reason()),
        Close::Replaced => Problem::new(GatewayCode::UnderWay, close.reason()),
        _ => Problem::new(GatewayCode::ConnectionsTooMany, close.reason()),
    }
}
