//! An archive in memory that follows the journal.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use paravox_domain::commit::{Commit, Position, Recorded, Settled};
use paravox_domain::entity::EntityId;
use paravox_domain::id::CommandId;
use paravox_domain::ports::{AnyJournal, Archive, ArchiveError, Boxed};
use paravox_domain::time::Instant;

#[derive(Debug, Default)]
struct Held {
    events: HashMap<EntityId, Vec<(Position, Recorded)>>,
    settled: HashMap<CommandId, (Settled, Instant)>,
    confirmed: Position,
}

/// What the archive holds, and how often it was asked.
#[derive(Debug, Default)]
pub(crate) struct MemoryArchive {
    held: Mutex<Held>,
    paused: AtomicBool,
    silent: AtomicBool,
    pub(crate) hydrated: AtomicUsize,
    pub(crate) asked_settled: AtomicUsize,
}

impl MemoryArchive {
    /// An archive that follows a journal.
    pub(crate) fn of(journal: AnyJournal) -> Arc<Self> {
        let archive = Arc::new(Self::default());
        let following = Arc::downgrade(&archive);
        tokio::spawn(async move {
            loop {
                let Some(archive) = following.upgrade() else { return };
                if !archive.paused.load(Ordering::SeqCst) {
                    archive.catch_up(&journal).await;
                }
                drop(archive);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        archive
    }

    async fn catch_up(&self, journal: &AnyJournal) {
        let confirmed = self.held.lock().unwrap().confirmed;
        let Ok(commits) = journal.read(confirmed, 1_000).await else { return };
        for commit in commits {
            let Commit { header, settles, events, .. } = commit.decode().expect("it was written well");
            let mut held = self.held.lock().unwrap();
            for settled in settles.into_iter().filter(|settled| settled.repeatable) {
                held.settled.entry(settled.command).or_insert((settled, header.at));
            }
            for recorded in events {
                held.events.entry(recorded.entity).or_default().push((header.position, recorded));
            }
            held.confirmed = header.position;
        }
    }

    /// Stops taking commits in, or goes on.
    pub(crate) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::SeqCst);
    }

    /// Stops answering questions for entities, or goes on.
    pub(crate) fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    fn answer(&self) -> Result<(), ArchiveError> {
        if self.silent.load(Ordering::SeqCst) {
            return Err(ArchiveError::Unavailable("a fault was asked for".into()));
        }
        Ok(())
    }
}

impl Archive for MemoryArchive {
    fn hydrate<'a>(
        &'a self,
        entities: &'a [EntityId],
    ) -> Boxed<'a, Result<Vec<(Position, Recorded)>, ArchiveError>> {
        self.hydrated.fetch_add(entities.len(), Ordering::SeqCst);
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.answer()?;
            let held = self.held.lock().unwrap();
            let events = entities.iter().filter_map(|entity| held.events.get(entity));
            Ok(events.flatten().cloned().collect())
        })
    }

    fn settled(&self, command: CommandId) -> Boxed<'_, Result<Option<Settled>, ArchiveError>> {
        self.asked_settled.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.answer()?;
            Ok(self.held.lock().unwrap().settled.get(&command).map(|(settled, _)| settled.clone()))
        })
    }

    fn settled_since(
        &self,
        since: Instant,
        cursor: Option<Position>,
    ) -> Boxed<'_, Result<(Vec<CommandId>, Option<Position>), ArchiveError>> {
        Box::pin(async move {
            self.answer()?;
            let held = self.held.lock().unwrap();
            let ids = held.settled.iter().filter(|(_, (_, at))| *at >= since).map(|(id, _)| *id);
            // Two pages: all ids, and an empty one.
            Ok(if cursor.is_none() { (ids.collect(), Some(held.confirmed)) } else { (Vec::new(), None) })
        })
    }

    fn confirmed(&self) -> Boxed<'_, Result<Position, ArchiveError>> {
        Box::pin(async move { Ok(self.held.lock().unwrap().confirmed) })
    }
}
