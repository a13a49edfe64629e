//! Who asks: credentials of requests, and whether a device may still act.
//!
//! Owns: the `Authorization` header, and the short memory of which devices were put out.
//! Does not own: whether a command is allowed (the writer checks the device again, at once and exactly).
//! Invariant: a credential is taken from the header only, never from the query string (A7).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use paravox_domain::command::Actor;
use paravox_domain::id::DeviceId;
use paravox_domain::time::{Instant, Span};

use crate::codes::GatewayCode;
use crate::credentials::{Access, AccessError, Service};
use crate::parts::{AppState, Shared};
use crate::problem::{Problem, Refused};

/// Whether a device was put out, as was known at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    revoked: bool,
    until: Instant,
}

/// Somebody with a credential.
pub(crate) enum Caller {
    /// A device.
    Device(Access),
    /// An automated system.
    Service(Arc<Service>),
}

/// A device, by its access token. Whether it was put out since is for the writer to say.
pub(crate) struct Device(pub(crate) Access);

/// A device that reads: its token is good, and as far as the read models know it was not put out.
pub(crate) struct Reader(pub(crate) Access);

/// A device, or nobody in particular.
pub(crate) struct MaybeDevice(pub(crate) Option<Access>);

impl Device {
    /// The device as an actor.
    pub(crate) const fn actor(&self) -> Actor {
        Actor::Device { device: self.0.device, party: self.0.party }
    }
}

/// The credential of a request, if there is one.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let invalid =
        || Problem::new(GatewayCode::CredentialInvalid, "send one header `Authorization: Bearer …`");
    if values.next().is_some() {
        return Err(invalid());
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(invalid());
    }
    Ok(Some(token))
}

impl Shared {
    /// Whose credential this is.
    fn caller(&self, token: &str) -> Result<Caller, Refused> {
        if token.starts_with(crate::credentials::SERVICE_KEY_PREFIX) {
            let service = self.services.find(token).ok_or_else(|| {
                Problem::new(GatewayCode::CredentialInvalid, "this service key is not (or no longer) known")
            })?;
            self.rates.request_of_service(&service.name)?;
            return Ok(Caller::Service(service));
        }
        let access = self.access(token)?;
        self.rates.request_of_device(access.device)?;
        Ok(Caller::Device(access))
    }

    /// What an access token proves.
    pub(crate) fn access(&self, token: &str) -> Result<Access, Problem> {
        let leeway = Span::seconds(i64::from(self.config.clock_leeway_s));
        self.credentials.check_access(token, self.now(), leeway).map_err(|error| {
            let code = match error {
                AccessError::Invalid => GatewayCode::CredentialInvalid,
                AccessError::Expired => GatewayCode::CredentialExpired,
            };
            Problem::new(code, error.to_string())
        })
    }

    /// Refuses a device that was put out. One that the read models do not know yet has just been let in: its token says so.
    pub(crate) async fn check_standing(&self, device: DeviceId) -> Result<(), Refused> {
        let now = self.now();
        let revoked = match self.devices.get(&device) {
            Some(standing) if now < standing.until => standing.revoked,
            _ => match self.views.device(device).await.map_err(Problem::from)? {
                Some(view) => {
                    self.remember(device, view.revoked.is_some());
                    view.revoked.is_some()
                }
                None => false,
            },
        };
        if revoked {
            return Err(paravox_domain::answer::Rejection::DeviceOut)
                .map_err(|out| Problem::from(out).into());
        }
        Ok(())
    }

    /// Remembers for a moment whether a device was put out.
    pub(crate) fn remember(&self, device: DeviceId, revoked: bool) {
        let memory = Span::millis(i64::try_from(self.config.device_memory_ms).unwrap_or(i64::MAX));
        self.devices.insert(device, Standing { revoked, until: self.now() + memory });
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, shared: &AppState) -> Result<Self, Refused> {
        let token = bearer(&parts.headers)?.ok_or_else(|| {
            Problem::new(
                GatewayCode::CredentialMissing,
                "send your access token as `Authorization: Bearer …`",
            )
        })?;
        shared.caller(token)
    }
}

impl FromRequestParts<AppState> for Device {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, shared: &AppState) -> Result<Self, Refused> {
        match Caller::from_request_parts(parts, shared).await? {
            Caller::Device(access) => Ok(Self(access)),
            Caller::Service(_) => {
                Err(Problem::new(GatewayCode::CredentialUnfit, "this route takes a device's access token")
                    .into())
            }
        }
    }
}

impl FromRequestParts<AppState> for Reader {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, shared: &AppState) -> Result<Self, Refused> {
        let Device(access) = Device::from_request_parts(parts, shared).await?;
        shared.check_standing(access.device).await?;
        Ok(Self(access))
    }
}

impl FromRequestParts<AppState> for MaybeDevice {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, shared: &AppState) -> Result<Self, Refused> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            let Device(access) = Device::from_request_parts(parts, shared).await?;
            return Ok(Self(Some(access)));
        }
        Ok(Self(None))
    }
}
