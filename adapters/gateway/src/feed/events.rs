//! A feed as server-sent events.
//!
//! Owns: the form of the stream: `id:` is the number in the feed, so that `Last-Event-ID` resumes; `event:` the frame's type.
//! Does not own: what is sent (`source`).
//! Invariant: the queue is bounded; who does not read is cut off, and resumes.

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant as Moment, MissedTickBehavior, interval_at, timeout};

use super::frames::{self, Frame};
use super::presence::Presence;
use super::source::{Ends, Source};
use super::{Close, Counted};
use crate::parts::Shared;

fn event(frame: Frame) -> Event {
    let event = Event::default().event(frame.kind).data(frame.text);
    match frame.number {
        Some(number) => event.id(number.to_string()),
        None => event,
    }
}

/// Answers with the feed.
pub(crate) fn events(shared: Arc<Shared>, source: Source, ends: Ends, presence: Presence) -> Response {
    let (tx, mut rx) = mpsc::channel::<Event>(shared.config.feed.queue_items_max.max(1));
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let counted = Counted::new("events");
        let close = serve(&shared, source, &ends, &tx).await;
        counted.ended(close);
        drop(presence);
        // Who is gone or does not read need not be told.
        let _ = tx.try_send(event(frames::close(close)));
    });
    let stream = poll_fn(move |context| rx.poll_recv(context).map(|event| event.map(Ok::<_, Infallible>)));
    let mut response = Sse::new(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect answers are told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

async fn serve(shared: &Shared, mut source: Source, ends: &Ends, tx: &mpsc::Sender<Event>) -> Close {
    let slow = Duration::from_millis(shared.config.feed.slow_ms_max);
    let every = Duration::from_secs(shared.config.feed.heartbeat_s.max(1));
    let mut heartbeat = interval_at(Moment::now() + every, every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let last = source.last();
        let frame = tokio::select! {
            biased;
            close = ends.wait() => return close,
            () = tx.closed() => return Close::Gone,
            _ = heartbeat.tick() => frames::heartbeat(last, shared.now()),
            frame = source.next() => match frame {
                Ok(frame) => frame,
                Err(close) => return close,
            },
        };
        let sending = timeout(slow, tx.send(event(frame)));
        tokio::select! {
            biased;
            close = ends.wait() => return close,
            sent = sending => match sent {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Close::Gone,
                Err(_) => return Close::TooSlow,
            },
        }
    }
}
