//! The feed of a device: `GET /v1/feed`, by whichever transport, and tickets for browsers.
//!
//! Owns: the choice of the transport, credentials and cursors as each transport carries them, foreign origins (A7).
//! Does not own: the transports (`crate::feed`).

use axum::Json;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use axum::response::{IntoResponse as _, Response};
use paravox_domain::id::ConnectionId;
use paravox_domain::time::Span;
use serde::{Deserialize, Serialize};
use tokio::time::Duration;
use utoipa::{IntoParams, ToSchema};

use super::schemas;
use crate::auth::{Device, Reader};
use crate::codes::GatewayCode;
use crate::credentials::{Access, Ticket};
use crate::edge::Incoming;
use crate::feed::{self, After, Ends, PROTOCOL, PollBody, Source, TICKET_PROTOCOL};
use crate::http_body::Params;
use crate::parts::{AppState, Shared};
use crate::problem::{Problem, ProblemBody, Refused};
use crate::time_text::TimeText;

/// What is read from a socket at a time, in bytes.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Where a feed goes on, and how long a poll waits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedParams {
    /// The last number that the device has, or `latest`, which begins with a snapshot of what is open.
    #[param(pattern = "^([0-9]{1,19}|latest)$")]
    after: Option<String>,
    /// How long a long poll waits for news, in seconds.
    #[param(minimum = 0, maximum = 60)]
    wait_s: Option<u64>,
}

/// A ticket.
#[derive(Serialize, ToSchema)]
struct TicketBody {
    /// What a browser offers as second subprotocol, after `paravox.v1`.
    #[schema(example = "paravox.ticket.pvt1.…")]
    protocol: String,
    /// Until when it can be used, once.
    #[schema(schema_with = schemas::time)]
    expires_at: TimeText,
}

/// A ticket with which a browser, which cannot set headers there, opens a WebSocket. It is good once, for a few seconds.
#[utoipa::path(
    post,
    path = "/v1/feed/tickets",
    tag = "feed",
    security(("device" = [])),
    responses(
        (status = 201, body = TicketBody, description = "The ticket."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn tickets(State(shared): State<AppState>, Reader(access): Reader) -> Response {
    let until = shared.now() + Span::seconds(i64::from(shared.config.feed.ticket_s));
    let Access { device, party, expires } = access;
    let ticket = Ticket { device, party, connection: shared.fresh(), until, expires };
    let protocol = format!("{TICKET_PROTOCOL}{}", shared.credentials.ticket(&ticket));
    let body = TicketBody { protocol, expires_at: TimeText(until) };
    (StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// What the device is told: its sessions, messages and invitations, numbered 1, 2, 3 … With `Upgrade: websocket` and the
/// subprotocol `paravox.v1` as a WebSocket, with `Accept: text/event-stream` as server-sent events, else as a long poll.
#[utoipa::path(
    get,
    path = "/v1/feed",
    tag = "feed",
    params(FeedParams, ("Last-Event-ID" = Option<u64>, Header, description = "The last number that the device has, as browsers send it with server-sent events. It wins over `after`.")),
    security(("device" = [])),
    responses(
        (status = 101, description = "A WebSocket with the subprotocol `paravox.v1`."),
        (status = 200, description = "Items.", content((PollBody = "application/json"), (String = "text/event-stream"))),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn feed(State(shared): State<AppState>, request: Request) -> Result<Response, Refused> {
    let (mut parts, _) = request.into_parts();
    let wants = |name, word: &str| {
        let values = parts.headers.get_all(name).iter();
        values.filter_map(|value| value.to_str().ok()).any(|value| value.to_ascii_lowercase().contains(word))
    };
    if wants(header::UPGRADE, "websocket") {
        return websocket(shared, &mut parts).await;
    }
    let streams = wants(header::ACCEPT, "text/event-stream");
    let Params(params) = Params::<FeedParams>::from_request_parts(&mut parts, &shared).await?;
    let Reader(access) = Reader::from_request_parts(&mut parts, &shared).await?;
    let asked = cursor(params.after.as_deref())?;
    let after = match parts.headers.get("last-event-id") {
        Some(value) => value.to_str().ok().and_then(After::parse).ok_or_else(|| {
            Problem::new(GatewayCode::HeaderInvalid, "`Last-Event-ID` is a number of the feed")
                .at("Last-Event-ID", "not a number of the feed")
        })?,
        None => asked,
    };
    if !streams {
        let wait = params.wait_s.unwrap_or(0);
        let max = shared.config.feed.poll_s_max;
        if wait > max {
            let detail = format!("a poll waits {max} s at most");
            return Err(Problem::new(GatewayCode::QueryInvalid, detail.clone()).at("wait_s", detail).into());
        }
        return feed::poll(&shared, access, after, Duration::from_secs(wait)).await;
    }
    let request = Incoming::of(&parts.extensions, &shared).request;
    shared.presences.check_room(&shared, access.device)?;
    let opening = feed::open(&shared, (access.device, access.party), after).await?;
    let presence = shared.presences.enter(&shared, access, shared.fresh(), false);
    let source = Source::new(&shared, opening, &presence, request);
    let ends = Ends::of(&shared, &presence, access.expires);
    Ok(feed::events(shared, source, ends, presence))
}

fn cursor(after: Option<&str>) -> Result<After, Problem> {
    after.map_or(Some(After::Latest), After::parse).ok_or_else(|| {
        Problem::new(GatewayCode::QueryInvalid, "`after` is the last number that you have, or `latest`")
            .at("after", "not a number, and not `latest`")
    })
}

async fn websocket(shared: AppState, parts: &mut Parts) -> Result<Response, Refused> {
    check_origin(&shared, &parts.headers)?;
    let Params(params) = Params::<FeedParams>::from_request_parts(parts, &shared).await?;
    let after = cursor(params.after.as_deref())?;
    let offered: Vec<String> = parts
        .headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|protocol| protocol.trim().to_owned()))
        .collect();
    if !offered.iter().any(|protocol| protocol == PROTOCOL) {
        let detail = "offer the subprotocol `paravox.v1` in `Sec-WebSocket-Protocol`";
        return Err(Problem::new(GatewayCode::ProtocolMissing, detail).into());
    }
    let (access, ticket) = credential(&shared, parts, &offered).await?;
    shared.check_standing(access.device).await?;
    shared.presences.check_room(&shared, access.device)?;
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &shared).await.map_err(|_| {
        Problem::new(GatewayCode::HeaderInvalid, "this is no WebSocket handshake as RFC 6455 says")
    })?;
    let opening = feed::open(&shared, (access.device, access.party), after).await?;
    let request = Incoming::of(&parts.extensions, &shared).request;
    if let Some(ticket) = &ticket {
        feed::redeem(&shared, ticket, request).await?;
    }
    let connection: ConnectionId = ticket.as_ref().map_or_else(|| shared.fresh(), |ticket| ticket.connection);
    let presence = shared.presences.enter(&shared, access, connection, ticket.is_some());
    let source = Source::new(&shared, opening, &presence, request);
    let ends = Ends::of(&shared, &presence, access.expires);
    let bytes_max = shared.config.feed.frame_bytes_max;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(bytes_max)
        .max_frame_size(bytes_max)
        // Devices send little; the default of 128 KiB would be zeroed at every read, and kept for every socket.
        .read_buffer_size(READ_BUFFER_BYTES);
    let tasks = shared.tasks.clone();
    Ok(upgrade
        .on_upgrade(move |socket| tasks.track_future(feed::socket(shared, socket, source, ends, presence))))
}

/// The device's token, or its ticket among the subprotocols.
async fn credential(
    shared: &AppState,
    parts: &mut Parts,
    offered: &[String],
) -> Result<(Access, Option<Ticket>), Refused> {
    if parts.headers.contains_key(header::AUTHORIZATION) {
        let Device(access) = Device::from_request_parts(parts, shared).await?;
        return Ok((access, None));
    }
    let Some(text) = offered.iter().find_map(|protocol| protocol.strip_prefix(TICKET_PROTOCOL)) else {
        let detail = "send your access token as `Authorization: Bearer …`, or a ticket as a subprotocol";
        return Err(Problem::new(GatewayCode::CredentialMissing, detail).into());
    };
    let ticket = shared
        .credentials
        .check_ticket(text, shared.now())
        .map_err(|error| Problem::new(GatewayCode::TicketInvalid, error.to_string()))?;
    let Ticket { device, party, expires, .. } = ticket;
    shared.rates.request_of_device(device)?;
    Ok((Access { device, party, expires }, Some(ticket)))
}

/// Refuses pages of foreign origins. A browser always names the page's origin; other programs name none.
fn check_origin(shared: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    let allowed = |origin: &str| shared.config.allowed_origins.iter().any(|own| own == origin);
    let foreign = headers.get_all(header::ORIGIN).iter().any(|origin| !origin.to_str().is_ok_and(allowed));
    if foreign {
        return Err(Problem::new(
            GatewayCode::OriginForeign,
            "pages of this origin may not open a feed here",
        ));
    }
    Ok(())
}
