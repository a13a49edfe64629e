//! The hub: hands new items to the watchers in this process, and reads feeds from a cursor.
//!
//! Owns: who watches which device; what waits for a watcher (bounded).
//! Does not own: the numbers, nor sockets.
//! Invariant: offering never waits; a watcher that is too slow is told to read, and so misses nothing.
//! Time: the runtime's clock, for the wake-up that repairs a lost item.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paravox_domain::id::DeviceId;
use paravox_domain::ports::Boxed;
use paravox_domain::ports::query::{FeedItem, FeedPage, FeedSignal, FeedSink, FeedWatch, Feeds, QueryError};
use tokio::sync::Notify;

use super::FeedOptions;
use super::reader::FeedReader;
use super::recent::Recent;
use crate::db::Db;

/// Watchers, recent items and the stored feeds. Cheap to clone.
#[derive(Clone)]
pub struct FeedHub {
    shared: Arc<Shared>,
    reader: FeedReader,
    read_every: Duration,
}

/// What offering and watching share.
pub(super) struct Shared {
    state: Mutex<HubState>,
    waiting_max: usize,
}

struct HubState {
    watchers: HashMap<DeviceId, Vec<Arc<Slot>>>,
    recent: Recent,
}

/// What waits for one watcher.
#[derive(Default)]
struct Slot {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    items: Vec<FeedItem>,
    too_slow: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The recent items after a number, if they are in memory without a hole.
    pub(super) fn recent_after(&self, device: DeviceId, number: u64, max: usize) -> Option<Vec<FeedItem>> {
        lock(&self.state).recent.after(device, number, max)
    }

    /// The newest number in memory.
    pub(super) fn recent_newest(&self, device: DeviceId) -> u64 {
        lock(&self.state).recent.newest(device).unwrap_or(0)
    }
}

impl FeedHub {
    /// A hub over the stored feeds.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are handed over, as those of the other readers"
    )]
    pub fn new(db: Db, options: FeedOptions) -> Self {
        let state = HubState { watchers: HashMap::new(), recent: Recent::new(options.recent_max.max(1)) };
        let shared = Arc::new(Shared { state: Mutex::new(state), waiting_max: options.waiting_max.max(1) });
        let reader = FeedReader::new(db, Arc::clone(&shared), options.ahead_patience);
        Self { shared, reader, read_every: options.read_every }
    }

    /// How many watchers there are now.
    pub fn watchers(&self) -> usize {
        lock(&self.shared.state).watchers.values().map(Vec::len).sum()
    }
}

impl Slot {
    /// Adds items; one that has too many is told to read instead.
    fn offer(&self, items: &[FeedItem], max: usize) {
        let mut waiting = lock(&self.waiting);
        if waiting.items.len() + items.len() > max {
            waiting.items = Vec::new();
            if !waiting.too_slow {
                metrics::counter!("paravox_feed_watchers_too_slow_total").increment(1);
            }
            waiting.too_slow = true;
        } else if !waiting.too_slow {
            waiting.items.extend_from_slice(items);
        }
        drop(waiting);
        self.news.notify_one();
    }

    fn take(&self) -> Option<FeedSignal> {
        let mut waiting = lock(&self.waiting);
        if std::mem::take(&mut waiting.too_slow) {
            return Some(FeedSignal::Read);
        }
        let items = std::mem::take(&mut waiting.items);
        (!items.is_empty()).then_some(FeedSignal::Items(items))
    }
}

impl FeedSink for FeedHub {
    fn offer(&self, items: Vec<(DeviceId, FeedItem)>) {
        let mut by_slot: HashMap<DeviceId, (Vec<Arc<Slot>>, Vec<FeedItem>)> = HashMap::new();
        {
            let mut state = lock(&self.shared.state);
            for (device, item) in items {
                state.recent.add(device, &item);
                match by_slot.entry(device) {
                    Entry::Occupied(mut entry) => entry.get_mut().1.push(item),
                    Entry::Vacant(entry) => {
                        if let Some(slots) = state.watchers.get(&device) {
                            entry.insert((slots.clone(), vec![item]));
                        }
                    }
                }
            }
        }
        for (slots, items) in by_slot.into_values() {
            for slot in slots {
                slot.offer(&items, self.shared.waiting_max);
            }
        }
    }
}

impl Feeds for FeedHub {
    fn read(&self, device: DeviceId, after: u64, max: usize) -> Boxed<'_, Result<FeedPage, QueryError>> {
        Box::pin(async move { Ok(self.reader.read(device, after, max).await?) })
    }

    fn newest(&self, device: DeviceId) -> Boxed<'_, Result<u64, QueryError>> {
        Box::pin(async move { Ok(self.reader.newest(device).await?) })
    }

    fn watch(&self, device: DeviceId) -> Box<dyn FeedWatch> {
        let slot = Arc::new(Slot::default());
        lock(&self.shared.state).watchers.entry(device).or_default().push(Arc::clone(&slot));
        Box::new(Watch { device, slot, shared: Arc::clone(&self.shared), read_every: self.read_every })
    }
}

/// A place at a feed. Given up when dropped.
struct Watch {
    device: DeviceId,
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    read_every: Duration,
}

impl FeedWatch for Watch {
    fn next(&mut self) -> Boxed<'_, FeedSignal> {
        Box::pin(async move {
            loop {
                if let Some(signal) = self.slot.take() {
                    return signal;
                }
                // A notification that comes between the look and the wait is kept by `Notify`.
                if tokio::time::timeout(self.read_every, self.slot.news.notified()).await.is_err() {
                    return self.slot.take().unwrap_or(FeedSignal::Read);
                }
            }
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        if let Entry::Occupied(mut entry) = state.watchers.entry(self.device) {
            entry.get_mut().retain(|slot| !Arc::ptr_eq(slot, &self.slot));
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
}
