//! The queue between the two stages of a lane.
//!
//! The first stage offers feed items as commits come. It must not wait for a database that is slower than the commits: when
//! the queue is full, it lets go of it and goes on, and the second stage reads the journal by itself until it is close
//! again. Nothing is lost: both read the same journal.
//!
//! Owns: the bounds of the queue, and who feeds the second stage.
//! Invariant: what stands in the queue follows each other without a gap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use paravox_domain::commit::Position;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::{Delivery, RunnerOptions};

/// A delivery on its way to the database, with its share of the queue's room.
pub(super) struct Queued {
    pub(super) delivery: Delivery,
    _room: OwnedSemaphorePermit,
}

/// Who feeds the second stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feeding {
    /// The queue, from this position on.
    Queue(Position),
    /// The journal.
    Journal,
    /// The journal, until the first stage has its next commit.
    JournalUntilNext,
}

struct Shared {
    feeding: Mutex<Feeding>,
    /// The last position whose items were offered.
    announced: watch::Sender<Position>,
}

impl Shared {
    fn feeding(&self) -> MutexGuard<'_, Feeding> {
        self.feeding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first stage's end.
pub(super) struct Sending {
    queue: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
    room_max: usize,
    shared: Arc<Shared>,
}

/// The second stage's end.
pub(super) struct Receiving {
    queue: mpsc::Receiver<Queued>,
    room: Arc<Semaphore>,
    room_max: usize,
    shared: Arc<Shared>,
}

/// The second stage has ended.
#[derive(Debug)]
pub(super) struct Gone;

/// A queue for what follows a position.
pub(super) fn queue(options: &RunnerOptions, after: Position) -> (Sending, Receiving) {
    let (sender, receiver) = mpsc::channel(options.queue_max.max(1));
    let room_max = (options.events_max * 4).clamp(1, u32::MAX as usize >> 4);
    let room = Arc::new(Semaphore::new(room_max));
    let shared = Arc::new(Shared {
        feeding: Mutex::new(Feeding::Queue(after.next())),
        announced: watch::Sender::new(after),
    });
    let sending = Sending { queue: sender, room: Arc::clone(&room), room_max, shared: Arc::clone(&shared) };
    (sending, Receiving { queue: receiver, room, room_max, shared })
}

impl Sending {
    /// Hands a delivery over. When the queue is full: with `may_let_go` it is let go of, otherwise this waits.
    pub(super) async fn send(&self, delivery: Delivery, may_let_go: bool) -> Result<(), Gone> {
        let position = delivery.position();
        let share = delivery.commit.events.len().clamp(1, self.room_max) as u32;
        {
            let mut feeding = self.shared.feeding();
            self.shared.announced.send_replace(position);
            if *feeding == Feeding::Journal {
                return Ok(());
            }
            let place = self.queue.try_reserve();
            match (Arc::clone(&self.room).try_acquire_many_owned(share), place) {
                (_, Err(mpsc::error::TrySendError::Closed(()))) => return Err(Gone),
                (Ok(room), Ok(place)) => {
                    place.send(Queued { delivery, _room: room });
                    if *feeding == Feeding::JournalUntilNext {
                        *feeding = Feeding::Queue(position);
                    }
                    return Ok(());
                }
                _ if may_let_go || *feeding == Feeding::JournalUntilNext => {
                    metrics::counter!("paravox_reader_queue_full_total").increment(1);
                    *feeding = Feeding::Journal;
                    return Ok(());
                }
                _ => {}
            }
        }
        let room = Arc::clone(&self.room).acquire_many_owned(share).await.map_err(|_| Gone)?;
        self.queue.send(Queued { delivery, _room: room }).await.map_err(|_| Gone)
    }
}

impl Receiving {
    /// The next delivery; `None` when the first stage has ended.
    pub(super) async fn recv(&mut self) -> Option<Queued> {
        self.queue.recv().await
    }

    /// The next delivery, if it is there.
    pub(super) fn try_recv(&mut self) -> Option<Queued> {
        self.queue.try_recv().ok()
    }

    /// Whether nothing comes by the queue any more, so that the journal is to be read.
    pub(super) fn is_left_alone(&self) -> bool {
        let feeding = self.shared.feeding();
        self.queue.is_empty() && !matches!(*feeding, Feeding::Queue(_))
    }

    /// The second stage has got to a position by itself. Whether the queue goes on from there; if it is close, the first
    /// stage is asked to use the queue again.
    pub(super) fn goes_on_after(&self, reached: Position) -> bool {
        let mut feeding = self.shared.feeding();
        match *feeding {
            Feeding::Queue(from) => reached.next() >= from,
            Feeding::JournalUntilNext => false,
            Feeding::Journal => {
                let behind = self.shared.announced.borrow().0.saturating_sub(reached.0);
                if behind <= self.queue.max_capacity() as u64 / 4 {
                    *feeding = Feeding::JournalUntilNext;
                }
                false
            }
        }
    }

    /// Waits until the items up to a position were offered: nothing is stored before it is offered, since the first stage
    /// would take it for another process's work.
    pub(super) async fn offered(&self, position: Position) {
        let mut announced = self.shared.announced.subscribe();
        // Fails only if the sender is gone, which is here.
        let _ = announced.wait_for(|announced| *announced >= position).await;
    }

    /// How many events wait.
    pub(super) fn events(&self) -> usize {
        self.room_max - self.room.available_permits()
    }
}
