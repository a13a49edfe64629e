//! A journal in memory, with faults on demand: for tests, the simulation, and programs that keep nothing.
//!
//! Owns: the commits, and every way in which a journal can fail its writer and its readers ([`Faults`]).
//! Does not own: any file.
//! Invariant: without a fault it behaves as the other homes do; an asked-for fault happens once.

mod faults;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paravox_domain::commit::{COMMIT_BYTES_MAX, EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, Boxed, ReadError};

pub use self::faults::{Fault, Faults};
use crate::OpenError;
use crate::handle::Handle;
use crate::open::check_realm;
use crate::store::{FETCH_BYTES, Freshness, Raw, Refusal, Store, unavailable};
use crate::tail::Tail;

/// A follower is woken by every append, so it need not look by itself often.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A journal in memory. Clones stand for the same journal.
#[derive(Clone, Debug)]
pub struct MemoryJournal {
    store: Arc<MemoryStore>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new(realm: &str) -> Result<Self, OpenError> {
        check_realm(realm)?;
        let store = MemoryStore {
            realm: realm.to_owned(),
            rows: Mutex::default(),
            faults: Faults::default(),
            // Followers read the rows, so that they meet what a test did to them.
            tail: Tail::new(0),
        };
        Ok(Self { store: Arc::new(store) })
    }

    /// A handle to it, as each process that opens a journal has one: what one appends, all see.
    pub fn journal(&self) -> AnyJournal {
        Arc::new(Handle::of(self.store.clone()))
    }

    /// The faults that are to happen.
    pub fn faults(&self) -> &Faults {
        &self.store.faults
    }

    /// Changes one byte of the commit at this position; `false` if there is none. The byte is counted from the end of
    /// the commit.
    pub fn change_byte(&self, position: Position, from_end: usize) -> bool {
        let mut rows = self.store.rows();
        let Some(row) = rows.held.iter_mut().find(|row| row.position == position) else { return false };
        let mut bytes = row.bytes.to_vec();
        let Some(at) = bytes.len().checked_sub(from_end + 1) else { return false };
        bytes[at] ^= 1;
        row.bytes = bytes.into();
        true
    }

    /// Takes the commit at this position out; `false` if there is none.
    pub fn remove(&self, position: Position) -> bool {
        let mut rows = self.store.rows();
        let before = rows.held.len();
        rows.held.retain(|row| row.position != position);
        rows.held.len() != before
    }

    /// Takes out everything up to and with this position, as a retention limit does.
    pub fn trim(&self, through: Position) {
        let mut rows = self.store.rows();
        rows.trimmed = through.min(rows.last());
        rows.held.retain(|row| row.position > through);
    }

    /// Takes out everything after this position, as a copy that is too old does.
    pub fn forget_after(&self, position: Position) {
        self.store.rows().held.retain(|row| row.position <= position);
    }
}

/// The commits in order, and how far they were trimmed.
#[derive(Debug, Default)]
struct Rows {
    trimmed: Position,
    held: Vec<Raw>,
}

impl Rows {
    fn last(&self) -> Position {
        self.held.last().map_or(self.trimmed, |row| row.position)
    }

    fn first(&self) -> Position {
        self.held.first().map_or_else(|| self.last().next(), |row| row.position)
    }
}

#[derive(Debug)]
struct MemoryStore {
    realm: String,
    rows: Mutex<Rows>,
    faults: Faults,
    tail: Tail,
}

impl MemoryStore {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, commit: &EncodedCommit) -> Result<(), Refusal> {
        let mut rows = self.rows();
        if rows.last().next() != commit.position() {
            return Err(Refusal::Moved);
        }
        rows.held.push(Raw { position: commit.position(), bytes: commit.bytes().clone() });
        Ok(())
    }

    async fn append_or_fail(&self, commit: &EncodedCommit) -> Result<(), Refusal> {
        self.faults.gate().await;
        match self.faults.next() {
            None => self.insert(commit),
            Some(Fault::Unavailable) => Err(Refusal::Unavailable("a fault was asked for".into())),
            Some(Fault::UnconfirmedLost) => Err(Refusal::Unconfirmed("a fault was asked for".into())),
            Some(Fault::UnconfirmedAppended) => {
                self.insert(commit)?;
                self.tail.announce(commit.position());
                Err(Refusal::Unconfirmed("a fault was asked for".into()))
            }
            Some(Fault::Fenced) => {
                let rival = faults::rival(commit);
                self.insert(&rival)?;
                self.tail.announce(rival.position());
                Err(Refusal::Moved)
            }
        }
    }

    fn rows_after(&self, after: Position, commits_max: usize) -> Result<Vec<Raw>, ReadError> {
        if self.faults.next_read() {
            return Err(unavailable("a fault was asked for"));
        }
        let rows = self.rows();
        let from = rows.held.partition_point(|row| row.position <= after);
        let mut found = Vec::new();
        let mut bytes = 0;
        for row in rows.held[from..].iter().take(commits_max) {
            bytes += row.bytes.len();
            found.push(row.clone());
            if bytes >= FETCH_BYTES {
                break;
            }
        }
        Ok(found)
    }
}

impl Store for MemoryStore {
    fn realm(&self) -> &str {
        &self.realm
    }

    fn tail(&self) -> &Tail {
        &self.tail
    }

    fn bytes_max(&self) -> usize {
        COMMIT_BYTES_MAX
    }

    fn look_every(&self) -> Duration {
        LOOK_EVERY
    }

    fn end_may_lag(&self) -> Duration {
        Duration::ZERO
    }

    fn append<'a>(&'a self, commit: &'a EncodedCommit) -> Boxed<'a, Result<(), Refusal>> {
        Box::pin(self.append_or_fail(commit))
    }

    fn fetch(
        &self,
        after: Position,
        commits_max: usize,
        _: Freshness,
    ) -> Boxed<'_, Result<Vec<Raw>, ReadError>> {
        Box::pin(std::future::ready(self.rows_after(after, commits_max)))
    }

    fn first(&self) -> Boxed<'_, Result<Position, ReadError>> {
        let first = self.rows().first();
        Box::pin(std::future::ready(Ok(first)))
    }

    fn end(&self) -> Boxed<'_, Result<Position, ReadError>> {
        let end = self.rows().last();
        Box::pin(std::future::ready(Ok(end)))
    }
}
