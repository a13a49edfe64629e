//! The stage: what a writer needs, under the tests' control.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use paravox_domain::commit::{Commit, Position};
use paravox_domain::digest::SecretKey;
use paravox_domain::ports::{AnyJournal, Archive, Boxed, Clock, Lease};
use paravox_domain::settings::Settings;
use paravox_domain::time::{Instant, Span};
use paravox_journal::MemoryJournal;
use paravox_writer::{Status, Writer, WriterConfig, WriterHandle, WriterParts};
use tokio::sync::Notify;

use crate::archive::MemoryArchive;

/// How long a test waits for what must come.
const LIMIT: Duration = Duration::from_secs(20);

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn advance(&self, span: Span) {
        self.0.fetch_add(span.micros(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }
}

/// One lease for several writers.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    holder: Mutex<Option<u64>>,
    changed: Notify,
    next: AtomicU64,
}

impl Leases {
    pub(crate) fn lease(self: &Arc<Self>) -> Arc<dyn Lease> {
        Arc::new(OneOf { leases: self.clone(), id: self.next.fetch_add(1, Ordering::SeqCst) })
    }

    /// Takes the lease from whoever holds it, and gives it to nobody until [`Self::free`].
    pub(crate) fn take_away(&self) {
        *self.holder.lock().unwrap() = Some(u64::MAX);
    }

    pub(crate) fn free(&self) {
        *self.holder.lock().unwrap() = None;
        self.changed.notify_waiters();
    }
}

struct OneOf {
    leases: Arc<Leases>,
    id: u64,
}

impl Lease for OneOf {
    fn acquire(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            loop {
                let changed = self.leases.changed.notified();
                {
                    let mut holder = self.leases.holder.lock().unwrap();
                    if holder.is_none() || *holder == Some(self.id) {
                        *holder = Some(self.id);
                        return;
                    }
                }
                changed.await;
            }
        })
    }

    fn renew(&self) -> Boxed<'_, bool> {
        Box::pin(async move { *self.leases.holder.lock().unwrap() == Some(self.id) })
    }

    fn release(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            let mut holder = self.leases.holder.lock().unwrap();
            if *holder == Some(self.id) {
                *holder = None;
                self.leases.changed.notify_waiters();
            }
        })
    }

    fn term(&self) -> Span {
        Span::millis(60)
    }
}

/// A realm with everything that its writers need.
pub(crate) struct Stage {
    pub(crate) journal: MemoryJournal,
    pub(crate) archive: Arc<MemoryArchive>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) config: WriterConfig,
    pub(crate) seeds: Arc<AtomicU64>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(configure: impl FnOnce(&mut WriterConfig)) -> Self {
        let journal = MemoryJournal::new("test").expect("a realm's name");
        let archive = MemoryArchive::of(journal.journal());
        let mut config = WriterConfig {
            filter_bytes: 1 << 16,
            confirm_every: Duration::from_millis(2),
            look_every: Duration::from_millis(5),
            append_patience: Duration::from_secs(10),
            fetch_patience: Duration::from_millis(200),
            ..WriterConfig::default()
        };
        configure(&mut config);
        Self {
            journal,
            archive,
            leases: Arc::default(),
            clock: Arc::new(HandClock(AtomicI64::new(1_700_000_000_000_000))),
            settings: Arc::new(Settings::with_key(SecretKey([7; 32]))),
            config,
            seeds: Arc::default(),
        }
    }

    /// A writer of this realm.
    pub(crate) fn writer(&self) -> WriterHandle {
        self.writer_on(self.journal.journal())
    }

    /// A writer on another journal than the one in memory.
    pub(crate) fn writer_on(&self, journal: AnyJournal) -> WriterHandle {
        let seeds = self.seeds.clone();
        Writer::start(WriterParts {
            journal,
            archive: self.archive.clone(),
            lease: self.leases.lease(),
            clock: self.clock.clone(),
            settings: self.settings.clone(),
            seeds: Box::new(move || {
                let n = u128::from(seeds.fetch_add(1, Ordering::SeqCst) + 1);
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            }),
            config: self.config.clone(),
        })
    }

    /// A writer of this realm that leads.
    pub(crate) async fn leader(&self) -> WriterHandle {
        let writer = self.writer();
        leads(&writer).await;
        writer
    }

    /// All commits.
    pub(crate) async fn commits(&self) -> Vec<Commit> {
        let journal = self.journal.journal();
        let mut commits = Vec::new();
        loop {
            let after = Position(commits.len() as u64);
            let more = journal.read(after, 1_000).await.expect("the journal is whole");
            if more.is_empty() {
                return commits;
            }
            commits.extend(more.iter().map(|commit| commit.decode().expect("it was written well")));
        }
    }

    /// The last position.
    pub(crate) async fn end(&self) -> Position {
        self.journal.journal().end().await.expect("the journal answers")
    }

    /// Waits until the archive has everything, and the writers know.
    pub(crate) async fn archived(&self) {
        let end = self.end().await;
        eventually(async || self.archive.confirmed().await.is_ok_and(|confirmed| confirmed >= end)).await;
        tokio::time::sleep(self.config.confirm_every * 5).await;
    }
}

/// Waits until a condition holds.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(waiting).await;
}

/// Waits for what must come.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it comes within the limit")
}

/// Waits until a writer leads.
pub(crate) async fn leads(writer: &WriterHandle) {
    let mut status = writer.status();
    let leads = status.wait_for(|status| matches!(status, Status::Leader { .. }));
    within(leads).await.expect("the writer lives");
}
