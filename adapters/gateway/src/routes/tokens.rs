//! Tokens: a new pair for a refresh token.
//!
//! Owns: the request and its answer; the form in which a pair is handed out.
//! Does not own: which generation is current (the domain). A refresh token that had been replaced puts the device out.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use paravox_domain::answer::Answer;
use paravox_domain::command::{Actor, Ask};
use paravox_domain::id::{DeviceId, PartyId};
use paravox_domain::time::Span;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::codes::GatewayCode;
use crate::http_body::StrictJson;
use crate::parts::{AppState, Shared};
use crate::problem::{Problem, ProblemBody, Refused};
use crate::write::{Scope, Write, unfit, written};

/// A refresh token.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// The refresh token that was given out last.
    #[schema(max_length = 256)]
    refresh_token: String,
}

/// A pair of tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenBody {
    /// The party.
    #[schema(value_type = String, example = "pty_01k9vaxr3n0000000000000000")]
    party: PartyId,
    /// The device.
    #[schema(value_type = String, example = "dev_01k9vaxr3n0000000000000000")]
    device: DeviceId,
    /// For the header `Authorization: Bearer …` of each request.
    access_token: String,
    /// For another pair, once.
    refresh_token: String,
    /// How the access token is used.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How long the access token is good, in seconds.
    expires_in_s: u32,
}

impl TokenBody {
    /// The pair of this generation.
    pub(crate) fn new(shared: &Shared, device: DeviceId, party: PartyId, generation: u32) -> Self {
        let lifetime = shared.config.access_token_s;
        let span = Span::seconds(i64::from(lifetime));
        Self {
            party,
            device,
            access_token: shared.credentials.access_token(device, party, shared.now(), span),
            refresh_token: shared.credentials.refresh_token(device, generation),
            token_type: "Bearer",
            expires_in_s: lifetime,
        }
    }
}

/// A new pair of tokens for a refresh token. The refresh token is replaced: keep the new one.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    tag = "credentials",
    request_body = RefreshRequest,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key and body get the first answer again.")),
    responses(
        (status = 200, body = TokenBody, description = "Another pair."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn refresh(
    State(shared): State<AppState>,
    write: Write,
    StrictJson(body): StrictJson<RefreshRequest>,
) -> Result<Response, Refused> {
    let (device, generation) = shared
        .credentials
        .check_refresh(&body.refresh_token)
        .map_err(|error| Problem::new(GatewayCode::CredentialInvalid, error.to_string()))?;
    shared.rates.request_of_device(device)?;
    let scope = Scope { caller: &device.to_string(), route: "POST /tokens", target: "" };
    let ask = Ask::RotateCredential { device, generation };
    let outcome = write.submit(&shared, scope, &body, Actor::Anyone, ask).await?;
    match outcome.answer {
        Answer::CredentialRotated { device, party, generation } => {
            let tokens = TokenBody::new(&shared, device, party, generation);
            let mut response = written(StatusCode::OK, &outcome, tokens);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
        Answer::CredentialReused => {
            shared.remember(device, true);
            let detail = "this refresh token had been replaced: somebody may have a copy, so the device was put out; \
                          register it again";
            Err(Problem::new(GatewayCode::RefreshReused, detail).into())
        }
        _ => Err(unfit()),
    }
}
