//! Configuration of the gateway: every limit with its name, unit and default (invariant 9).
//!
//! Owns: names, units, defaults.
//! Does not own: where values come from; the program reads files, environment and flags.

use serde::{Deserialize, Serialize};

/// What can be set at the gateway. Every field has a default; unknown fields are errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// The most header fields of a request.
    pub headers_max: usize,
    /// How long the header of a request may take to arrive, in milliseconds. Slower ones are cut off.
    pub header_read_ms_max: u64,
    /// How long a request may take in all, in milliseconds; feeds and long polls have limits of their own.
    pub request_ms_max: u64,
    /// How long a read waits for its read model to reach the position in `Paravox-Position`, in milliseconds.
    pub read_wait_ms_max: u64,
    /// Connections open at once.
    pub connections_max: usize,
    /// Connections open at once from one address. A proxy counts as one address here: raise it there.
    pub connections_per_address_max: usize,
    /// HTTP/2 streams open at once on one connection.
    pub streams_per_connection_max: u32,
    /// How long connections may take to finish once the program is to stop, in milliseconds.
    pub shutdown_ms_max: u64,
    /// Items on one page of a list, when the request does not say.
    pub page_default: usize,
    /// The most items on one page of a list.
    pub page_max: usize,
    /// How long an access token is good, in seconds.
    pub access_token_s: u32,
    /// How far the clocks of two gateways may be apart, in seconds: tokens issued so much in the future are taken.
    pub clock_leeway_s: u32,
    /// How long it is remembered that a device is (not) revoked, in milliseconds: a revocation takes effect on reads
    /// within this time. Commands are checked by the writer, at once.
    pub device_memory_ms: u64,
    /// Origins from which pages may use this server (`https://app.example.org`). A WebSocket from another origin is
    /// refused. Programs other than browsers send no origin.
    pub allowed_origins: Vec<String>,
    /// Networks of proxies whose `Forwarded` header is believed (`10.0.0.0/8`). Without any, the peer's address counts.
    pub trusted_proxies: Vec<crate::Network>,
    /// Whether `/livez`, `/readyz` and `/metrics` are served on the same address as `/v1`.
    pub operator_routes: bool,
    /// Rates.
    pub rates: RateConfig,
    /// Feeds.
    pub feed: FeedConfig,
    /// Automated systems that may report calls.
    pub services: Vec<ServiceConfig>,
}

/// Rates. 0 switches one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateConfig {
    /// Requests a second from one address (one /64 network, with IPv6).
    pub per_address_per_s: u32,
    /// Requests at once from one address, before the rate applies.
    pub per_address_burst: u32,
    /// Requests a second with one device's credential.
    pub per_device_per_s: u32,
    /// Requests at once with one device's credential.
    pub per_device_burst: u32,
    /// Requests a second with one service's key.
    pub per_service_per_s: u32,
    /// Requests at once with one service's key.
    pub per_service_burst: u32,
    /// Codes for one identity an hour: each costs a short message.
    pub registrations_per_identity_per_hour: u32,
    /// Codes asked for from one address an hour.
    pub registrations_per_address_per_hour: u32,
    /// Codes for numbers that begin alike an hour: a block of numbers that earns by being sent to (T9).
    pub registrations_per_prefix_per_hour: u32,
    /// How many digits are alike in such a block.
    pub registration_prefix_digits: usize,
    /// Frames a second that a device may send on its feed.
    pub feed_frames_per_s: u32,
}

/// Feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedConfig {
    /// Feeds connected at once.
    pub clients_max: usize,
    /// Frames that wait for a slow device.
    pub queue_items_max: usize,
    /// Items read at a time.
    pub page_items_max: usize,
    /// How long the queue may stay full, in milliseconds, before the device is cut off (4408). It resumes from its cursor.
    pub slow_ms_max: u64,
    /// Time between heartbeats, in seconds. A device that is silent for three of them is cut off.
    pub heartbeat_s: u64,
    /// The largest frame that a device may send, in bytes.
    pub frame_bytes_max: usize,
    /// The longest long poll, in seconds.
    pub poll_s_max: u64,
    /// How long after a long poll a device still counts as connected, in milliseconds.
    pub poll_grace_ms: u64,
    /// How long a ticket for a WebSocket is good, in seconds.
    pub ticket_s: u32,
    /// Open sessions in a snapshot.
    pub snapshot_sessions_max: usize,
}

/// An automated system that may report calls on behalf of others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// Its name, as it stands in the journal: 1 to 64 of a-z, 0-9, `-`.
    pub name: String,
    /// Digests (BLAKE3, 64 hexadecimal digits) of its keys. Several, so that a key can be replaced without a pause.
    pub key_digests: Vec<String>,
    /// Numbers for which it may speak, by how they begin (`+4420794600`).
    #[serde(default)]
    pub number_prefixes: Vec<String>,
    /// Further identities for which it may speak, each in full.
    #[serde(default)]
    pub identities: Vec<String>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 * 1024,
            headers_max: 64,
            header_read_ms_max: 10_000,
            request_ms_max: 30_000,
            read_wait_ms_max: 2_000,
            connections_max: 20_000,
            connections_per_address_max: 2_000,
            streams_per_connection_max: 256,
            shutdown_ms_max: 10_000,
            page_default: 50,
            page_max: 200,
            access_token_s: 900,
            clock_leeway_s: 5,
            device_memory_ms: 3_000,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            operator_routes: true,
            rates: RateConfig::default(),
            feed: FeedConfig::default(),
            services: Vec::new(),
        }
    }
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            per_address_per_s: 200,
            per_address_burst: 1_000,
            per_device_per_s: 20,
            per_device_burst: 200,
            per_service_per_s: 5_000,
            per_service_burst: 10_000,
            registrations_per_identity_per_hour: 5,
            registrations_per_address_per_hour: 60,
            registrations_per_prefix_per_hour: 600,
            registration_prefix_digits: 6,
            feed_frames_per_s: 20,
        }
    }
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            clients_max: 10_000,
            queue_items_max: 256,
            page_items_max: 128,
            slow_ms_max: 10_000,
            heartbeat_s: 15,
            frame_bytes_max: 4 * 1024,
            poll_s_max: 60,
            poll_grace_ms: 15_000,
            ticket_s: 30,
            snapshot_sessions_max: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_does_not_exist_is_an_error_and_what_is_left_out_has_its_default() {
        let config: GatewayConfig = serde_json::from_str(r#"{"body_bytes_max":10}"#).unwrap();
        assert_eq!(config, GatewayConfig { body_bytes_max: 10, ..GatewayConfig::default() });
        assert!(serde_json::from_str::<GatewayConfig>(r#"{"body_bytes":10}"#).is_err());
    }
}
