//! What of a lane is measured.
//!
//! Time: ages from the `Clock` port.

use super::Delivery;
use super::lane::{Member, Surroundings};

impl Surroundings {
    /// How long ago the commit was made that is being waited for.
    pub(super) fn measure_age(&self, members: &[Member], commit: Option<&Delivery>) {
        let Some(commit) = commit else { return };
        let behind = self.clock.now().since(commit.commit.header.at);
        let seconds = (behind.micros().max(0) as f64) / 1e6;
        for member in members {
            metrics::gauge!("paravox_reader_lag_seconds", "reader" => member.projection.name()).set(seconds);
        }
    }

    /// How many commits the journal has that are not applied.
    pub(super) async fn measure_end(&self, members: &[Member]) {
        let Ok(end) = self.journal.end().await else { return };
        for member in members {
            let behind = end.0.saturating_sub(member.link.position.0);
            let name = member.projection.name();
            metrics::gauge!("paravox_reader_lag_commits", "reader" => name).set(behind as f64);
        }
    }

    /// What was applied, and how many events were read and wait.
    pub(super) fn measure(&self, members: &[Member], batch: &[Delivery], waiting: usize) {
        self.measure_age(members, batch.last());
        let events: usize = batch.iter().map(|delivery| delivery.commit.events.len()).sum();
        for member in members {
            let name = member.projection.name();
            metrics::gauge!("paravox_reader_lag_events", "reader" => name).set(waiting as f64);
            metrics::counter!("paravox_reader_events_total", "reader" => name).increment(events as u64);
        }
    }
}
