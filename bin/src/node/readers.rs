//! The readers of a node: archive, read models, feeds; codes by short message; public events on the bus.

use std::sync::Arc;
use std::time::Duration;

use paravox_domain::ports::Clock;
use paravox_domain::ports::query::FeedSink;
use paravox_domain::registration::Codes;
use paravox_domain::time::Span;
use paravox_projections::Db;
use paravox_projections::archive::{ArchiveOptions, ArchiveProjection, ArchiveReader};
use paravox_projections::feed::{FeedHub, FeedOptions, FeedProjection};
use paravox_projections::public::{PublicOptions, Publisher};
use paravox_projections::reader::{Runner, RunnerHandle, RunnerOptions, RunnerStatus, TaskHandle};
use paravox_projections::sms::{SmsOptions, SmsSender};
use paravox_projections::views::{ViewsProjection, ViewsReader};
use paravox_writer::SystemClock;
use tokio::sync::watch;

use super::cluster::{self, Client};
use super::storage::Storage;
use crate::config::Config;
use crate::exit::Failure;
use crate::node::Outside;

/// The readers.
pub(super) struct Readers {
    db: Db,
    hub: FeedHub,
    runner: RunnerHandle,
    reactors: Vec<TaskHandle>,
}

impl Readers {
    /// Starts them.
    pub(super) async fn start(
        config: &Config,
        storage: &Storage,
        client: Option<&Client>,
        outside: &Outside,
        codes: &Codes,
    ) -> Result<Self, Failure> {
        let db = storage.db.clone();
        let feeds = FeedOptions {
            items_max: config.retention.feed_items_max,
            age_max: Span::seconds(i64::from(config.retention.feed_days) * 24 * 3600),
            ..FeedOptions::default()
        };
        let archive = ArchiveOptions {
            commands_kept: Span::seconds(i64::from(config.retention.commands_h) * 3600),
            ..ArchiveOptions::default()
        };
        let hub = FeedHub::new(db.clone(), feeds.clone());
        let sink = cluster::sink(config, client, &hub);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let sender = SmsSender::new(
            db.clone(),
            outside.sms.clone(),
            codes.clone(),
            Arc::clone(&clock),
            SmsOptions::default(),
        );
        let runner = Runner::new(storage.journal.clone(), db.clone(), clock, RunnerOptions::default())
            .with(ArchiveProjection::new(archive))
            .with(ViewsProjection)
            .with(sender.outbox())
            .with_feeds(FeedProjection::new(feeds), sink)
            .start();
        let mut reactors = vec![sender.start()];
        if let Some(bus) = cluster::public_bus(config, client).await? {
            let publisher =
                Publisher::new(storage.journal.clone(), db.clone(), Arc::new(bus), PublicOptions::default());
            reactors.push(publisher.start());
        }
        Ok(Self { db, hub, runner, reactors })
    }

    /// The archive, for the writer.
    pub(super) fn archive(&self) -> ArchiveReader {
        ArchiveReader::new(self.db.clone())
    }

    /// The read models, for the edge.
    pub(super) fn views(&self) -> ViewsReader {
        ViewsReader::new(self.db.clone(), self.runner.status())
    }

    /// The feeds, for the edge.
    pub(super) fn hub(&self) -> FeedHub {
        self.hub.clone()
    }

    /// Where items go that another node numbered.
    pub(super) fn sink(&self) -> Arc<dyn FeedSink> {
        Arc::new(self.hub.clone())
    }

    /// What the runner is doing.
    pub(super) fn status(&self) -> watch::Receiver<RunnerStatus> {
        self.runner.status()
    }

    /// Ends them. What they have not read, they read after the next start.
    pub(super) async fn stop(self) {
        for reactor in self.reactors {
            reactor.shutdown().await;
        }
        self.runner.shutdown().await;
        // A query that hangs does not hold up the end.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.db.close()).await;
    }
}
