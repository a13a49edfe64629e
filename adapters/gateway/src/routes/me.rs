//! The caller's own party.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use paravox_domain::id::{DeviceId, PartyId};
use serde::Serialize;
use utoipa::ToSchema;

use super::schemas::IdentityText;
use crate::auth::Reader;
use crate::codes::GatewayCode;
use crate::parts::AppState;
use crate::problem::{Problem, ProblemBody, Refused};
use crate::read::UpToDate;

/// A party, as it may see itself.
#[derive(Serialize, ToSchema)]
struct MeBody {
    /// The party.
    #[schema(value_type = String, example = "pty_01k9vaxr3n0000000000000000")]
    party: PartyId,
    /// The device that asks.
    #[schema(value_type = String, example = "dev_01k9vaxr3n0000000000000000")]
    device: DeviceId,
    /// The party's identities, in the order in which they were proven.
    #[schema(value_type = Vec<IdentityText>)]
    identities: Vec<String>,
}

/// Who the caller is.
#[utoipa::path(
    get,
    path = "/v1/me",
    tag = "parties",
    params(("Paravox-Position" = Option<u64>, Header, description = "Wait until this write can be seen.")),
    security(("device" = [])),
    responses(
        (status = 200, body = MeBody, description = "The party."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn me(
    State(shared): State<AppState>,
    Reader(access): Reader,
    _: UpToDate,
) -> Result<Response, Refused> {
    let party = shared.views.party(access.party).await.map_err(Problem::from)?;
    // The token says that there is such a party: the read model has not seen it yet.
    let behind =
        || Problem::new(GatewayCode::ReadsBehind, "the read models do not know the party yet: ask again");
    let party = party.ok_or_else(behind)?;
    let body = MeBody { party: party.party, device: access.device, identities: party.identities };
    Ok(Json(body).into_response())
}
