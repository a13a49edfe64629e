//! What the gateway's figures mean, for whoever reads `/metrics`.
//!
//! Owns: their descriptions and units, once for each process.
//! Does not own: the figures themselves; each stands where it is counted.
//! Invariant: labels are bounded: a route's template, a code, a kind; never an id, a number or an address.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Describes all figures to the recorder that the program installed.
pub(crate) fn describe() {
    describe_counter!("paravox_http_requests_total", "Requests, by route, method and kind of status.");
    describe_histogram!(
        "paravox_http_request_duration_seconds",
        Unit::Seconds,
        "Time from a request to the head of its answer; long polls wait in it."
    );
    describe_counter!("paravox_http_problems_total", "Refusals, by their code (see docs/errors).");
    describe_gauge!("paravox_http_connections", "Connections that are open.");
    describe_counter!("paravox_http_connections_refused_total", "Connections that were one too many.");
    describe_counter!("paravox_rate_limited_total", "Requests refused by a rate, by which one.");
    describe_gauge!("paravox_feed_clients", "Devices that are connected to their feed, by transport.");
    describe_counter!("paravox_feed_closed_total", "Feeds that ended, by transport and close code.");
    describe_histogram!(
        "paravox_feed_decision_to_device_seconds",
        Unit::Seconds,
        "Time from the decision to the device's connection, for items that were sent while it was connected."
    );
}
