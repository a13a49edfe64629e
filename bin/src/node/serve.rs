//! `paravox serve`: a node until it is told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use paravox_domain::ports::Sms;
use paravox_sms::{TerminalSms, WebhookConfig, WebhookSms};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{Node, Outside};
use crate::config::{Config, SmsKind};
use crate::exit::Failure;
use crate::output::Output;

/// Serves until SIGTERM or SIGINT.
pub async fn serve(config: Config, output: Output) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let outside = Outside::with_sms(sms(&config)?);
    let mut node = Node::start(&config, &outside).await?;
    greet(&config, &node, output);
    let told_to_stop = tokio::select! {
        _ = terminate.recv() => true,
        _ = interrupt.recv() => true,
        () = node.edge.ended() => false,
    };
    tracing::info!("stopping: requests that are under way are finished, nothing new is taken");
    if told_to_stop {
        node.stop().await;
        return Ok(());
    }
    Err(Failure::failed("the HTTP edge has stopped by itself; the log tells why"))
}

fn greet(config: &Config, node: &Node, output: Output) {
    let url = node.url();
    let (mode, data) = if config.is_cluster() {
        ("a node of a cluster", "on the bus and in the database".to_owned())
    } else {
        let directory: PathBuf =
            std::path::absolute(&config.data.directory).unwrap_or_else(|_| config.data.directory.clone());
        ("embedded: one process, SQLite", directory.display().to_string())
    };
    if output.json {
        output.json_line(
            &json!({ "serve": "ready", "url": url, "realm": config.realm, "mode": mode, "data": data }),
        );
        return;
    }
    output.table(
        &["paravox", env!("CARGO_PKG_VERSION")],
        [
            vec!["realm".to_owned(), config.realm.clone()],
            vec!["mode".to_owned(), mode.to_owned()],
            vec!["data".to_owned(), data],
            vec!["API".to_owned(), format!("{url}/v1  (description: {url}/v1/openapi.json)")],
            vec!["health, metrics".to_owned(), format!("{url}/readyz, {url}/metrics")],
        ],
    );
    if config.sms.kind == SmsKind::Terminal {
        output.text("Short messages with one-time codes are shown here, on stderr. Set `sms` to send them.");
    }
}

/// Where short messages go, as configured.
fn sms(config: &Config) -> Result<Arc<dyn Sms>, Failure> {
    match (&config.sms.kind, &config.sms.url) {
        (SmsKind::Webhook, Some(url)) => {
            let webhook = WebhookConfig {
                url: url.clone(),
                token_file: config.sms.token_file.clone(),
                timeout_ms: u64::from(config.sms.timeout_s) * 1_000,
            };
            let sms = WebhookSms::new(&webhook).map_err(|error| Failure::Configuration(error.to_string()))?;
            Ok(Arc::new(sms))
        }
        (SmsKind::Webhook, None) => Err(Failure::Configuration("`sms.url` is missing".to_owned())),
        (SmsKind::Terminal, _) => Ok(Arc::new(TerminalSms::stderr())),
    }
}
