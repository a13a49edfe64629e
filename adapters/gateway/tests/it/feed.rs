//! Feeds by long poll and by server-sent events.

use std::time::Duration;

use futures_util::StreamExt as _;
use paravox_domain::time::Span;
use paravox_gateway::{FeedConfig, GatewayConfig};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{ANNA, BEN, Phone, Reply, Server, config, soon, start, start_with, until};

fn types(reply: &Reply) -> Vec<&str> {
    reply.body["items"].as_array().unwrap().iter().map(|one| one["item"]["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn s12_a_poll_gives_what_follows_the_cursor_and_the_next_cursor() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let first = server.get(&anna.access, "/v1/feed?after=0").await.expect(200);
    assert_eq!(types(&first)[0], "session.opened");
    assert_eq!(first.body["items"][0]["n"], 1);
    assert_eq!(first.body["items"][0]["item"]["session"], session.as_str());
    let after = first.body["after"].as_u64().unwrap();
    assert_eq!(after, first.body["items"].as_array().unwrap().len() as u64);
    let none = server.get(&anna.access, &format!("/v1/feed?after={after}")).await.expect(200);
    assert_eq!((none.body["items"].as_array().unwrap().len(), &none.body["after"]), (0, &json!(after)));
    server
        .post(&ben.access, &format!("/v1/sessions/{session}/messages"), json!({"text": "hi"}))
        .await
        .expect(201);
    let next = server.get(&anna.access, &format!("/v1/feed?after={after}")).await.expect(200);
    assert_eq!((types(&next), &next.body["items"][0]["n"]), (vec!["message.text"], &json!(after + 1)));
}

#[tokio::test]
async fn a_poll_waits_for_news_and_no_longer_than_asked() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let (poll, ()) = tokio::join!(server.get(&anna.access, "/v1/feed?after=0&wait_s=20"), async {
        until("the poll", || server.world.is_connected(anna.id())).await;
        server.world.put(anna.id(), r#"{"type":"session.closed"}"#);
    });
    assert_eq!(types(&poll.expect(200)), ["session.closed"]);
    let began = std::time::Instant::now();
    let empty = server.get(&anna.access, "/v1/feed?after=1&wait_s=1").await.expect(200);
    assert_eq!(empty.body, json!({"after": 1, "items": []}));
    assert!(began.elapsed() >= Duration::from_secs(1));
    let long = server.get(&anna.access, "/v1/feed?after=1&wait_s=61").await.expect(400);
    assert_eq!(long.code(), "PVX-4003");
}

#[tokio::test]
async fn polls_that_follow_each_other_are_one_connection_that_ends_after_its_grace() {
    let feed = FeedConfig { poll_grace_ms: 300, ..FeedConfig::default() };
    let server = start_with(GatewayConfig { feed, ..config() }).await;
    let anna = server.phone(ANNA).await;
    for _ in 0..5 {
        server.get(&anna.access, "/v1/feed?after=0").await.expect(200);
    }
    until("the connection", || server.world.connections(anna.id()).0 == 1).await;
    until("its end", || server.world.connections(anna.id()) == (1, 1)).await;
}

#[tokio::test]
async fn a_second_poll_at_the_same_time_ends_the_first() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let (first, second) = tokio::join!(server.get(&anna.access, "/v1/feed?after=0&wait_s=20"), async {
        until("the first poll", || server.world.is_connected(anna.id())).await;
        server.get(&anna.access, "/v1/feed?after=0").await
    });
    assert_eq!(
        (first.expect(200).body, second.expect(200).body),
        (json!({"after": 0, "items": []}), json!({"after": 0, "items": []}))
    );
    assert_eq!(server.world.connections(anna.id()), (1, 0));
}

#[tokio::test]
async fn latest_begins_with_a_snapshot_of_what_is_open() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let poll = server.get(&anna.access, "/v1/feed?after=latest").await.expect(200);
    let newest = poll.body["after"].as_u64().unwrap();
    assert!(newest >= 1);
    assert_eq!(poll.body["snapshot"]["n"], newest);
    assert_eq!(poll.body["snapshot"]["sessions"][0]["session"], session.as_str());
    assert_eq!(poll.body["items"], json!([]));
}

#[tokio::test]
async fn a_cursor_that_is_too_old_gets_a_hole_and_a_snapshot_and_one_that_is_ahead_is_told_so() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    for n in 1..=5 {
        server.world.put(anna.id(), &format!(r#"{{"type":"test","of":{n}}}"#));
    }
    server.world.forget_before(anna.id(), 4);
    let old = server.get(&anna.access, "/v1/feed?after=1").await.expect(200);
    assert_eq!(old.body["hole"], json!({"type": "hole", "n": 3, "first": 2, "last": 3}));
    assert_eq!(old.body["snapshot"]["sessions"], json!([]));
    assert_eq!(old.body["after"], 3);
    let rest = server.get(&anna.access, "/v1/feed?after=3").await.expect(200);
    assert_eq!(rest.body["items"].as_array().unwrap().len(), 2);
    let ahead = server.get(&anna.access, "/v1/feed?after=6").await.expect(409);
    assert_eq!(ahead.code(), "PVX-4030");
}

/// Server-sent events, one after the other.
struct Events {
    stream: futures_util::stream::BoxStream<'static, reqwest::Result<axum::body::Bytes>>,
    buffer: String,
}

impl Events {
    async fn open(server: &Server, phone: &Phone, query: &str, last: Option<&str>) -> Self {
        let mut request = server.request(Method::GET, &format!("/v1/feed{query}")).bearer_auth(&phone.access);
        request = request.header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { stream: response.bytes_stream().boxed(), buffer: String::new() }
    }

    /// The next event: its type, its id, its data; `None` at the end.
    async fn next(&mut self) -> Option<(String, Option<String>, Value)> {
        soon("an event", async {
            loop {
                if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                    let field = |name: &str| {
                        event
                            .lines()
                            .find_map(|line| line.strip_prefix(name))
                            .map(|value| value.trim().to_owned())
                    };
                    let found = (field("event:").unwrap(), field("id:"), field("data:").unwrap());
                    let rest = rest.to_owned();
                    self.buffer = rest;
                    let data = serde_json::from_str(&found.2).unwrap();
                    return Some((found.0, found.1, data));
                }
                let bytes = self.stream.next().await?.ok()?;
                self.buffer.push_str(std::str::from_utf8(&bytes).unwrap());
            }
        })
        .await
    }
}

#[tokio::test]
async fn s12_events_resume_after_the_last_id_without_a_loss_or_a_repeat() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    for n in 1..=3 {
        server.world.put(anna.id(), &format!(r#"{{"type":"test","of":{n}}}"#));
    }
    let mut events = Events::open(&server, &anna, "?after=1", None).await;
    let (kind, id, hello) = events.next().await.unwrap();
    assert_eq!(
        (kind.as_str(), id, &hello["device"], &hello["after"]),
        ("hello", None, &json!(anna.device), &json!(1))
    );
    for n in [2, 3] {
        let (kind, id, data) = events.next().await.unwrap();
        assert_eq!(
            (kind.as_str(), id.as_deref(), &data["n"]),
            ("item", Some(n.to_string().as_str()), &json!(n))
        );
    }
    server.world.put(anna.id(), r#"{"type":"test","of":4}"#);
    assert_eq!(events.next().await.unwrap().2["item"]["of"], 4);
    drop(events);
    until("the end of the connection", || !server.world.is_connected(anna.id())).await;
    server.world.put(anna.id(), r#"{"type":"test","of":5}"#);
    let mut events = Events::open(&server, &anna, "?after=0", Some("4")).await;
    events.next().await.unwrap();
    assert_eq!(events.next().await.unwrap().1.as_deref(), Some("5"));
}

#[tokio::test]
async fn a7_events_do_not_outlive_their_token_nor_a_revocation() {
    let server = start_with(GatewayConfig { access_token_s: 1, ..config() }).await;
    let anna = server.phone(ANNA).await;
    let mut events = Events::open(&server, &anna, "?after=0", None).await;
    events.next().await.unwrap();
    let (kind, _, data) = events.next().await.unwrap();
    assert_eq!((kind.as_str(), &data["code"]), ("close", &json!(4401)));
    assert!(events.next().await.is_none());

    let server = start().await;
    let (one, two) = (server.phone(BEN).await, server.phone(BEN).await);
    let mut events = Events::open(&server, &two, "?after=0", None).await;
    events.next().await.unwrap();
    server.delete(&one.access, &format!("/v1/devices/{}", two.device)).await.expect(204);
    assert_eq!(events.next().await.unwrap().2["item"]["type"], "device.revoked");
    assert_eq!(events.next().await.unwrap().2["code"], 4401);
    assert_eq!(server.get(&two.access, "/v1/feed?after=0").await.expect(401).code(), "PVX-1101");
}

#[tokio::test]
async fn a_ticket_is_for_a_moment_and_says_until_when() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let reply = server.post(&anna.access, "/v1/feed/tickets", json!({})).await.expect(201);
    assert!(reply.body["protocol"].as_str().unwrap().starts_with("paravox.ticket.pvt1."));
    let until: jiff::Timestamp = reply.body["expires_at"].as_str().unwrap().parse().unwrap();
    let rest = until.as_microsecond() - server.now().micros();
    assert!((Span::seconds(25).micros()..=Span::seconds(30).micros()).contains(&rest));
}
