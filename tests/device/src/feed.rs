//! A phone's feed by WebSocket: items in order, each with its number, and the cursor that the phone keeps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::Error;

/// What is read from the socket at a time, in bytes: the default would be zeroed at every read.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// An item of the feed.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its number.
    pub number: u64,
    /// What it is: `session.opened`, `message.text` …
    pub kind: String,
    /// All of it.
    pub body: Value,
    /// When it came.
    pub came: Instant,
}

impl Item {
    /// A text in the item, by its key; empty if there is none.
    pub fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }
}

/// An open feed.
#[derive(Debug)]
pub struct Feed {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    hello: Value,
    last: u64,
    seen: Arc<AtomicU64>,
    waiting: VecDeque<Item>,
}

impl Feed {
    /// Opens the feed and waits for the first frame.
    ///
    /// `seen` is raised to the position of every item: what its owner reads afterwards is not older.
    pub async fn open(base: &str, token: &str, after: u64, seen: Arc<AtomicU64>) -> Result<Self, Error> {
        let url = format!("{}/v1/feed?after={after}", base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(Box::new)?;
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("paravox.v1"));
        if let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}")) {
            headers.insert("authorization", value);
        }
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        let (socket, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true)
            .await
            .map_err(refused)?;
        let mut feed = Self { socket, hello: Value::Null, last: after, seen, waiting: VecDeque::new() };
        let hello = feed.frame().await?;
        if hello["type"] != "hello" {
            return Err(Error::Form { missing: "hello".to_owned(), answer: hello });
        }
        feed.hello = hello;
        Ok(feed)
    }

    /// The first frame.
    pub const fn hello(&self) -> &Value {
        &self.hello
    }

    /// The number of the last item that came: what to resume from.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The next item, within a limit.
    pub async fn next(&mut self, limit: Duration) -> Result<Item, Error> {
        if let Some(item) = self.waiting.pop_front() {
            return Ok(item);
        }
        self.receive("an item", limit).await
    }

    /// The next item of a kind, within a limit; what comes before it is kept for [`Self::next`].
    pub async fn next_of(&mut self, kind: &str, limit: Duration) -> Result<Item, Error> {
        if let Some(at) = self.waiting.iter().position(|item| item.kind == kind)
            && let Some(item) = self.waiting.remove(at)
        {
            return Ok(item);
        }
        let until = Instant::now() + limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let item = self.receive(kind, left).await.map_err(|error| match error {
                Error::Late { what, .. } => Error::Late { what, limit },
                error => error,
            })?;
            if item.kind == kind {
                return Ok(item);
            }
            self.waiting.push_back(item);
        }
    }

    /// Closes the connection without a word, as a phone in a tunnel does.
    pub fn lose(self) -> u64 {
        self.last
    }

    async fn receive(&mut self, what: &str, limit: Duration) -> Result<Item, Error> {
        let until = Instant::now() + limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let late = || Error::Late { what: what.to_owned(), limit };
            let frame = tokio::time::timeout(left, self.frame()).await.map_err(|_| late())??;
            match frame["type"].as_str() {
                Some("item") => {}
                // What is no longer kept: a phone goes on behind it.
                Some("hole") => {
                    self.last = frame["last"].as_u64().unwrap_or(self.last);
                    continue;
                }
                _ => continue,
            }
            let number = frame["n"].as_u64().unwrap_or_default();
            let body = frame["item"].clone();
            let kind = body["type"].as_str().unwrap_or_default().to_owned();
            self.last = number;
            self.seen.fetch_max(frame["position"].as_u64().unwrap_or_default(), Ordering::Relaxed);
            return Ok(Item { number, kind, body, came: Instant::now() });
        }
    }

    /// The next frame that holds JSON.
    async fn frame(&mut self) -> Result<Value, Error> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| Error::Form {
                        missing: "JSON".to_owned(),
                        answer: Value::String(text.to_string()),
                    });
                }
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    return Err(Error::Closed { code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(SocketError::ConnectionClosed | SocketError::AlreadyClosed)) | None => {
                    return Err(Error::Closed { code: 1006, reason: String::new() });
                }
                Some(Err(error)) => return Err(Box::new(error).into()),
            }
        }
    }
}

/// A refused upgrade is an answer like any other one.
fn refused(error: SocketError) -> Error {
    match error {
        SocketError::Http(response) => {
            let problem = response.body().as_deref().and_then(|body| serde_json::from_slice(body).ok());
            Error::Refused { status: response.status().as_u16(), problem: problem.unwrap_or(Value::Null) }
        }
        error => Box::new(error).into(),
    }
}
