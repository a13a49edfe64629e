//! Writing: a request becomes a command, once.
//!
//! Owns: the header `Idempotency-Key`, the command's id and fingerprint, the headers of the answer.
//! Does not own: remembering. The writer knows the ids of commands that it settled, and gives the first answer again.
//! Invariant: the same caller, route and key give the same command id on every gateway; a request refused for its form
//! never becomes a command.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::{HeaderName, HeaderValue, StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::digest::Digest;
use paravox_domain::id::{CommandId, Id as _, RequestId};
use paravox_domain::ports::Outcome;
use serde::Serialize;

use crate::codes::GatewayCode;
use crate::edge::Incoming;
use crate::parts::{AppState, Shared};
use crate::problem::{Problem, Refused};
use crate::read::POSITION;

/// The longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// The header by which a repeat is known.
const KEY: &str = "idempotency-key";

/// The header that tells a repeat.
pub(crate) const REPLAYED: &str = "idempotency-replayed";

/// The circumstances of a write.
pub(crate) struct Write {
    pub(crate) request: RequestId,
    pub(crate) subscriber: u128,
    key: Option<String>,
}

/// What a key holds for.
pub(crate) struct Scope<'a> {
    /// Who asks: a text that no two callers share.
    pub(crate) caller: &'a str,
    /// The route, without ids.
    pub(crate) route: &'static str,
    /// The id in the path, if there is one: another one is another request.
    pub(crate) target: &'a str,
}

impl FromRequestParts<AppState> for Write {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, shared: &AppState) -> Result<Self, Refused> {
        let incoming = Incoming::of(&parts.extensions, shared);
        let mut values = parts.headers.get_all(KEY).iter();
        let key = match (values.next(), values.next()) {
            (None, _) => None,
            (Some(value), None) => {
                let text = value.to_str().ok().filter(|text| {
                    (1..=KEY_BYTES_MAX).contains(&text.len())
                        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
                });
                Some(text.ok_or_else(bad_key)?.to_owned())
            }
            (Some(_), Some(_)) => return Err(bad_key().into()),
        };
        Ok(Self { request: incoming.request, subscriber: incoming.subscriber(), key })
    }
}

fn bad_key() -> Problem {
    Problem::new(
        GatewayCode::HeaderInvalid,
        "`Idempotency-Key` has 1 to 255 printable ASCII characters, and is sent once",
    )
    .at("Idempotency-Key", "not a key")
}

impl Write {
    /// Has it carried out. `body` is what tells this request from another one under the same key.
    pub(crate) async fn submit(
        &self,
        shared: &Shared,
        scope: Scope<'_>,
        body: &(impl Serialize + Sync),
        actor: Actor,
        ask: Ask,
    ) -> Result<Outcome, Problem> {
        let (id, fingerprint) = match &self.key {
            Some(key) => (command_id(shared, &scope, key), fingerprint(shared, scope.target, body)),
            None => (shared.fresh(), 0),
        };
        let command = Command {
            id,
            repeatable: self.key.is_some(),
            fingerprint,
            at: shared.now(),
            request: self.request,
            seed: rand::random(),
            actor,
            ask,
        };
        shared.commands.submit(command).await.map_err(Problem::from)
    }
}

fn command_id(shared: &Shared, scope: &Scope<'_>, key: &str) -> CommandId {
    let mut input = Vec::with_capacity(64 + key.len());
    for part in [scope.caller, scope.route, key] {
        input.extend_from_slice(&(part.len() as u64).to_be_bytes());
        input.extend_from_slice(part.as_bytes());
    }
    CommandId::from_bits(Digest::keyed(&shared.command_key, &input).truncated())
}

/// Keyed, because it stands in the journal, and a body may hold a number or a code that could be guessed.
fn fingerprint(shared: &Shared, target: &str, body: &impl Serialize) -> u64 {
    let mut input = b"fingerprint\0".to_vec();
    input.extend_from_slice(target.as_bytes());
    input.push(0);
    // Read from JSON a moment ago, so it can be written as JSON; written anew it has one form.
    input.extend(serde_json::to_vec(body).unwrap_or_default());
    (Digest::keyed(&shared.command_key, &input).truncated() >> 64) as u64
}

/// The answer to a write: where in the journal it stands, and whether it is a repeat.
pub(crate) fn written(status: StatusCode, outcome: &Outcome, body: impl Serialize) -> Response {
    with_position((status, Json(body)).into_response(), outcome)
}

/// The answer to a write that has nothing to tell.
pub(crate) fn done(outcome: &Outcome) -> Response {
    with_position(StatusCode::NO_CONTENT.into_response(), outcome)
}

/// Adds the headers of a write to its answer.
pub(crate) fn with_position(mut response: Response, outcome: &Outcome) -> Response {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static(POSITION), HeaderValue::from(outcome.position.0));
    if outcome.replayed {
        headers.insert(HeaderName::from_static(REPLAYED), HeaderValue::from_static("true"));
    }
    response
}

/// The writer answered with something that the request cannot lead to.
pub(crate) fn unfit() -> Refused {
    tracing::error!("the writer gave an answer that does not fit the request");
    Problem::new(GatewayCode::Internal, "the server answered itself with something unexpected").into()
}
