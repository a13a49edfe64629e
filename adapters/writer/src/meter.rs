//! What the writer tells those who watch: once for each commit, never for each command.
//!
//! Owns: the names, and what was counted since the last commit. Labels are words, never an id or number.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use paravox_domain::ports::{Outcome, Refused};

/// What becomes of commands.
const RESULTS: [&str; 6] = ["done", "replayed", "rejected", "busy", "no_writer", "repeat_refused"];

/// The writer's metrics.
#[derive(Debug)]
pub(crate) struct Meter {
    results: [Counter; RESULTS.len()],
    counted: [u64; RESULTS.len()],
    pub(crate) commit_bytes: Histogram,
    pub(crate) commit_events: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) append_seconds: Histogram,
    pub(crate) queue_depth: Gauge,
    pub(crate) parked: Gauge,
    pub(crate) leads: Gauge,
    residents: Gauge,
    calls: Gauge,
    sessions: Gauge,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            results: RESULTS.map(|result| counter!("paravox_commands_total", "result" => result)),
            counted: [0; RESULTS.len()],
            commit_bytes: histogram!("paravox_commit_bytes"),
            commit_events: histogram!("paravox_commit_events"),
            commit_seconds: histogram!("paravox_commit_duration_seconds"),
            append_seconds: histogram!("paravox_append_duration_seconds"),
            queue_depth: gauge!("paravox_queue_depth"),
            parked: gauge!("paravox_parked_commands"),
            leads: gauge!("paravox_writer_leads"),
            residents: gauge!("paravox_resident_entities", "kind" => "all"),
            calls: gauge!("paravox_resident_entities", "kind" => "call"),
            sessions: gauge!("paravox_resident_entities", "kind" => "session"),
        }
    }

    /// Counts what a command was answered.
    pub(crate) fn count(&mut self, result: &Result<Outcome, Refused>) {
        let index = match result {
            Ok(Outcome { replayed: false, .. }) => 0,
            Ok(Outcome { replayed: true, .. }) => 1,
            Err(Refused::Rejected(_)) => 2,
            Err(Refused::Busy { .. }) => 3,
            Err(Refused::NoWriter { .. }) => 4,
            Err(Refused::UnderWay | Refused::OtherRequest) => 5,
        };
        self.counted[index] += 1;
    }

    /// Counts refusals that never came to the writer.
    pub(crate) fn count_refused(&mut self, busy: u64, no_writer: u64) {
        self.counted[3] += busy;
        self.counted[4] += no_writer;
    }

    /// Hands on what was counted.
    pub(crate) fn flush(&mut self) {
        for (counter, counted) in self.results.iter().zip(&mut self.counted) {
            if *counted > 0 {
                counter.increment(std::mem::take(counted));
            }
        }
    }

    /// Shows what is resident.
    pub(crate) fn residents(&self, residents: paravox_domain::state::Residents) {
        self.residents.set(residents.entities as f64);
        self.calls.set(residents.calls as f64);
        self.sessions.set(residents.sessions as f64);
    }
}
