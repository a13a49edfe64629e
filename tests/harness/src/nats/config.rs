//! The text of a nats-server's configuration file.
//!
//! Owns: every line of it. Durations are quoted: without quotes the server takes `2m` for two million seconds.

use std::fmt::Write;

use super::{NatsOptions, Place, SyncInterval};

/// Writes the configuration.
pub(super) fn write(options: &NatsOptions, place: &Place) -> String {
    let Place { name, port, monitor_port, store, cluster } = place;
    let sync = match options.sync_interval {
        SyncInterval::Default => "",
        SyncInterval::Always => "\n  sync_interval: \"always\"",
    };
    let mut text = format!(
        "server_name: \"{name}\"\nlisten: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor_port}\"\n\
         jetstream {{\n  store_dir: \"{}\"{sync}\n}}\n",
        store.display()
    );
    if let Some(bytes) = options.payload_bytes_max {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "max_payload: {bytes}");
    }
    if let Some(routes) = cluster {
        let urls: Vec<_> = routes.all.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        let _ = writeln!(
            text,
            "cluster {{\n  name: \"{}\"\n  listen: \"127.0.0.1:{}\"\n  routes: [{}]\n}}",
            routes.cluster,
            routes.port,
            urls.join(", ")
        );
    }
    text.push_str(&options.extra);
    text.push('\n');
    text
}
