//! A feed over a WebSocket.
//!
//! Owns: the two directions of the socket, the heartbeat, the queue to a slow device and its end (4408).
//! Does not own: what is sent (`source`).
//! Invariant: the queue is bounded; what is sent by the device is small, and rare.
//! Time: the `Clock` port for the four time stamps, the runtime's clock for limits.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use paravox_domain::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{
    Duration, Instant as Moment, Interval, MissedTickBehavior, interval_at, sleep_until, timeout,
};

use super::frames::{self, FromDevice};
use super::presence::Presence;
use super::source::{Ends, Source};
use super::{Close, Counted};
use crate::http_body::read_json;
use crate::parts::Shared;

/// How long the end may take: what is queued is sent, the close frame too.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Silent heartbeats before a device counts as gone.
const SILENT_MAX: u32 = 3;

/// What is on its way to the socket.
enum Out {
    Text(String),
    Ping,
    /// The last time stamp is taken when it leaves.
    Pong {
        t0_us: i64,
        t1: Instant,
    },
}

/// Serves a device until an end.
pub(crate) async fn socket(
    shared: Arc<Shared>,
    socket: WebSocket,
    source: Source,
    ends: Ends,
    presence: Presence,
) {
    let counted = Counted::new("websocket");
    let (sink, stream) = socket.split();
    let (tx, rx) = mpsc::channel(shared.config.feed.queue_items_max.max(1));
    let (end, ended) = oneshot::channel();
    let sender = tokio::spawn(send(Arc::clone(&shared), sink, rx, ended));
    let every = Duration::from_secs(shared.config.feed.heartbeat_s.max(1));
    let mut heartbeat = interval_at(Moment::now() + every, every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let frames = NonZeroU32::new(shared.config.rates.feed_frames_per_s)
        .map(Quota::per_second)
        .map(RateLimiter::direct);
    let mut serving = Serving {
        shared: &shared,
        source,
        stream,
        tx,
        pending: VecDeque::new(),
        stuck: None,
        heartbeat,
        heard: Moment::now(),
        frames,
    };
    let close = serving.run(&ends).await;
    let Serving { mut stream, tx, .. } = serving;
    counted.ended(close);
    // The place is free at once: whoever comes next is not held up by this end.
    drop(presence);
    // The receiver is gone only if the socket is.
    let _ = end.send(close);
    drop(tx);
    let abort = sender.abort_handle();
    if timeout(CLOSE_LIMIT, sender).await.is_err() {
        abort.abort();
    } else if close != Close::Gone {
        // The device answers the close; what it sent before is taken off the wire, so that the close gets through.
        let _ = timeout(CLOSE_LIMIT, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
}

struct Serving<'a> {
    shared: &'a Shared,
    source: Source,
    stream: SplitStream<WebSocket>,
    tx: mpsc::Sender<Out>,
    pending: VecDeque<Out>,
    /// Since when the queue is full.
    stuck: Option<Moment>,
    heartbeat: Interval,
    heard: Moment,
    frames: Option<DefaultDirectRateLimiter>,
}

impl Serving<'_> {
    async fn run(&mut self, ends: &Ends) -> Close {
        let slow = Duration::from_millis(self.shared.config.feed.slow_ms_max);
        let silent = self.heartbeat.period() * SILENT_MAX;
        loop {
            self.hand_over();
            let until = self.stuck.map(|since| since + slow);
            let tx = self.tx.clone();
            tokio::select! {
                biased;
                close = ends.wait() => return close,
                permit = tx.reserve(), if until.is_some() => match (permit, self.pending.pop_front()) {
                    (Ok(permit), Some(out)) => {
                        permit.send(out);
                        self.stuck = None;
                    }
                    (Ok(_), None) => {}
                    (Err(_), _) => return Close::Gone,
                },
                () = sleep_until(until.unwrap_or_else(Moment::now)), if until.is_some() => return Close::TooSlow,
                incoming = self.stream.next() => {
                    self.heard = Moment::now();
                    if let Some(close) = self.incoming(incoming) {
                        return close;
                    }
                }
                _ = self.heartbeat.tick() => {
                    if self.heard.elapsed() > silent {
                        return Close::TooSlow;
                    }
                    if self.pending.is_empty() {
                        let beat = frames::heartbeat(self.source.last(), self.shared.now());
                        self.pending.extend([Out::Text(beat.text), Out::Ping]);
                    }
                }
                frame = self.source.next(), if self.pending.is_empty() => match frame {
                    Ok(frame) => self.pending.push_back(Out::Text(frame.text)),
                    Err(close) => return close,
                },
            }
        }
    }

    /// Moves what is there into the queue, as far as there is room.
    fn hand_over(&mut self) {
        loop {
            let next = self.pending.pop_front();
            let Some(out) = next.or_else(|| self.source.ready().map(|frame| Out::Text(frame.text))) else {
                self.stuck = None;
                return;
            };
            match self.tx.try_send(out) {
                Ok(()) => self.stuck = None,
                Err(mpsc::error::TrySendError::Full(out) | mpsc::error::TrySendError::Closed(out)) => {
                    self.pending.push_front(out);
                    self.stuck.get_or_insert_with(Moment::now);
                    return;
                }
            }
        }
    }

    fn incoming(&mut self, message: Option<Result<Message, axum::Error>>) -> Option<Close> {
        let text = match message {
            None | Some(Ok(Message::Close(_))) => return Some(Close::Gone),
            // Too large, not UTF-8, not masked, or the connection broke.
            Some(Err(_)) => return Some(Close::BadFrame),
            Some(Ok(Message::Binary(_))) => return Some(Close::BadFrame),
            Some(Ok(message @ (Message::Ping(_) | Message::Pong(_)))) => {
                drop(message);
                None
            }
            Some(Ok(Message::Text(text))) => Some(text),
        };
        if self.frames.as_ref().is_some_and(|frames| frames.check().is_err()) {
            return Some(Close::TooMany);
        }
        let t1 = self.shared.now();
        match read_json::<FromDevice>(text?.as_bytes()) {
            Ok(FromDevice::Ping { t0_us }) => {
                self.pending.push_back(Out::Pong { t0_us, t1 });
                None
            }
            Err(_) => Some(Close::BadFrame),
        }
    }
}

/// Sends what is queued, then the close frame.
async fn send(
    shared: Arc<Shared>,
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: mpsc::Receiver<Out>,
    ended: oneshot::Receiver<Close>,
) {
    while let Some(out) = queue.recv().await {
        let mut next = Some(out);
        while let Some(out) = next {
            let message = match out {
                Out::Text(text) => Message::text(text),
                Out::Ping => Message::Ping(axum::body::Bytes::new()),
                Out::Pong { t0_us, t1 } => Message::text(frames::pong(t0_us, t1, shared.now())),
            };
            if sink.feed(message).await.is_err() {
                return;
            }
            next = queue.try_recv().ok();
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
    if let Ok(close) = ended.await {
        let frame = CloseFrame { code: close.code(), reason: close.reason().into() };
        // The device may be gone: then there is nobody to tell.
        let _ = sink.send(Message::Close(Some(frame))).await;
    }
}
