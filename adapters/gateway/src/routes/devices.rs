//! The devices of the caller's party.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use paravox_domain::command::Ask;
use paravox_domain::id::DeviceId;
use paravox_domain::ports::query::DeviceView;
use paravox_domain::registration::{DeviceKind, RevocationCause};
use serde::Serialize;
use utoipa::ToSchema;

use super::schemas::{self, DeviceKindWord, RevocationCauseWord};
use crate::auth::{Device, Reader};
use crate::http_body::PathId;
use crate::parts::AppState;
use crate::problem::{Problem, ProblemBody, Refused};
use crate::read::{ListBody, UpToDate};
use crate::refusal::device_unknown;
use crate::time_text::TimeText;
use crate::write::{Scope, Write, done};

/// A device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceBody {
    /// The device.
    #[schema(value_type = String, example = "dev_01k9vaxr3n0000000000000000")]
    device: DeviceId,
    /// Its name.
    name: String,
    /// Its kind.
    #[schema(value_type = DeviceKindWord)]
    kind: DeviceKind,
    /// When it was let in.
    #[schema(schema_with = schemas::time)]
    enrolled_at: TimeText,
    /// Why it was put out, if it was.
    #[schema(value_type = Option<RevocationCauseWord>)]
    revoked: Option<RevocationCause>,
}

impl From<DeviceView> for DeviceBody {
    fn from(view: DeviceView) -> Self {
        let DeviceView { device, name, kind, enrolled, revoked, .. } = view;
        Self { device, name, kind, enrolled_at: TimeText(enrolled), revoked }
    }
}

/// All devices of the caller's party, also those that were put out.
#[utoipa::path(
    get,
    path = "/v1/devices",
    tag = "parties",
    params(("Paravox-Position" = Option<u64>, Header, description = "Wait until this write can be seen.")),
    security(("device" = [])),
    responses(
        (status = 200, body = ListBody<DeviceBody>, description = "The devices."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn list(
    State(shared): State<AppState>,
    Reader(access): Reader,
    _: UpToDate,
) -> Result<Response, Refused> {
    let devices = shared.views.devices(access.party).await.map_err(Problem::from)?;
    let data = devices.into_iter().map(DeviceBody::from).collect();
    Ok(Json(ListBody { data, next_cursor: None, has_more: false }).into_response())
}

/// Puts a device of the caller's party out: its tokens and connections end.
#[utoipa::path(
    delete,
    path = "/v1/devices/{device}",
    tag = "parties",
    params(("device" = String, Path, description = "The device.")),
    security(("device" = [])),
    responses(
        (status = 204, description = "It is out."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn revoke(
    State(shared): State<AppState>,
    PathId(id): PathId,
    caller: Device,
    write: Write,
) -> Result<Response, Refused> {
    let device: DeviceId = id.parse().map_err(|_| device_unknown())?;
    let scope = Scope { caller: &caller.0.device.to_string(), route: "DELETE /devices", target: &id };
    let outcome = write.submit(&shared, scope, &(), caller.actor(), Ask::RevokeDevice { device }).await?;
    shared.remember(device, true);
    Ok(done(&outcome))
}
