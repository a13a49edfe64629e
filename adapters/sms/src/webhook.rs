//! Messages over a web service: `POST {to, text}` with a key by which the service knows a repeat.
//!
//! Owns: the request, its limits, and which answers mean that another try can help.
//! Does not own: the tries. Redirects are not followed: the configured service answers itself.
//! Time: the runtime's clock, for limits.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use paravox_domain::identity::E164;
use paravox_domain::ports::{Boxed, Sms, SmsError};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, Serialize};

/// A web service that sends messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to post (`https://sms.example.org/messages`).
    pub url: String,
    /// A file with the token that is sent as `Authorization: Bearer …`.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// How long one try may take in all, in milliseconds.
    #[serde(default = "ten_seconds")]
    pub timeout_ms: u64,
}

const fn ten_seconds() -> u64 {
    10_000
}

/// Why the service cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address is none, or of another scheme than http or https.
    #[error("`{url}` is no http or https address")]
    Url {
        /// The address.
        url: String,
    },
    /// The token cannot be read, or is none.
    #[error("the token in {} cannot be read: {reason}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no client: most likely the program installed no TLS provider.
    #[error("no client for the SMS service: {0}")]
    Client(#[source] reqwest::Error),
}

/// Sends messages over a web service.
pub struct WebhookSms {
    client: Client,
    url: Url,
    token: Option<HeaderValue>,
}

#[derive(Serialize)]
struct Body<'a> {
    to: String,
    text: &'a str,
}

impl WebhookSms {
    /// Reads the token, and makes ready. The program has installed a TLS provider before.
    pub fn new(config: &WebhookConfig) -> Result<Self, WebhookError> {
        let bad_url = || WebhookError::Url { url: config.url.clone() };
        let url = Url::parse(&config.url).map_err(|_| bad_url())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad_url());
        }
        let token = config.token_file.as_ref().map(read_token).transpose()?;
        let timeout = Duration::from_millis(config.timeout_ms.max(1));
        let client = Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .redirect(Policy::none())
            .build()
            .map_err(WebhookError::Client)?;
        Ok(Self { client, url, token })
    }
}

fn read_token(path: &PathBuf) -> Result<HeaderValue, WebhookError> {
    let failed = |reason: String| WebhookError::Token { path: path.clone(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(failed("the file is empty".to_owned()));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| failed("it holds characters that a header cannot".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Sms for WebhookSms {
    fn send<'a>(&'a self, key: &'a str, to: E164, text: &'a str) -> Boxed<'a, Result<(), SmsError>> {
        Box::pin(async move {
            let body = Body { to: to.to_string(), text };
            let mut request = self.client.post(self.url.clone()).header("Idempotency-Key", key).json(&body);
            if let Some(token) = &self.token {
                request = request.header(AUTHORIZATION, token.clone());
            }
            match request.send().await {
                Ok(response) => judge(response.status()),
                // The address of the service may hold a secret in its query.
                Err(error) => Err(SmsError::Unavailable(describe(&error.without_url()).into())),
            }
        })
    }
}

/// What went wrong, without what was sent.
fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// What an answer means. Its body is not looked at: it may repeat the number.
fn judge(status: StatusCode) -> Result<(), SmsError> {
    let passing = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_EARLY
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::CONFLICT
                // A token that is being replaced: the operator will see to it.
                | StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
        );
    if status.is_success() {
        Ok(())
    } else if passing {
        Err(SmsError::Unavailable(format!("it answered {}", status.as_u16()).into()))
    } else {
        Err(SmsError::Refused { reason: format!("it answered {}", status.as_u16()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_whether_another_try_can_help() {
        let judged = |status: u16| match judge(StatusCode::from_u16(status).unwrap()) {
            Ok(()) => "sent",
            Err(SmsError::Unavailable(_)) => "again",
            Err(SmsError::Refused { .. }) => "never",
        };
        for (status, verdict) in [
            (200, "sent"),
            (202, "sent"),
            (302, "never"),
            (400, "never"),
            (401, "again"),
            (409, "again"),
            (422, "never"),
            (429, "again"),
            (500, "again"),
            (503, "again"),
        ] {
            assert_eq!(judged(status), verdict, "{status}");
        }
    }
}
