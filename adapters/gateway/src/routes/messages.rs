//! Text messages of a session (S15).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use paravox_domain::answer::Answer;
use paravox_domain::command::Ask;
use paravox_domain::id::{LegId, MessageId, SessionId};
use paravox_domain::ports::query::MessageView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schemas;
use crate::auth::{Device, Reader};
use crate::http_body::{Params, PathId, StrictJson};
use crate::parts::AppState;
use crate::problem::{Problem, ProblemBody, Refused};
use crate::read::{ListBody, ListParams, UpToDate};
use crate::refusal::session_unknown;
use crate::time_text::TimeText;
use crate::write::{Scope, Write, unfit, written};

/// A text message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageBody {
    /// The message.
    #[schema(value_type = String, example = "txt_01k9vaxr3n0000000000000000")]
    message: MessageId,
    /// Its number in the session: 1, 2, 3 …
    number: u64,
    /// The leg that sent it.
    #[schema(value_type = String, example = "leg_01k9vaxr3n0000000000000000")]
    leg: LegId,
    /// The text.
    text: String,
    /// When it was sent.
    #[schema(schema_with = schemas::time)]
    sent_at: TimeText,
}

impl From<MessageView> for MessageBody {
    fn from(view: MessageView) -> Self {
        let MessageView { message, number, leg, text, sent } = view;
        Self { message, number, leg, text, sent_at: TimeText(sent) }
    }
}

/// A text to be sent.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageRequest {
    /// The text: 1 to 4096 bytes of UTF-8.
    #[schema(min_length = 1, max_length = 4096)]
    text: String,
}

/// A message that was accepted.
#[derive(Serialize, ToSchema)]
struct SentBody {
    /// The message.
    #[schema(value_type = String, example = "txt_01k9vaxr3n0000000000000000")]
    message: MessageId,
    /// Its number in the session.
    number: u64,
}

/// The messages of a session, in order.
#[utoipa::path(
    get,
    path = "/v1/sessions/{session}/messages",
    tag = "sessions",
    params(
        ("session" = String, Path, description = "The session."),
        ListParams,
        ("Paravox-Position" = Option<u64>, Header, description = "Wait until this write can be seen.")
    ),
    security(("device" = [])),
    responses(
        (status = 200, body = ListBody<MessageBody>, description = "A page of messages."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn list(
    State(shared): State<AppState>,
    PathId(id): PathId,
    Reader(access): Reader,
    Params(params): Params<ListParams>,
    _: UpToDate,
) -> Result<Response, Refused> {
    let session: SessionId = id.parse().map_err(|_| session_unknown())?;
    let name = format!("messages {session} {}", access.party);
    let page = shared.page(&name, &params)?;
    let listing = shared.views.messages(access.party, session, page).await.map_err(Problem::from)?;
    let listing = listing.ok_or_else(session_unknown)?;
    Ok(Json(shared.list(&name, listing, MessageBody::from)).into_response())
}

/// Sends a text to the other legs of a session.
#[utoipa::path(
    post,
    path = "/v1/sessions/{session}/messages",
    tag = "sessions",
    request_body = MessageRequest,
    params(
        ("session" = String, Path, description = "The session."),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key and body get the first answer again.")
    ),
    security(("device" = [])),
    responses(
        (status = 201, body = SentBody, description = "It is in the journal, and on its way."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn send(
    State(shared): State<AppState>,
    PathId(id): PathId,
    caller: Device,
    write: Write,
    StrictJson(body): StrictJson<MessageRequest>,
) -> Result<Response, Refused> {
    let session = id.parse().map_err(|_| session_unknown())?;
    let ask = Ask::SendText { session, text: body.text.clone() };
    let scope = Scope { caller: &caller.0.device.to_string(), route: "POST /sessions/messages", target: &id };
    let outcome = write.submit(&shared, scope, &body, caller.actor(), ask).await?;
    let Answer::MessageSent { message, number } = outcome.answer else { return Err(unfit()) };
    Ok(written(StatusCode::CREATED, &outcome, SentBody { message, number }))
}
