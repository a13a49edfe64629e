//! Frames: what is sent on a feed, as JSON.
//!
//! Owns: the form of each frame. Every frame has a `type`; what has a place in the feed has `n`.

use paravox_domain::id::{DeviceId, Id as _, RequestId};
use paravox_domain::ports::query::FeedItem;
use paravox_domain::time::Instant;
use serde::{Deserialize, Serialize};

use super::{Close, PROTOCOL};
use crate::routes::SessionBody;
use crate::time_text::{TimeText, text};

/// A frame that the server sends.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Its type.
    pub(crate) kind: &'static str,
    /// Its number in the feed, for what may be resumed after.
    pub(crate) number: Option<u64>,
    /// The JSON.
    pub(crate) text: String,
}

/// A frame that a device sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub(crate) enum FromDevice {
    /// A heartbeat: the server answers with its own times, so that the device can tell how its clock stands.
    #[serde(rename = "ping")]
    Ping {
        /// When it was sent, by the device's clock, in microseconds.
        t0_us: i64,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "hello")]
struct Hello<'a> {
    protocol: &'a str,
    device: DeviceId,
    after: u64,
    newest: u64,
    heartbeat_s: u64,
    server_time: TimeText,
    server_time_us: i64,
    traceparent: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "snapshot")]
struct Snapshot<'a> {
    n: u64,
    sessions: &'a [SessionBody],
    complete: bool,
}

fn json(value: &impl Serialize) -> String {
    // Strings, numbers and lists only: this cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// The first frame.
pub(crate) fn hello(
    device: DeviceId,
    (after, newest): (u64, u64),
    heartbeat_s: u64,
    now: Instant,
    request: RequestId,
) -> Frame {
    let hello = Hello {
        protocol: PROTOCOL,
        device,
        after,
        newest,
        heartbeat_s,
        server_time: TimeText(now),
        server_time_us: now.micros(),
        traceparent: traceparent(request),
    };
    Frame { kind: "hello", number: None, text: json(&hello) }
}

/// The request's id as the id of a trace (W3C Trace Context).
fn traceparent(request: RequestId) -> String {
    let bits = request.bits();
    format!("00-{bits:032x}-{:016x}-01", (bits as u64) | 1)
}

/// An item as JSON, as it stands in a frame or in the answer to a long poll.
pub(crate) fn item_json(item: &FeedItem) -> String {
    let FeedItem { number, position, at, body } = item;
    format!(r#"{{"type":"item","n":{number},"at":"{}","position":{},"item":{body}}}"#, text(*at), position.0)
}

/// An item.
pub(crate) fn item(item: &FeedItem) -> Frame {
    Frame { kind: "item", number: Some(item.number), text: item_json(item) }
}

/// Numbers that are no longer kept.
pub(crate) fn hole(first: u64, last: u64) -> Frame {
    let text = format!(r#"{{"type":"hole","n":{last},"first":{first},"last":{last}}}"#);
    Frame { kind: "hole", number: Some(last), text }
}

/// What is open, as of a number. `complete` is false where there are more open sessions than a snapshot holds.
pub(crate) fn snapshot(n: u64, sessions: &[SessionBody], complete: bool) -> Frame {
    Frame { kind: "snapshot", number: None, text: json(&Snapshot { n, sessions, complete }) }
}

/// The server lives.
pub(crate) fn heartbeat(n: u64, now: Instant) -> Frame {
    let text = format!(r#"{{"type":"heartbeat","n":{n},"server_time_us":{}}}"#, now.micros());
    Frame { kind: "heartbeat", number: None, text }
}

/// The answer to a ping: when it was sent (device's clock), when it came and when this leaves (server's clock).
pub(crate) fn pong(t0_us: i64, t1: Instant, t2: Instant) -> String {
    format!(r#"{{"type":"pong","t0_us":{t0_us},"t1_us":{},"t2_us":{}}}"#, t1.micros(), t2.micros())
}

/// The end, for transports that have no close codes.
pub(crate) fn close(close: Close) -> Frame {
    let text = format!(r#"{{"type":"close","code":{},"reason":"{}"}}"#, close.code(), close.reason());
    Frame { kind: "close", number: None, text }
}

/// Whether an item tells the device that it was put out.
pub(crate) fn is_revocation(item: &FeedItem) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    const REVOKED: &str = "device.revoked";
    // Most items are told by one look; a text may hold the word.
    item.body.contains(REVOKED)
        && serde_json::from_str::<Kind<'_>>(&item.body).is_ok_and(|kind| kind.kind == REVOKED)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use paravox_domain::commit::Position;

    use super::*;

    fn an_item(body: &str) -> FeedItem {
        FeedItem { number: 3, position: Position(7), at: Instant(0), body: Arc::from(body) }
    }

    #[test]
    fn every_frame_is_json_with_a_type() {
        let device = DeviceId::from_bits(1);
        for frame in [
            hello(device, (3, 5), 15, Instant(1), RequestId::from_bits(9)),
            item(&an_item(r#"{"type":"session.closed"}"#)),
            hole(1, 2),
            snapshot(5, &[], true),
            heartbeat(5, Instant(1)),
            close(Close::Replaced),
        ] {
            let value: serde_json::Value = serde_json::from_str(&frame.text).unwrap();
            assert_eq!(value["type"], frame.kind);
        }
        let pong: serde_json::Value = serde_json::from_str(&pong(1, Instant(2), Instant(3))).unwrap();
        assert_eq!(
            (pong["t0_us"].as_i64(), pong["t1_us"].as_i64(), pong["t2_us"].as_i64()),
            (Some(1), Some(2), Some(3))
        );
    }

    #[test]
    fn a_text_that_speaks_of_a_revocation_is_none() {
        assert!(is_revocation(&an_item(r#"{"type":"device.revoked","cause":"asked"}"#)));
        assert!(!is_revocation(&an_item(r#"{"type":"message.text","text":"\"type\":\"device.revoked\""}"#)));
    }
}
