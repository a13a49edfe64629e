//! Feeds by WebSocket.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use paravox_domain::time::Span;
use paravox_gateway::{FeedConfig, GatewayConfig};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::{ANNA, BEN, Phone, Server, config, soon, start, start_with, until};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a handshake is made of.
#[derive(Default)]
struct Handshake<'a> {
    query: &'a str,
    protocols: Option<&'a str>,
    token: Option<&'a str>,
    origin: Option<&'a str>,
}

impl Handshake<'_> {
    /// The socket, or the status and code of the refusal.
    async fn shake(&self, server: &Server) -> Result<Socket, (u16, String)> {
        let url = format!("ws://{}/v1/feed{}", server.address, self.query);
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        if let Some(protocols) = self.protocols {
            headers.insert("sec-websocket-protocol", value(protocols));
        }
        if let Some(token) = self.token {
            headers.insert("authorization", value(&format!("Bearer {token}")));
        }
        if let Some(origin) = self.origin {
            headers.insert("origin", value(origin));
        }
        match soon("the handshake", connect_async(request)).await {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], "paravox.v1");
                Ok(Socket(socket))
            }
            Err(Error::Http(response)) => {
                let body: Value =
                    serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
                Err((response.status().as_u16(), body["code"].as_str().unwrap().to_owned()))
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn open(server: &Server, phone: &Phone, query: &str) -> Socket {
    let handshake =
        Handshake { query, protocols: Some("paravox.v1"), token: Some(&phone.access), origin: None };
    handshake.shake(server).await.unwrap()
}

impl Socket {
    /// The next frame, or the code of the end.
    async fn next(&mut self) -> Result<Value, u16> {
        soon("a frame", async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        if frame["type"] != "heartbeat" {
                            return Ok(frame);
                        }
                    }
                    Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("{other:?}"),
                }
            }
        })
        .await
    }

    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The code of the end, whatever comes before it.
    async fn end(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

#[tokio::test]
async fn s12_a_device_is_told_of_its_session_and_resumes_without_a_loss_or_a_repeat() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let mut socket = open(&server, &anna, "?after=0").await;
    let hello = socket.next().await.unwrap();
    assert_eq!(
        (&hello["type"], &hello["device"], &hello["after"]),
        (&json!("hello"), &json!(anna.device), &json!(0))
    );
    assert!(hello["heartbeat_s"].as_u64().unwrap() > 0 && hello["server_time_us"].as_i64().unwrap() > 0);
    assert!(hello["traceparent"].as_str().unwrap().starts_with("00-"));
    let (_, session) = server.session(&anna, &ben).await;
    let opened = socket.next().await.unwrap();
    assert_eq!(
        (&opened["type"], &opened["n"], &opened["item"]["type"]),
        (&json!("item"), &json!(1), &json!("session.opened"))
    );
    drop(socket);
    until("the lost leg", || !server.world.is_connected(anna.id())).await;
    let path = format!("/v1/sessions/{session}/messages");
    for n in 1..=3 {
        server.post(&ben.access, &path, json!({"text": format!("{n}")})).await.expect(201);
    }
    let mut socket = open(&server, &anna, "?after=1").await;
    socket.next().await.unwrap();
    let mut last = 1;
    let mut texts = Vec::new();
    while texts.len() < 3 {
        let frame = socket.next().await.unwrap();
        assert_eq!(frame["n"], last + 1);
        last += 1;
        if let Some(text) = frame["item"]["text"].as_str() {
            texts.push(text.to_owned());
        }
    }
    assert_eq!(texts, ["1", "2", "3"]);
    until("the leg is back", || server.world.is_connected(anna.id())).await;
}

#[tokio::test]
async fn a_ping_is_answered_with_the_servers_times() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let mut socket = open(&server, &anna, "?after=0").await;
    socket.next().await.unwrap();
    let before = server.now().micros();
    socket.send(r#"{"type":"ping","t0_us":-17}"#).await;
    let pong = socket.next().await.unwrap();
    let after = server.now().micros();
    let time = |name: &str| pong[name].as_i64().unwrap();
    assert_eq!((&pong["type"], time("t0_us")), (&json!("pong"), -17));
    assert!(before <= time("t1_us") && time("t1_us") <= time("t2_us") && time("t2_us") <= after);
}

#[tokio::test]
async fn a7_a_socket_without_the_protocol_a_credential_or_the_right_origin_is_refused() {
    let config = GatewayConfig { allowed_origins: vec!["https://app.example.org".to_owned()], ..config() };
    let server = start_with(config).await;
    let anna = server.phone(ANNA).await;
    let base = || Handshake {
        query: "?after=0",
        protocols: Some("paravox.v1"),
        token: Some(&anna.access),
        origin: None,
    };
    let refused = async |handshake: Handshake<'_>| handshake.shake(&server).await.err().unwrap();
    assert_eq!(refused(Handshake { protocols: None, ..base() }).await, (400, "PVX-4029".to_owned()));
    assert_eq!(refused(Handshake { protocols: Some("chat"), ..base() }).await, (400, "PVX-4029".to_owned()));
    assert_eq!(refused(Handshake { token: None, ..base() }).await, (401, "PVX-4010".to_owned()));
    assert_eq!(refused(Handshake { token: Some("x"), ..base() }).await, (401, "PVX-4011".to_owned()));
    let query = format!("?after=0&token={}", anna.access);
    assert_eq!(
        refused(Handshake { query: &query, token: None, ..base() }).await,
        (400, "PVX-4003".to_owned())
    );
    for origin in ["https://evil.example.org", "null", "http://app.example.org"] {
        assert_eq!(refused(Handshake { origin: Some(origin), ..base() }).await, (403, "PVX-4016".to_owned()));
    }
    assert!(Handshake { origin: Some("https://app.example.org"), ..base() }.shake(&server).await.is_ok());
}

#[tokio::test]
async fn a4_a_ticket_that_is_raced_lets_one_in() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let reply = server.post(&anna.access, "/v1/feed/tickets", json!({})).await.expect(201);
    let protocols = format!("paravox.v1, {}", reply.body["protocol"].as_str().unwrap());
    let handshake =
        Handshake { query: "?after=latest", protocols: Some(&protocols), token: None, origin: None };
    let tries = (0..50).map(|_| handshake.shake(&server));
    let (inside, outside): (Vec<_>, Vec<_>) =
        futures_util::future::join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!((inside.len(), outside.len()), (1, 49));
    assert!(outside.into_iter().all(|one| one.err().unwrap() == (401, "PVX-4031".to_owned())));
    let mut socket = inside.into_iter().next().unwrap().ok().unwrap();
    assert_eq!(socket.next().await.unwrap()["type"], "hello");
    assert_eq!(socket.next().await.unwrap()["type"], "snapshot");
}

#[tokio::test]
async fn a7_a_ticket_is_refused_when_it_is_old_or_made_up() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let reply = server.post(&anna.access, "/v1/feed/tickets", json!({})).await.expect(201);
    let protocols = format!("paravox.v1, {}", reply.body["protocol"].as_str().unwrap());
    server.world.clock.advance(Span::seconds(31));
    for protocols in [protocols.as_str(), "paravox.v1, paravox.ticket.x"] {
        let handshake =
            Handshake { query: "?after=0", protocols: Some(protocols), token: None, origin: None };
        assert_eq!(handshake.shake(&server).await.err().unwrap(), (401, "PVX-4031".to_owned()));
    }
}

#[tokio::test]
async fn a7_a_socket_ends_with_its_token_and_with_a_revocation() {
    let server = start_with(GatewayConfig { access_token_s: 1, ..config() }).await;
    let anna = server.phone(ANNA).await;
    let mut socket = open(&server, &anna, "?after=0").await;
    assert_eq!(socket.end().await, 4401);

    let server = start().await;
    let (one, two) = (server.phone(BEN).await, server.phone(BEN).await);
    let mut socket = open(&server, &two, "?after=0").await;
    socket.next().await.unwrap();
    server.delete(&one.access, &format!("/v1/devices/{}", two.device)).await.expect(204);
    assert_eq!(socket.next().await.unwrap()["item"]["type"], "device.revoked");
    assert_eq!(socket.next().await, Err(4401));
}

#[tokio::test]
async fn a_second_connection_of_a_device_replaces_the_first_whatever_the_transport() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let mut first = open(&server, &anna, "?after=0").await;
    first.next().await.unwrap();
    let mut second = open(&server, &anna, "?after=0").await;
    assert_eq!(first.end().await, 4409);
    second.next().await.unwrap();
    server.get(&anna.access, "/v1/feed?after=0").await.expect(200);
    assert_eq!(second.end().await, 4409);
    until("three connections, two ended", || server.world.connections(anna.id()).0 == 3).await;
    assert!(server.world.is_connected(anna.id()), "the end of one that was replaced changes nothing");
}

#[tokio::test]
async fn p2_frames_that_are_none_too_large_or_too_many_end_the_socket() {
    let mut config = config();
    config.rates.feed_frames_per_s = 50;
    let server = start_with(config).await;
    let anna = server.phone(ANNA).await;
    for bad in [
        "",
        "{}",
        r#"{"type":"subscribe"}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"ping","t0_us":1,"x":1}"#,
        r#"{"type":"ping","t0_us":1e400}"#,
    ] {
        let mut socket = open(&server, &anna, "?after=0").await;
        socket.next().await.unwrap();
        socket.send(bad).await;
        assert_eq!(socket.end().await, 4400, "{bad}");
    }
    let mut socket = open(&server, &anna, "?after=0").await;
    socket.send(&format!(r#"{{"type":"ping","t0_us":{}}}"#, " ".repeat(10_000))).await;
    assert_eq!(socket.end().await, 4400);
    let mut socket = open(&server, &anna, "?after=0").await;
    socket.0.send(Message::binary(vec![0; 8])).await.unwrap();
    assert_eq!(socket.end().await, 4400);
    let mut socket = open(&server, &anna, "?after=0").await;
    for n in 0..60 {
        // The server may have had enough already.
        let _ = socket.0.send(Message::text(format!(r#"{{"type":"ping","t0_us":{n}}}"#))).await;
    }
    assert_eq!(socket.end().await, 4429);
}

#[tokio::test]
async fn p4_a_device_that_does_not_read_is_cut_off_and_resumes_from_its_cursor() {
    let feed =
        FeedConfig { queue_items_max: 8, page_items_max: 8, slow_ms_max: 300, ..FeedConfig::default() };
    let server = start_with(GatewayConfig { feed, ..config() }).await;
    let anna = server.phone(ANNA).await;
    let text = "x".repeat(60_000);
    let put = || server.world.put(anna.id(), &format!(r#"{{"type":"test","text":"{text}"}}"#));
    let mut socket = open(&server, &anna, "?after=0").await;
    socket.next().await.unwrap();
    until("the connection", || server.world.is_connected(anna.id())).await;
    for _ in 0..600 {
        put();
    }
    // Nothing is read: the queue and the sockets' buffers fill, and the server gives up.
    until("the end of the connection", || !server.world.is_connected(anna.id())).await;
    let mut last = 0;
    let mut code = None;
    soon("what is on the wire", async {
        loop {
            match socket.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["type"] == "item" {
                        assert_eq!(frame["n"], last + 1);
                        last += 1;
                    }
                }
                Some(Ok(Message::Close(frame))) => code = frame.map(|frame| u16::from(frame.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    })
    .await;
    assert!(code.is_none_or(|code| code == 4408), "{code:?}");
    assert!(last < 600, "what is queued is bounded");
    let mut socket = open(&server, &anna, &format!("?after={last}")).await;
    socket.next().await.unwrap();
    while last < 600 {
        assert_eq!(socket.next().await.unwrap()["n"], last + 1);
        last += 1;
    }
}

#[tokio::test]
async fn a_cursor_that_is_too_old_gets_a_hole_a_snapshot_and_the_rest() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    for _ in 0..5 {
        server.world.put(anna.id(), r#"{"type":"test"}"#);
    }
    server.world.forget_before(anna.id(), 4);
    let mut socket = open(&server, &anna, "?after=1").await;
    let mut kinds = Vec::new();
    for _ in 0..5 {
        let frame = socket.next().await.unwrap();
        kinds.push((frame["type"].as_str().unwrap().to_owned(), frame["n"].as_u64()));
    }
    let expected =
        [("hello", None), ("hole", Some(3)), ("snapshot", Some(5)), ("item", Some(4)), ("item", Some(5))];
    assert_eq!(kinds, expected.map(|(kind, n)| (kind.to_owned(), n)));
    let ahead = Handshake {
        query: "?after=9",
        protocols: Some("paravox.v1"),
        token: Some(&anna.access),
        origin: None,
    };
    assert_eq!(ahead.shake(&server).await.err().unwrap(), (409, "PVX-4030".to_owned()));
}

#[tokio::test]
async fn a_device_that_is_silent_for_three_heartbeats_is_gone() {
    let feed = FeedConfig { heartbeat_s: 1, ..FeedConfig::default() };
    let server = start_with(GatewayConfig { feed, ..config() }).await;
    let anna = server.phone(ANNA).await;
    // A client that is not polled does not answer pings.
    let socket = open(&server, &anna, "?after=0").await;
    until("the connection", || server.world.is_connected(anna.id())).await;
    until("its end", || !server.world.is_connected(anna.id())).await;
    drop(socket);
}

#[tokio::test]
async fn the_end_of_the_server_is_told_to_devices_and_to_the_writer() {
    let mut server = start().await;
    let anna = server.phone(ANNA).await;
    let mut socket = open(&server, &anna, "?after=0").await;
    socket.next().await.unwrap();
    until("the connection", || server.world.is_connected(anna.id())).await;
    server.stop.cancel();
    assert_eq!(socket.end().await, 1001);
    soon("the end", server.serving.take().unwrap()).await.unwrap();
    assert!(!server.world.is_connected(anna.id()), "told before the server ended");
}

#[tokio::test]
async fn a_connection_is_told_to_a_writer_that_was_away() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    server.world.no_writer.store(true, Ordering::SeqCst);
    let mut socket = open(&server, &anna, "?after=0").await;
    socket.next().await.unwrap();
    tokio::time::timeout(Duration::from_millis(200), socket.next()).await.unwrap_err();
    assert!(!server.world.is_connected(anna.id()));
    server.world.no_writer.store(false, Ordering::SeqCst);
    until("the connection", || server.world.is_connected(anna.id())).await;
}
