//! Numbers feed items and offers them, before they are stored.
//!
//! Owns: the newest number of each device that has had an item lately.
//! Does not own: what the items are (`domain::feed`), nor their storage.
//! Invariant: the numbers are those that the stored feed will have. A head that was stored by another process beyond
//! what is numbered here ends the numbering ([`DbError::Superseded`]) before anything wrong is offered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock};

use paravox_domain::commit::{Commit, Position};
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event;
use paravox_domain::feed::{Item, items};
use paravox_domain::id::DeviceId;
use paravox_domain::ports::query::{FeedItem, FeedSink};
use paravox_domain::registration::DeviceEvent;
use paravox_domain::time::Instant;

use crate::db::{Db, DbError, ListSelect, int, parse};

/// Heads that are remembered; beyond it, those that are stored are forgotten.
const HEADS_MAX: usize = 200_000;

static HEADS: LazyLock<ListSelect> =
    LazyLock::new(|| ListSelect::new("SELECT device, newest, position FROM feed_head WHERE device IN ({})"));

/// Items of one commit, numbered.
pub(crate) type Numbered = Arc<[(DeviceId, FeedItem)]>;

/// The newest number of a feed, and the commit that it comes from.
#[derive(Clone, Copy, Debug)]
struct Head {
    newest: u64,
    position: Position,
}

/// Numbers items.
pub(crate) struct Numberer {
    db: Db,
    sink: Arc<dyn FeedSink>,
    /// What comes after it is numbered.
    after: Position,
    heads: HashMap<DeviceId, Head>,
}

/// Nobody.
struct Silent;

impl FeedSink for Silent {
    fn offer(&self, _: Vec<(DeviceId, FeedItem)>) {}
}

impl Numberer {
    /// Numbers the items after a position; the stored feeds stand there.
    pub(crate) fn new(db: Db, sink: Arc<dyn FeedSink>, after: Position) -> Self {
        Self { db, sink, after, heads: HashMap::new() }
    }

    /// The same, for items that were offered before.
    pub(crate) fn silent(db: Db, after: Position) -> Self {
        Self::new(db, Arc::new(Silent), after)
    }

    /// The items of each commit, numbered and offered. `applied` is the position up to which items are stored. After an
    /// error nothing was offered, and the same commits may be handed in again.
    pub(crate) async fn number(
        &mut self,
        commits: &[Commit],
        applied: Position,
    ) -> Result<Vec<Numbered>, DbError> {
        let drafts: Vec<Vec<(DeviceId, Instant, Item)>> =
            commits.iter().map(|commit| self.draft(commit)).collect();
        self.load(commits, &drafts).await?;
        let mut offered = Vec::new();
        let mut numbered = Vec::with_capacity(commits.len());
        for (commit, draft) in commits.iter().zip(drafts) {
            let position = commit.header.position;
            let mut items = Vec::with_capacity(draft.len());
            for (device, at, item) in draft {
                let body = serde_json::to_string(&item)
                    .map_err(|_| DbError::damaged("a feed item cannot be written as JSON"))?;
                let head = self.heads.entry(device).or_insert(Head { newest: 0, position });
                *head = Head { newest: head.newest + 1, position };
                items.push((device, FeedItem { number: head.newest, position, at, body: body.into() }));
            }
            offered.extend_from_slice(&items);
            numbered.push(items.into());
        }
        if !offered.is_empty() {
            self.sink.offer(offered);
        }
        if self.heads.len() > HEADS_MAX {
            self.heads.retain(|_, head| head.position > applied);
        }
        Ok(numbered)
    }

    fn draft(&self, commit: &Commit) -> Vec<(DeviceId, Instant, Item)> {
        if commit.header.position <= self.after {
            return Vec::new();
        }
        let of = |recorded| items(recorded).into_iter().map(|(device, item)| (device, recorded.at, item));
        commit.events.iter().flat_map(of).collect()
    }

    /// Brings in the heads that are not known.
    async fn load(
        &mut self,
        commits: &[Commit],
        drafts: &[Vec<(DeviceId, Instant, Item)>],
    ) -> Result<(), DbError> {
        // A device that was let in by now has no items.
        for commit in commits.iter().filter(|commit| commit.header.position > self.after) {
            for recorded in &commit.events {
                if let (EntityId::Device(device), Event::Device(DeviceEvent::Enrolled { .. })) =
                    (recorded.entity, &recorded.event)
                {
                    let head = Head { newest: 0, position: commit.header.position };
                    self.heads.entry(device).or_insert(head);
                }
            }
        }
        let mut missing: HashMap<DeviceId, Position> = HashMap::new();
        for (commit, draft) in commits.iter().zip(drafts) {
            for (device, ..) in draft {
                if !self.heads.contains_key(device)
                    && let Entry::Vacant(vacant) = missing.entry(*device)
                {
                    vacant.insert(commit.header.position);
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let devices: Vec<DeviceId> = missing.keys().copied().collect();
        let mut connection = self.db.reads().acquire().await?;
        for row in HEADS.fetch(&mut connection, &devices).await? {
            let device: DeviceId = parse(&row, 0, "a feed's device has another form")?;
            let head = Head { newest: int(&row, 1)? as u64, position: Position(int(&row, 2)? as u64) };
            if missing.get(&device).is_some_and(|first| head.position >= *first) {
                return Err(DbError::Superseded);
            }
            self.heads.insert(device, head);
        }
        Ok(())
    }
}
