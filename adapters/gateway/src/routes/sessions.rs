//! The sessions of the caller's party: seeing, joining, keeping, leaving them (S12).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use paravox_domain::command::Ask;
use paravox_domain::feed::ItemLegState;
use paravox_domain::id::{CallId, LegId, SessionId};
use paravox_domain::ports::query::{LegView, SessionView};
use paravox_domain::session::CloseCause;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::schemas::{self, CloseCauseWord, LegStateWord};
use crate::auth::{Device, Reader};
use crate::http_body::{Params, PathId, StrictJson};
use crate::parts::{AppState, Shared};
use crate::problem::{Problem, ProblemBody, Refused};
use crate::read::{ListBody, ListParams, UpToDate};
use crate::refusal::session_unknown;
use crate::time_text::TimeText;
use crate::write::{Scope, Write, done};

/// A session, as one of its parties may see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionBody {
    /// The session.
    #[schema(value_type = String, example = "ses_01k9vaxr3n0000000000000000")]
    session: SessionId,
    /// The call beside which it stands.
    #[schema(value_type = String, example = "call_01k9vaxr3n0000000000000000")]
    call: CallId,
    /// When it was opened.
    #[schema(schema_with = schemas::time)]
    opened_at: TimeText,
    /// The caller's own leg.
    #[schema(value_type = String, example = "leg_01k9vaxr3n0000000000000000")]
    own_leg: LegId,
    /// All legs.
    legs: Vec<LegBody>,
    /// Messages so far.
    messages: u64,
    /// Whether it outlives its call.
    outlives_call: bool,
    /// When it was closed, and why.
    closed: Option<ClosedBody>,
}

/// A party's side of a session.
#[derive(Debug, Serialize, ToSchema)]
struct LegBody {
    /// The leg.
    #[schema(value_type = String, example = "leg_01k9vaxr3n0000000000000000")]
    leg: LegId,
    /// Its state.
    #[schema(value_type = LegStateWord)]
    state: ItemLegState,
    /// Whether it wants the session to outlive the call.
    keeps: bool,
}

/// The end of a session.
#[derive(Debug, Serialize, ToSchema)]
struct ClosedBody {
    /// When.
    #[schema(schema_with = schemas::time)]
    at: TimeText,
    /// Why.
    #[schema(value_type = CloseCauseWord)]
    cause: CloseCause,
}

impl From<SessionView> for SessionBody {
    fn from(view: SessionView) -> Self {
        let leg = |LegView { leg, state, keeps }| LegBody { leg, state, keeps };
        Self {
            session: view.session,
            call: view.call,
            opened_at: TimeText(view.opened),
            own_leg: view.own_leg,
            legs: view.legs.into_iter().map(leg).collect(),
            messages: view.messages,
            outlives_call: view.outlives_call,
            closed: view.closed.map(|(at, cause)| ClosedBody { at: TimeText(at), cause }),
        }
    }
}

/// Which part of the list of sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionParams {
    /// Only those that are not closed.
    open: Option<bool>,
    /// At most so many items.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only what began at or after this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Only what began before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
}

/// Whether a session is to outlive its call.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeepRequest {
    /// Whether.
    keep: bool,
}

/// The sessions of the caller's party.
#[utoipa::path(
    get,
    path = "/v1/sessions",
    tag = "sessions",
    params(SessionParams, ("Paravox-Position" = Option<u64>, Header, description = "Wait until this write can be seen.")),
    security(("device" = [])),
    responses(
        (status = 200, body = ListBody<SessionBody>, description = "A page of sessions."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn list(
    State(shared): State<AppState>,
    Reader(access): Reader,
    Params(params): Params<SessionParams>,
    _: UpToDate,
) -> Result<Response, Refused> {
    let SessionParams { open, limit, cursor, since, until } = params;
    let open = open.unwrap_or(false);
    let name = format!("sessions {} {open}", access.party);
    let page = shared.page(&name, &ListParams { limit, cursor, since, until })?;
    let listing = shared.views.sessions(access.party, open, page).await.map_err(Problem::from)?;
    Ok(Json(shared.list(&name, listing, SessionBody::from)).into_response())
}

/// A session of the caller's party.
#[utoipa::path(
    get,
    path = "/v1/sessions/{session}",
    tag = "sessions",
    params(
        ("session" = String, Path, description = "The session."),
        ("Paravox-Position" = Option<u64>, Header, description = "Wait until this write can be seen.")
    ),
    security(("device" = [])),
    responses(
        (status = 200, body = SessionBody, description = "The session."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn one(
    State(shared): State<AppState>,
    PathId(id): PathId,
    Reader(access): Reader,
    _: UpToDate,
) -> Result<Response, Refused> {
    let session = id.parse().map_err(|_| session_unknown())?;
    let view = shared.views.session(access.party, session).await.map_err(Problem::from)?;
    Ok(Json(SessionBody::from(view.ok_or_else(session_unknown)?)).into_response())
}

/// Has a command about a session carried out that has nothing to tell.
async fn act(
    shared: &Shared,
    (caller, write): (Device, Write),
    route: &'static str,
    id: &str,
    body: &(impl Serialize + Sync),
    ask: impl FnOnce(SessionId) -> Ask,
) -> Result<Response, Refused> {
    let session = id.parse().map_err(|_| session_unknown())?;
    let scope = Scope { caller: &caller.0.device.to_string(), route, target: id };
    Ok(done(&write.submit(shared, scope, body, caller.actor(), ask(session)).await?))
}

/// Takes one's place in a session to which one was invited.
#[utoipa::path(
    post,
    path = "/v1/sessions/{session}/join",
    tag = "sessions",
    params(
        ("session" = String, Path, description = "The session."),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key and body get the first answer again.")
    ),
    security(("device" = [])),
    responses(
        (status = 204, description = "The device takes part."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn join(
    State(shared): State<AppState>,
    PathId(id): PathId,
    caller: Device,
    write: Write,
) -> Result<Response, Refused> {
    act(&shared, (caller, write), "POST /sessions/join", &id, &(), |session| Ask::JoinSession { session })
        .await
}

/// Lets the session outlive its call, or not.
#[utoipa::path(
    post,
    path = "/v1/sessions/{session}/keep",
    tag = "sessions",
    request_body = KeepRequest,
    params(
        ("session" = String, Path, description = "The session."),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key and body get the first answer again.")
    ),
    security(("device" = [])),
    responses(
        (status = 204, description = "It is noted."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn keep(
    State(shared): State<AppState>,
    PathId(id): PathId,
    caller: Device,
    write: Write,
    StrictJson(body): StrictJson<KeepRequest>,
) -> Result<Response, Refused> {
    let keep = body.keep;
    let ask = |session| Ask::KeepSession { session, keep };
    act(&shared, (caller, write), "POST /sessions/keep", &id, &body, ask).await
}

/// Leaves a session.
#[utoipa::path(
    post,
    path = "/v1/sessions/{session}/leave",
    tag = "sessions",
    params(
        ("session" = String, Path, description = "The session."),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key and body get the first answer again.")
    ),
    security(("device" = [])),
    responses(
        (status = 204, description = "The party has left."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn leave(
    State(shared): State<AppState>,
    PathId(id): PathId,
    caller: Device,
    write: Write,
) -> Result<Response, Refused> {
    act(&shared, (caller, write), "POST /sessions/leave", &id, &(), |session| Ask::LeaveSession { session })
        .await
}
