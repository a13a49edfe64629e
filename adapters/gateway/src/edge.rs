//! The outermost layer: what is done for every request, whatever its route.
//!
//! Owns: the request's id, the client's address, the rate of an address, the time limit, the form of every refusal, the
//! figures of HTTP.
//! Does not own: credentials and bodies (each route asks for what it needs).
//! Invariant: every answer carries `X-Request-Id`, and every refusal is a problem document.
//! Time: the runtime's clock, for limits and figures.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant as Moment};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Extensions, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use paravox_domain::id::RequestId;
use tracing::Instrument as _;

use crate::address;
use crate::codes::GatewayCode;
use crate::parts::{AppState, Shared};
use crate::problem::Problem;

/// The header with the request's id.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// What is known of a request before its route is asked.
#[derive(Clone, Copy)]
pub(crate) struct Incoming {
    /// Its id.
    pub(crate) request: RequestId,
    address: IpAddr,
}

impl Incoming {
    /// What the outermost layer noted; made anew where a route is used without it.
    pub(crate) fn of(extensions: &Extensions, shared: &Shared) -> Self {
        extensions
            .get()
            .copied()
            .unwrap_or_else(|| Self { request: shared.fresh(), address: Ipv4Addr::UNSPECIFIED.into() })
    }

    /// Under what limits know the client.
    pub(crate) fn subscriber(&self) -> u128 {
        address::subscriber(self.address)
    }
}

/// Wraps a request.
pub(crate) async fn edge(State(shared): State<AppState>, mut request: Request, next: Next) -> Response {
    let began = Moment::now();
    let id: RequestId = shared.fresh();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let method = method_label(request.method());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = address::client(peer, request.headers(), &shared.config.trusted_proxies);
    let incoming = Incoming { request: id, address };
    request.extensions_mut().insert(incoming);

    let label = route.as_deref().unwrap_or("none");
    let span = tracing::info_span!("request", request_id = %id, method, route = label);
    let response = match admit(&shared, &incoming, &request, label) {
        Err(problem) => problem.into_response(),
        Ok(limit) => {
            let answer = next.run(request).instrument(span.clone());
            match limit {
                None => answer.await,
                Some(limit) => tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
                    let detail = "the request was not answered in time; if it was a write, repeat it with the same key";
                    Problem::new(GatewayCode::TooSlow, detail).into_response()
                }),
            }
        }
    };
    let mut response = shown(response, id);
    // The text of an id is ASCII.
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What is answered is somebody's: nobody between keeps it, unless a route says otherwise.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));

    let status = response.status();
    let took = began.elapsed();
    span.in_scope(|| {
        let (status, took_us) = (status.as_u16(), took.as_micros() as u64);
        if status >= 500 {
            tracing::warn!(status, took_us, "answered");
        } else {
            tracing::debug!(status, took_us, "answered");
        }
    });
    count(label, method, status, took);
    response
}

/// Refuses what no route has to see; else the time that the request may take, if the route has no limit of its own.
fn admit(
    shared: &Shared,
    incoming: &Incoming,
    request: &Request,
    route: &str,
) -> Result<Option<Duration>, Problem> {
    if matches!(route, "/livez" | "/readyz" | "/metrics") {
        return Ok(Some(Duration::from_millis(shared.config.request_ms_max)));
    }
    if request.headers().len() > shared.config.headers_max {
        let detail = format!("a request has at most {} headers", shared.config.headers_max);
        return Err(Problem::new(GatewayCode::HeadersTooMany, detail));
    }
    shared.rates.request_from(incoming.subscriber())?;
    Ok((route != "/v1/feed").then(|| Duration::from_millis(shared.config.request_ms_max)))
}

/// Makes the document of a refusal, also of one that a library made.
fn shown(mut response: Response, id: RequestId) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        metrics::counter!("paravox_http_problems_total", "code" => problem.code()).increment(1);
        let rendered = problem.render(id);
        return carried_over(&response, rendered);
    }
    let status = response.status();
    let has_form =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !(status.is_client_error() || status.is_server_error()) || has_form {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => {
            Problem::new(GatewayCode::RouteUnknown, "see `/v1/openapi.json` for the routes")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(GatewayCode::MethodUnknown, "see the header `Allow` for the methods of this route")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(GatewayCode::BodyTooLarge, "the body is too large"),
        status if status.is_client_error() => {
            Problem::new(GatewayCode::HeaderInvalid, "the request is not as this route takes it")
        }
        _ => Problem::new(GatewayCode::Internal, "the request could not be carried out"),
    };
    carried_over(&response, problem.render(id))
}

/// Keeps the headers that were set beside the refusal (`Allow`, `Paravox-Position` …).
fn carried_over(from: &Response, mut to: Response) -> Response {
    for (name, value) in from.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            to.headers_mut().entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    to
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        401 => "401",
        404 => "404",
        409 => "409",
        422 => "422",
        429 => "429",
        400..=499 => "4xx",
        503 => "503",
        _ => "5xx",
    }
}

fn count(route: &str, method: &'static str, status: StatusCode, took: Duration) {
    let route = route.to_owned();
    let status = status_label(status);
    metrics::counter!("paravox_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("paravox_http_request_duration_seconds", "route" => route, "method" => method)
        .record(took.as_secs_f64());
}
