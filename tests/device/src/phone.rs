//! A phone: one device of one party.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::{Error, Feed};

/// The server, as a phone knows it: an address and nothing else.
#[derive(Clone, Debug)]
pub struct Server {
    http: reqwest::Client,
    base: String,
}

/// An answer of the server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers that carry meaning: position, idempotency.
    pub headers: reqwest::header::HeaderMap,
    /// The body; `null` if there is none.
    pub body: Value,
}

impl Answer {
    /// The position of the journal that the answer names; 0 if it names none.
    pub fn position(&self) -> u64 {
        let position = self.headers.get("paravox-position");
        position.and_then(|position| position.to_str().ok()?.parse().ok()).unwrap_or(0)
    }

    /// A text in the body, by its key.
    pub fn text(&self, key: &str) -> Result<String, Error> {
        self.body[key]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Error::Form { missing: key.to_owned(), answer: self.body.clone() })
    }
}

impl Server {
    /// A server at this base URL: `http://127.0.0.1:8470`.
    pub fn new(base: impl Into<String>) -> Result<Self, Error> {
        // Another part of the process may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, base: base.into().trim_end_matches('/').to_owned() })
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// One request, whatever the answer is.
    pub async fn raw(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    /// One request that must succeed.
    pub async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let answer = self.raw(method, path, headers, body).await?;
        if answer.status < 300 {
            Ok(answer)
        } else {
            Err(Error::Refused { status: answer.status, problem: answer.body })
        }
    }

    /// Starts a registration and returns its id.
    pub async fn start_registration(&self, number: &str, name: &str) -> Result<String, Error> {
        let body = json!({ "identity": number, "device": { "name": name, "kind": "phone" } });
        self.ask(reqwest::Method::POST, "/v1/registrations", &[], Some(&body)).await?.text("registration")
    }

    /// Proves a registration by the code that came in a short message.
    pub async fn prove(&self, registration: &str, code: &str) -> Result<Answer, Error> {
        let path = format!("/v1/registrations/{registration}/proof");
        self.ask(reqwest::Method::POST, &path, &[], Some(&json!({ "code": code }))).await
    }
}

/// A phone with its credentials and the last number of its feed.
#[derive(Clone, Debug)]
pub struct Phone {
    server: Server,
    /// Its number.
    pub number: String,
    /// Its party.
    pub party: String,
    /// Its id.
    pub device: String,
    /// Its access token.
    pub access_token: String,
    /// Its refresh token.
    pub refresh_token: String,
    /// The latest position of the journal that it has seen, in an answer or in its feed: what it reads is not older.
    seen: Arc<AtomicU64>,
}

/// What a phone reports of a call.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The number at the other end; `None` if it is withheld.
    pub other: Option<&'a str>,
    /// `calling`, `called` or `unknown`.
    pub role: &'a str,
    /// `attempt`, `alerting`, `answered`, `ended` …
    pub stage: &'a str,
    /// The phone's own word for this attempt.
    pub attempt: Option<&'a str>,
}

impl Phone {
    /// A phone whose registration was proven with this answer.
    pub fn enrolled(server: &Server, number: &str, answer: &Answer) -> Result<Self, Error> {
        Ok(Self {
            server: server.clone(),
            number: number.to_owned(),
            party: answer.text("party")?,
            device: answer.text("device")?,
            access_token: answer.text("access_token")?,
            refresh_token: answer.text("refresh_token")?,
            seen: Arc::new(AtomicU64::new(answer.position())),
        })
    }

    /// The server that it talks to.
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// The same phone, talking to another server of the same realm.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self { server: server.clone(), ..self.clone() }
    }

    /// A request with this phone's token that must succeed.
    pub async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let authorization = format!("Bearer {}", self.access_token);
        let seen = self.seen.load(Ordering::Relaxed).to_string();
        let mut headers = vec![("authorization", authorization.as_str())];
        if method == reqwest::Method::GET {
            headers.push(("paravox-position", &seen));
        }
        let answer = self.server.ask(method, path, &headers, body).await?;
        self.seen.fetch_max(answer.position(), Ordering::Relaxed);
        Ok(answer)
    }

    /// A GET that must succeed.
    pub async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.ask(reqwest::Method::GET, path, None).await
    }

    /// A POST that must succeed.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, Error> {
        self.ask(reqwest::Method::POST, path, Some(body)).await
    }

    /// A POST with an idempotency key, whatever the answer is.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Result<Answer, Error> {
        let authorization = format!("Bearer {}", self.access_token);
        let headers = [("authorization", authorization.as_str()), ("idempotency-key", key)];
        self.server.raw(reqwest::Method::POST, path, &headers, Some(body)).await
    }

    /// Reports a call.
    pub async fn report(&self, report: &Report<'_>) -> Result<Answer, Error> {
        self.post("/v1/call-notifications", &self.notification(report)).await
    }

    /// The body of a call notification.
    pub fn notification(&self, report: &Report<'_>) -> Value {
        let other = report.other.map_or_else(|| json!("withheld"), |number| json!({ "identity": number }));
        let mut body = json!({
            "on_behalf_of": self.number,
            "other": other,
            "role": report.role,
            "stage": report.stage,
        });
        if let Some(attempt) = report.attempt {
            body["attempt"] = json!(attempt);
        }
        body
    }

    /// Sends a text message.
    pub async fn say(&self, session: &str, text: &str) -> Result<Answer, Error> {
        self.post(&format!("/v1/sessions/{session}/messages"), &json!({ "text": text })).await
    }

    /// Opens the feed by WebSocket, with what follows number `after`.
    pub async fn feed(&self, after: u64) -> Result<Feed, Error> {
        Feed::open(self.server.base(), &self.access_token, after, Arc::clone(&self.seen)).await
    }

    /// Replaces the tokens.
    pub async fn refresh(&mut self) -> Result<(), Error> {
        let body = json!({ "refresh_token": self.refresh_token });
        let answer = self.server.ask(reqwest::Method::POST, "/v1/tokens", &[], Some(&body)).await?;
        self.access_token = answer.text("access_token")?;
        self.refresh_token = answer.text("refresh_token")?;
        Ok(())
    }
}
