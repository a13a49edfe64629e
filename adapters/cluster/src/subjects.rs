//! Names on the bus. A realm's name is made of letters, digits, hyphens and underscores; the journal has checked it.

/// Where a realm's commands are asked: `paravox.<realm>.command`.
pub fn command_subject(realm: &str) -> String {
    format!("paravox.{realm}.command")
}

/// Where new feed items are told: `paravox.<realm>.feed`.
pub fn feed_subject(realm: &str) -> String {
    format!("paravox.{realm}.feed")
}

/// The subjects of a realm's public events: `paravox.<realm>.events.>`.
pub fn events_subjects(realm: &str) -> String {
    format!("paravox.{realm}.events.>")
}

/// The stream of a realm's public events: `PARAVOX_<realm>_EVENTS`.
pub fn events_stream(realm: &str) -> String {
    format!("PARAVOX_{realm}_EVENTS")
}

/// The key-value bucket of a realm's lease: `PARAVOX_<realm>_LEASE`.
pub fn lease_bucket(realm: &str) -> String {
    format!("PARAVOX_{realm}_LEASE")
}
