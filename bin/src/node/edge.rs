//! The edge of a node: the gateway with its credentials and limits.

use std::sync::Arc;

use paravox_domain::digest::SecretKey;
use paravox_domain::ports::Commands;
use paravox_domain::registration::Codes;
use paravox_gateway::{
    CredentialKey, Credentials, FeedConfig, Gateway, GatewayConfig, GatewayParts, Network, RateConfig,
    ServiceConfig,
};
use paravox_writer::{SystemClock, WriterHandle};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::health::NodeHealth;
use super::readers::Readers;
use crate::config::Config;
use crate::exit::Failure;
use crate::keys::Keys;
use crate::telemetry;

/// Whom access tokens are for.
const AUDIENCE: &str = "paravox";

/// A running gateway.
pub(super) struct Edge {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Edge {
    /// Starts it on a socket that is bound already.
    #[expect(clippy::too_many_arguments, reason = "the edge is where all parts of a node meet")]
    pub(super) fn start(
        config: &Config,
        listener: TcpListener,
        keys: &Keys,
        lookup_key: SecretKey,
        codes: Codes,
        commands: Arc<dyn Commands>,
        readers: &Readers,
        writer: &WriterHandle,
    ) -> Result<Self, Failure> {
        let issuer =
            config.http.public_url.clone().unwrap_or_else(|| format!("urn:paravox:{}", config.realm));
        let ring = keys
            .signing
            .iter()
            .map(|(number, secret)| CredentialKey { kid: format!("k{number}"), secret: secret.clone() });
        let metrics = telemetry::metrics().map_err(Failure::failed)?;
        let gateway = Gateway::new(GatewayParts {
            commands,
            views: Arc::new(readers.views()),
            feeds: Arc::new(readers.hub()),
            clock: Arc::new(SystemClock),
            config: gateway_config(config)?,
            credentials: Credentials::new(issuer, AUDIENCE, ring.collect())
                .map_err(|error| Failure::Configuration(error.to_string()))?,
            codes,
            lookup_key,
            health: Arc::new(NodeHealth::new(writer.status(), readers.status(), config.is_cluster())),
            metrics: Some(Arc::new(move || metrics.render())),
        })
        .map_err(|error| Failure::Configuration(error.to_string()))?;
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = gateway.serve(listener, stop).await {
                tracing::error!(%error, "the HTTP edge has stopped");
            }
        });
        Ok(Self { shutdown, task })
    }

    /// Takes no more requests, and finishes those that are under way.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the HTTP edge failed");
        }
    }

    /// Waits until it stops by itself, which it does only when it cannot go on.
    pub(super) async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }
}

fn gateway_config(config: &Config) -> Result<GatewayConfig, Failure> {
    let http = &config.http;
    let networks: Result<Vec<Network>, _> = http.trusted_proxies.iter().map(|text| text.parse()).collect();
    Ok(GatewayConfig {
        body_bytes_max: http.body_bytes_max,
        request_ms_max: u64::from(http.request_timeout_s) * 1_000,
        connections_max: http.connections_max,
        connections_per_address_max: http.connections_per_address_max,
        access_token_s: http.access_token_s,
        allowed_origins: http.allowed_origins.clone(),
        trusted_proxies: networks
            .map_err(|error| Failure::Configuration(format!("`http.trusted_proxies`: {error}")))?,
        rates: RateConfig {
            per_address_per_s: http.requests_per_address_per_s,
            per_address_burst: http.requests_per_address_per_s.saturating_mul(5),
            per_device_per_s: http.requests_per_credential_per_s,
            per_device_burst: http.requests_per_credential_per_s.saturating_mul(10),
            registrations_per_identity_per_hour: http.registrations_per_identity_per_hour,
            registrations_per_address_per_hour: http.registrations_per_address_per_hour,
            registrations_per_prefix_per_hour: http.registrations_per_prefix_per_hour,
            ..RateConfig::default()
        },
        feed: FeedConfig {
            clients_max: http.feeds_max,
            heartbeat_s: u64::from(http.heartbeat_s),
            ..FeedConfig::default()
        },
        services: config
            .services
            .iter()
            .map(|service| ServiceConfig {
                name: service.name.clone(),
                key_digests: service.key_digests.clone(),
                number_prefixes: service.numbers.clone(),
                identities: Vec::new(),
            })
            .collect(),
        ..GatewayConfig::default()
    })
}
