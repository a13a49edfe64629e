//! The writer of a node, and that of a benchmark.

use std::sync::Arc;
use std::time::Duration;

use paravox_domain::commit::{Position, Recorded, Settled};
use paravox_domain::digest::SecretKey;
use paravox_domain::entity::EntityId;
use paravox_domain::id::CommandId;
use paravox_domain::ports::{AnyJournal, Archive, ArchiveError, Boxed, Commands, Lease};
use paravox_domain::settings::Settings;
use paravox_domain::time::{Instant, Span};
use paravox_writer::{AlwaysHeld, Status, SystemClock, Writer, WriterConfig, WriterHandle, WriterParts};

use crate::config::Config;
use crate::exit::Failure;
use crate::keys;

/// How long a benchmark's writer may take to begin.
const LEADS_WITHIN: Duration = Duration::from_secs(20);

/// The writer's limits, as configured.
pub fn limits(config: &Config) -> WriterConfig {
    WriterConfig {
        queue_max: config.writer.queue_max,
        appends_in_flight_max: config.writer.appends_in_flight_max,
        window_ids_max: config.writer.settled_in_memory_max,
        filter_bytes: config.writer.filter_bytes,
        remembered_for: Span::seconds(i64::from(config.retention.commands_h) * 3600),
        residents_keep: config.writer.resident_max,
        ..WriterConfig::default()
    }
}

/// Starts the writer of a node: follower first, and leader when it holds the lease.
pub fn start(
    journal: AnyJournal,
    archive: Arc<dyn Archive>,
    lease: Arc<dyn Lease>,
    settings: Arc<Settings>,
    limits: WriterConfig,
) -> WriterHandle {
    Writer::start(WriterParts {
        journal,
        archive,
        lease,
        clock: Arc::new(SystemClock),
        settings,
        seeds: Box::new(keys::random),
        config: limits,
    })
}

/// A writer that a benchmark drives.
pub struct BenchWriter {
    handle: WriterHandle,
}

impl BenchWriter {
    /// Where commands go.
    pub fn commands(&self) -> Arc<dyn Commands> {
        Arc::new(self.handle.clone())
    }

    /// Ends it.
    pub async fn shutdown(&self) {
        self.handle.shutdown().await;
    }
}

/// Starts a writer without readers: what is measured is the writer and its journal.
pub async fn bench_writer(
    journal: AnyJournal,
    secret: SecretKey,
    in_flight: usize,
) -> Result<BenchWriter, Failure> {
    let limits = WriterConfig { appends_in_flight_max: in_flight.max(1), ..WriterConfig::default() };
    let settings = Arc::new(Settings::with_key(secret));
    let handle = start(journal, Arc::new(NoHistory), Arc::new(AlwaysHeld), settings, limits);
    let mut status = handle.status();
    let leads = status.wait_for(|status| matches!(status, Status::Leader { .. }));
    match tokio::time::timeout(LEADS_WITHIN, leads).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) | Err(_) => return Err(Failure::failed("the writer did not begin")),
    }
    Ok(BenchWriter { handle })
}

/// An archive for a journal that began empty and whose finished entities nobody will name again: it has confirmed
/// everything, and holds nothing.
struct NoHistory;

impl Archive for NoHistory {
    fn hydrate<'a>(
        &'a self,
        _: &'a [EntityId],
    ) -> Boxed<'a, Result<Vec<(Position, Recorded)>, ArchiveError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn settled(&self, _: CommandId) -> Boxed<'_, Result<Option<Settled>, ArchiveError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn settled_since(
        &self,
        _: Instant,
        _: Option<Position>,
    ) -> Boxed<'_, Result<(Vec<CommandId>, Option<Position>), ArchiveError>> {
        Box::pin(std::future::ready(Ok((Vec::new(), None))))
    }

    fn confirmed(&self) -> Boxed<'_, Result<Position, ArchiveError>> {
        Box::pin(std::future::ready(Ok(Position(u64::MAX))))
    }
}
