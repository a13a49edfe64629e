//! The connection to the servers.
//!
//! Owns: its options. TLS is used where the address says `tls://`, or where a certificate is given.
//! Does not own: what is sent over it.
//! Invariant: errors and logs name the address without a user's name or password.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};

/// How often a server is asked whether it lives. After three questions without an answer another one is connected to: with
/// the client's default of a minute, a server that hangs would hold a node up for minutes.
const PING_EVERY: Duration = Duration::from_secs(2);

/// How to connect.
#[derive(Clone, Debug, Default)]
pub struct ConnectConfig {
    /// The servers: `nats://host:4222` or `tls://host:4222`, one or more of a cluster.
    pub urls: Vec<String>,
    /// A file of credentials, as `nsc` writes it.
    pub credentials_file: Option<PathBuf>,
    /// A file of certificates (PEM) of the authorities that are trusted, beside those of the system.
    pub authorities_file: Option<PathBuf>,
    /// The client's own certificate and key (PEM), where the servers ask for one.
    pub certificate_files: Option<(PathBuf, PathBuf)>,
    /// The name of this node, for the servers' monitoring.
    pub name: String,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No server was named.
    #[error("no address of a NATS server is configured")]
    NoAddress,
    /// An address is none.
    #[error("`{found}` is no address of a NATS server: nats://host:4222 or tls://host:4222")]
    InvalidAddress {
        /// What was found, without what stands before an `@`.
        found: String,
    },
    /// The credentials cannot be read.
    #[error("the credentials in {} cannot be read: {cause}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// No server answers, or none lets this node in.
    #[error("no NATS server can be connected to: {0}")]
    Unreachable(#[from] async_nats::ConnectError),
}

/// Connects, and stays connected: a lost connection is made again, for ever.
pub async fn connect(config: &ConnectConfig) -> Result<Client, ConnectError> {
    if config.urls.is_empty() {
        return Err(ConnectError::NoAddress);
    }
    let addresses = config.urls.iter().map(|url| {
        url.parse::<ServerAddr>()
            .map_err(|_| ConnectError::InvalidAddress { found: without_user(url).to_owned() })
    });
    let addresses: Vec<ServerAddr> = addresses.collect::<Result<_, _>>()?;
    let mut options = ConnectOptions::new()
        .name(&config.name)
        .ping_interval(PING_EVERY)
        .event_callback(async |event| tell(&event));
    if addresses.iter().any(ServerAddr::tls_required) || config.certificate_files.is_some() {
        options = options.require_tls(true);
    }
    if let Some(path) = &config.credentials_file {
        let failed = |cause| ConnectError::Credentials { path: path.clone(), cause };
        options = options.credentials_file(path).await.map_err(failed)?;
    }
    if let Some(path) = &config.authorities_file {
        options = options.add_root_certificates(path.clone());
    }
    if let Some((certificate, key)) = &config.certificate_files {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options.connect(addresses).await?)
}

/// An address without user and password.
fn without_user(url: &str) -> &str {
    url.rsplit('@').next().unwrap_or_default()
}

fn tell(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("the connection to NATS is lost; connecting again"),
        other => tracing::warn!(event = %other, "NATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_an_address_is_shown_without_user_and_password() {
        assert_eq!(without_user("nats://ann:secret@host:4222"), "host:4222");
        assert_eq!(without_user("nats://host:4222"), "nats://host:4222");
    }
}
