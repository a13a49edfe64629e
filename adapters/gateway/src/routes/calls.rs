//! The calls of the caller's party.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use paravox_domain::call::{OverCause, Role};
use paravox_domain::id::{CallId, SessionId};
use paravox_domain::ports::query::CallView;
use serde::Serialize;
use utoipa::ToSchema;

use super::notifications::WaitingBody;
use super::schemas::{self, OverCauseWord, RoleWord};
use crate::auth::Reader;
use crate::http_body::{Params, PathId};
use crate::parts::AppState;
use crate::problem::{Problem, ProblemBody, Refused};
use crate::read::{ListBody, ListParams, UpToDate};
use crate::refusal::call_unknown;
use crate::time_text::TimeText;

/// A call, as one of its parties may see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallBody {
    /// The call.
    #[schema(value_type = String, example = "call_01k9vaxr3n0000000000000000")]
    call: CallId,
    /// When it was first reported.
    #[schema(schema_with = schemas::time)]
    opened_at: TimeText,
    /// Which end this party is.
    #[schema(value_type = RoleWord)]
    role: Role,
    /// The other end, as this party's own reports name it.
    other: Option<String>,
    /// Whether the other side was found.
    joined: bool,
    /// Why it waits, if it does.
    waiting: Option<WaitingBody>,
    /// The session beside it.
    #[schema(value_type = Option<String>)]
    session: Option<SessionId>,
    /// When it was over, and why.
    over: Option<OverBody>,
}

/// The end of a call.
#[derive(Debug, Serialize, ToSchema)]
struct OverBody {
    /// When.
    #[schema(schema_with = schemas::time)]
    at: TimeText,
    /// Why.
    #[schema(value_type = OverCauseWord)]
    cause: OverCause,
}

impl From<CallView> for CallBody {
    fn from(view: CallView) -> Self {
        Self {
            call: view.call,
            opened_at: TimeText(view.opened),
            role: view.role,
            other: view.other,
            joined: view.joined,
            waiting: view.waiting.as_ref().map(WaitingBody::from),
            session: view.session,
            over: view.over.map(|(at, cause)| OverBody { at: TimeText(at), cause }),
        }
    }
}

/// The calls of the caller's party.
#[utoipa::path(
    get,
    path = "/v1/calls",
    tag = "calls",
    params(ListParams, ("Paravox-Position" = Option<u64>, Header, description = "Wait until this write can be seen.")),
    security(("device" = [])),
    responses(
        (status = 200, body = ListBody<CallBody>, description = "A page of calls."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn list(
    State(shared): State<AppState>,
    Reader(access): Reader,
    Params(params): Params<ListParams>,
    _: UpToDate,
) -> Result<Response, Refused> {
    let name = format!("calls {}", access.party);
    let page = shared.page(&name, &params)?;
    let listing = shared.views.calls(access.party, page).await.map_err(Problem::from)?;
    Ok(Json(shared.list(&name, listing, CallBody::from)).into_response())
}

/// A call of the caller's party.
#[utoipa::path(
    get,
    path = "/v1/calls/{call}",
    tag = "calls",
    params(
        ("call" = String, Path, description = "The call."),
        ("Paravox-Position" = Option<u64>, Header, description = "Wait until this write can be seen.")
    ),
    security(("device" = [])),
    responses(
        (status = 200, body = CallBody, description = "The call."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn one(
    State(shared): State<AppState>,
    PathId(id): PathId,
    Reader(access): Reader,
    _: UpToDate,
) -> Result<Response, Refused> {
    let call = id.parse().map_err(|_| call_unknown())?;
    let view =
        shared.views.call(access.party, call).await.map_err(Problem::from)?.ok_or_else(call_unknown)?;
    Ok(Json(CallBody::from(view)).into_response())
}
