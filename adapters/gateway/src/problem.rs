//! Problem documents (RFC 9457): the one form of a refusal.
//!
//! Owns: the members and their order; the document's text.
//! Does not own: which refusal is which status (`codes`, `refusal`). The request's id is put in at the outermost layer,
//! which alone knows every answer.
//! Invariant: a problem repeats nothing of what was sent (L1), and what is somebody else's looks as what does not exist (A1).

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use paravox_domain::id::RequestId;
use paravox_domain::time::Span;
use serde::Serialize;
use utoipa::ToSchema;

use crate::codes::GatewayCode;

/// The media type of a problem document.
pub(crate) const PROBLEM_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A refusal on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    retryable: bool,
    retry_after: Option<Span>,
    errors: Vec<FieldError>,
    tries_left: Option<u32>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Where it is, as a JSON pointer (RFC 6901); a query parameter or header by its name.
    #[schema(example = "/on_behalf_of")]
    pub(crate) pointer: String,
    /// What is wrong with it.
    pub(crate) detail: String,
}

/// The document as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// A name for this kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:paravox:problem:PVX-4002")]
    kind: String,
    /// What is wrong, in a few words; the same for each problem of this kind.
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What is wrong this time, and what can be done.
    detail: &'a str,
    /// The code; `paravox explain` tells its cause and cure.
    #[schema(example = "PVX-4002", pattern = "^PVX-[0-9]{4}$")]
    code: &'a str,
    /// The request: the same id as in the header `X-Request-Id` and in the server's log.
    #[schema(example = "req_01k9vaxr3n0000000000000000")]
    request_id: String,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// Which fields are wrong, where it is about fields.
    errors: &'a [FieldError],
    /// How many tries are left, where a code was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tries_left: Option<u32>,
}

impl Problem {
    /// A refusal of the gateway.
    pub(crate) fn new(code: GatewayCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: code.status(),
            code: code.code(),
            title: code.title(),
            detail: detail.into(),
            retryable: code.retryable(),
            retry_after: None,
            errors: Vec::new(),
            tries_left: None,
        }
    }

    /// A refusal of the domain.
    pub(crate) fn of_domain(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
        retry_after: Option<Span>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            retryable: retry_after.is_some(),
            retry_after,
            errors: Vec::new(),
            tries_left: None,
        }
    }

    /// With the field that is wrong.
    pub(crate) fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// With the time after which to come back.
    pub(crate) const fn after(mut self, span: Span) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// With the number of tries that are left.
    pub(crate) const fn tries_left(mut self, tries_left: u32) -> Self {
        self.tries_left = Some(tries_left);
        self
    }

    /// The code.
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    /// The whole answer.
    pub(crate) fn render(&self, request: RequestId) -> Response {
        let body = ProblemBody {
            kind: format!("urn:paravox:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id: request.to_string(),
            retryable: self.retryable,
            errors: &self.errors,
            tries_left: self.tries_left,
        };
        // Strings and numbers only: this cannot fail. If it ever did, the status would still be told.
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_TYPE);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"paravox\""));
        }
        let busy = matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if let Some(span) = self.retry_after.or_else(|| busy.then(|| Span::seconds(1))) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds_up(span)));
        }
        response
    }
}

/// Whole seconds, rounded up, at least one.
fn seconds_up(span: Span) -> u64 {
    u64::try_from(span.micros()).unwrap_or_default().div_ceil(1_000_000).max(1)
}

/// The problem travels as an extension of the answer; the outermost layer makes the document.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What a route returns instead of an answer.
pub(crate) struct Refused(pub(crate) Problem);

impl<T: Into<Problem>> From<T> for Refused {
    fn from(problem: T) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
