//! The gateway and what it is made of.
//!
//! Owns: putting the parts together.
//! Does not own: the parts. Each is a trait of the domain, or handed in as it is.

use std::sync::Arc;

use axum::Router;
use paravox_domain::digest::SecretKey;
use paravox_domain::id::{DeviceId, Id};
use paravox_domain::ports::query::{Feeds, Views};
use paravox_domain::ports::{Boxed, Clock, Commands};
use paravox_domain::registration::Codes;
use paravox_domain::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Standing;
use crate::bounded::Bounded;
use crate::config::GatewayConfig;
use crate::credentials::{Credentials, Services, ServicesError};
use crate::feed::Presences;
use crate::rates::Rates;
use crate::{openapi, routes};

/// Devices whose standing is remembered for a moment.
const DEVICES_REMEMBERED_MAX: usize = 65_536;

/// Writes the metrics in Prometheus' text form.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// Something that the program needs in order to work, and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its name: `journal`, `postgres` …
    pub name: String,
    /// Whether it works.
    pub ready: bool,
    /// Why not, or what there is to say.
    pub reason: Option<String>,
}

/// Tells whether the program can do its work.
pub trait Health: Send + Sync + 'static {
    /// All dependencies, each as it is now.
    fn check(&self) -> Boxed<'_, Vec<Dependency>>;
}

/// What a gateway is made of.
pub struct GatewayParts {
    /// Where commands go.
    pub commands: Arc<dyn Commands>,
    /// The read models.
    pub views: Arc<dyn Views>,
    /// The devices' feeds.
    pub feeds: Arc<dyn Feeds>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Limits.
    pub config: GatewayConfig,
    /// The keys of tokens.
    pub credentials: Credentials,
    /// One-time codes: the same secret as the reactor that sends them.
    pub codes: Codes,
    /// The key of the directory: the same as in the domain's settings. Keys of command ids and cursors are derived from it.
    pub lookup_key: SecretKey,
    /// What `/readyz` tells.
    pub health: Arc<dyn Health>,
    /// What `/metrics` tells; without it there is no such route.
    pub metrics: Option<MetricsText>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) commands: Arc<dyn Commands>,
    pub(crate) views: Arc<dyn Views>,
    pub(crate) feeds: Arc<dyn Feeds>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: GatewayConfig,
    pub(crate) credentials: Credentials,
    pub(crate) services: Services,
    pub(crate) codes: Codes,
    pub(crate) lookup_key: SecretKey,
    pub(crate) command_key: SecretKey,
    pub(crate) cursor_key: SecretKey,
    pub(crate) rates: Rates,
    pub(crate) devices: Bounded<DeviceId, Standing>,
    pub(crate) presences: Presences,
    pub(crate) health: Arc<dyn Health>,
    pub(crate) metrics: Option<MetricsText>,
    /// Feeds end when this is cancelled.
    pub(crate) closing: CancellationToken,
    /// What still has to be done when feeds end: telling the writer that a device is gone.
    pub(crate) tasks: TaskTracker,
    /// The description of the routes, as it is served.
    pub(crate) openapi: axum::body::Bytes,
}

/// What handlers get.
pub(crate) type AppState = Arc<Shared>;

impl Shared {
    /// The time of day.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// An id that nobody can guess, sortable by time.
    pub(crate) fn fresh<I: Id>(&self) -> I {
        let random = rand::random::<u128>() >> 48;
        I::from_bits((u128::from(self.now().millis() & 0xffff_ffff_ffff) << 80) | random)
    }
}

/// The edge for devices and automated systems.
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
    router: Router,
}

impl Gateway {
    /// Puts a gateway together. Fails where a configured service cannot be used.
    pub fn new(parts: GatewayParts) -> Result<Self, ServicesError> {
        crate::metrics_help::describe();
        let services = Services::new(&parts.config.services)?;
        let shared = Arc::new(Shared {
            services,
            rates: Rates::new(&parts.config.rates),
            devices: Bounded::new(DEVICES_REMEMBERED_MAX),
            presences: Presences::default(),
            command_key: parts.lookup_key.derive("command ids"),
            cursor_key: parts.lookup_key.derive("list cursors"),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            openapi: openapi::text().into(),
            commands: parts.commands,
            views: parts.views,
            feeds: parts.feeds,
            clock: parts.clock,
            config: parts.config,
            credentials: parts.credentials,
            codes: parts.codes,
            lookup_key: parts.lookup_key,
            health: parts.health,
            metrics: parts.metrics,
        });
        let router = routes::router(Arc::clone(&shared));
        Ok(Self { shared, router })
    }

    /// The routes, for a server or a test of one's own. Requests should carry the peer's address as
    /// `axum::extract::ConnectInfo<SocketAddr>`; [`Gateway::serve`] sees to that.
    pub fn router(&self) -> Router {
        self.router.clone()
    }
}
