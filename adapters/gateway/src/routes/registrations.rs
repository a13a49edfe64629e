//! Registration: claim an identity, prove it by a code, get credentials (S10).
//!
//! Owns: the two requests and their answers.
//! Does not own: sending the code. A reactor does, when the registration stands in the journal: the answer, its size and
//! its time are the same whoever the identity belongs to, or nobody (A8).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use paravox_domain::answer::Answer;
use paravox_domain::command::{Actor, Ask};
use paravox_domain::id::{PartyId, RegistrationId};
use paravox_domain::identity::Identity;
use paravox_domain::registration::{CODE_DIGITS, DeviceKind, DeviceName, NewDevice};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schemas::{self, DeviceKindWord, IdentityText};
use super::tokens::TokenBody;
use crate::auth::MaybeDevice;
use crate::codes::GatewayCode;
use crate::http_body::{PathId, StrictJson};
use crate::parts::AppState;
use crate::problem::{Problem, ProblemBody, Refused};
use crate::refusal::registration_unknown;
use crate::time_text::TimeText;
use crate::write::{Scope, Write, unfit, with_position, written};

/// The generation of a device's first refresh token.
const FIRST_GENERATION: u32 = 1;

/// An identity that somebody claims.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationRequest {
    /// The identity: a telephone number with its country code, to which a code will be sent.
    #[schema(value_type = IdentityText)]
    identity: Identity,
    /// The device that is to be let in. Where a device that is already in claims a further identity for its party, this is
    /// not used.
    device: DeviceDescription,
}

/// A device as it describes itself.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeviceDescription {
    /// Its name: 1 to 64 characters, no control characters.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "Anna's phone")]
    name: DeviceName,
    /// Its kind.
    #[schema(value_type = DeviceKindWord)]
    kind: DeviceKind,
}

/// A registration that was started.
#[derive(Serialize, ToSchema)]
struct RegistrationBody {
    /// The registration.
    #[schema(value_type = String, example = "reg_01k9vaxr3n0000000000000000")]
    registration: RegistrationId,
    /// When the code ceases to be good.
    #[schema(schema_with = schemas::time)]
    expires_at: TimeText,
}

/// A code that came in a short message.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofRequest {
    /// The code: six digits.
    #[schema(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "123456")]
    code: String,
}

/// A further identity that was proven by a device that was in already.
#[derive(Serialize, ToSchema)]
struct ProvenBody {
    /// The party.
    #[schema(value_type = String, example = "pty_01k9vaxr3n0000000000000000")]
    party: PartyId,
}

/// Claims an identity. A code goes to it by a short message.
#[utoipa::path(
    post,
    path = "/v1/registrations",
    tag = "registration",
    request_body = RegistrationRequest,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key and body get the first answer again.")),
    security((), ("device" = [])),
    responses(
        (status = 202, body = RegistrationBody, description = "A code is on its way, if the number can get one."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn start(
    State(shared): State<AppState>,
    MaybeDevice(access): MaybeDevice,
    write: Write,
    StrictJson(body): StrictJson<RegistrationRequest>,
) -> Result<Response, Refused> {
    let key = body.identity.key(&shared.lookup_key);
    shared.rates.code_for(&body.identity, key, write.subscriber)?;
    let registration: RegistrationId = shared.fresh();
    let ask = Ask::StartRegistration {
        registration,
        identity: body.identity.clone(),
        device: NewDevice { name: body.device.name.clone(), kind: body.device.kind },
        code: shared.codes.digest(registration, &shared.codes.code(registration)),
    };
    let actor =
        access.map_or(Actor::Anyone, |access| Actor::Device { device: access.device, party: access.party });
    let caller = access.map_or_else(|| key.to_string(), |access| access.device.to_string());
    let scope = Scope { caller: &caller, route: "POST /registrations", target: "" };
    let outcome = write.submit(&shared, scope, &body, actor, ask).await?;
    let Answer::RegistrationStarted { registration, expires } = outcome.answer else { return Err(unfit()) };
    let answer = RegistrationBody { registration, expires_at: TimeText(expires) };
    Ok(written(StatusCode::ACCEPTED, &outcome, answer))
}

/// Proves an identity by the code that came in a short message, and lets the device in.
#[utoipa::path(
    post,
    path = "/v1/registrations/{registration}/proof",
    tag = "registration",
    request_body = ProofRequest,
    params(
        ("registration" = String, Path, description = "The registration."),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key and body get the first answer again.")
    ),
    security((), ("device" = [])),
    responses(
        (status = 201, body = TokenBody, description = "The device is in."),
        (status = 200, body = ProvenBody, description = "A further identity belongs to the party."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused. After a wrong code (PVX-4023) `tries_left` tells how many more there may be.")
    )
)]
pub(crate) async fn prove(
    State(shared): State<AppState>,
    PathId(id): PathId,
    MaybeDevice(access): MaybeDevice,
    write: Write,
    StrictJson(body): StrictJson<ProofRequest>,
) -> Result<Response, Refused> {
    let registration: RegistrationId = id.parse().map_err(|_| registration_unknown())?;
    if body.code.len() != CODE_DIGITS || !body.code.bytes().all(|byte| byte.is_ascii_digit()) {
        let detail = "a code has six digits";
        return Err(Problem::new(GatewayCode::FieldInvalid, detail).at("/code", detail).into());
    }
    let ask = Ask::ProveRegistration { registration, code: shared.codes.digest(registration, &body.code) };
    let actor =
        access.map_or(Actor::Anyone, |access| Actor::Device { device: access.device, party: access.party });
    let scope = Scope { caller: &id, route: "POST /registrations/proof", target: &id };
    let outcome = write.submit(&shared, scope, &body, actor, ask).await?;
    match outcome.answer {
        Answer::CodeWrong { tries_left } => {
            let problem = Problem::new(GatewayCode::CodeWrong, "the code is not the one that was sent");
            let response = Refused::from(problem.tries_left(tries_left));
            Ok(with_position(axum::response::IntoResponse::into_response(response), &outcome))
        }
        Answer::Proven { party, device: Some(device) } => {
            let tokens = TokenBody::new(&shared, device, party, FIRST_GENERATION);
            Ok(written(StatusCode::CREATED, &outcome, tokens))
        }
        Answer::Proven { party, device: None } => Ok(written(StatusCode::OK, &outcome, ProvenBody { party })),
        _ => Err(unfit()),
    }
}
