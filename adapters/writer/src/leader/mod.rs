//! Leading: admit, fetch, decide, append, answer.
//!
//! One task owns the state; everything that waits (the archive, the journal, the clock) is a future in its loop, and
//! commands are decided between two looks at them.
//!
//! Owns: the loop, and the order in which its inputs are looked at.
//! Does not own: each stage (`admit`, `fetch`, `decide`, `append`), the state (`replica`).
//! Invariants: an answer goes out after everything that it rests on is durable; commits keep their order; every queue
//! within is bounded.
//! Time: stamps from the clock port, never going back.

mod admit;
mod append;
mod decide;
mod fetch;
mod parked;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::Ordering;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use paravox_domain::commit::{CommitBuilder, Position};
use paravox_domain::id::CommandId;
use paravox_domain::ports::{AppendError, Boxed, Outcome, Refused};
use tokio::time::Instant as Moment;

use self::append::Flight;
use self::fetch::Fetcher;
use self::parked::Parked;
use crate::handle::{Asked, NO_WRITER, Reply, Status};
use crate::lease::Flag;
use crate::memory::IdHashes;
use crate::replica::Replica;
use crate::writer::{Context, close_door};

/// Commands that are decided between two looks at what else has come.
const BATCH: usize = 256;
/// Commands that are taken along, at most, before a commit is closed.
const LAST_CALL: usize = 1_024;

/// Why leading ended.
#[derive(Debug)]
pub(crate) enum Exit {
    /// Asked to end; everything was settled.
    Asked,
    /// The lease was lost; everything was settled.
    LeaseLost,
    /// Another writer is ahead.
    Fenced,
    /// The outcome of an append could not be learnt.
    Unsettled,
    /// The journal takes smaller commits only.
    TooLarge {
        /// What it takes.
        bytes_max: usize,
    },
    /// The journal is damaged.
    Damaged(String),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("it was asked to end"),
            Self::LeaseLost => f.write_str("its lease was lost"),
            Self::Fenced => f.write_str("another writer is ahead"),
            Self::Unsettled => f.write_str("the outcome of an append could not be learnt"),
            Self::TooLarge { bytes_max } => write!(f, "the journal takes no more than {bytes_max} bytes"),
            Self::Damaged(why) => f.write_str(why),
        }
    }
}

/// An answer that waits for what it rests on.
#[derive(Debug)]
struct Pending {
    reply: Reply,
    result: Result<Outcome, Refused>,
    /// The command's id, where it must be remembered.
    id: Option<CommandId>,
}

/// The commit that is being collected.
#[derive(Debug, Default)]
struct Batch {
    builder: CommitBuilder,
    pending: Vec<Pending>,
    begun: Option<Moment>,
}

type Appends = FuturesUnordered<Boxed<'static, (Position, Result<(), AppendError>)>>;

/// A writer that leads.
pub(crate) struct Leader<'a> {
    context: &'a mut Context,
    replica: Replica,
    epoch: u64,
    batch: Batch,
    flights: VecDeque<Flight>,
    appends: Appends,
    /// The last commit that is durable.
    durable: Position,
    /// Repeatable commands that were taken and not answered, with their fingerprints.
    under_way: HashMap<CommandId, u64, IdHashes>,
    parked: Parked,
    fetcher: Fetcher,
    /// Answers that wait for an append.
    unanswered: usize,
    inbox: Vec<Asked>,
    waiting: VecDeque<Asked>,
    /// No tick before this, after one that changed nothing.
    tick_not_before: Moment,
}

impl<'a> Leader<'a> {
    pub(crate) fn new(context: &'a mut Context, replica: Replica) -> Self {
        let fetcher = Fetcher::new(context);
        Self {
            epoch: replica.epoch + 1,
            durable: replica.head.position,
            context,
            replica,
            batch: Batch::default(),
            flights: VecDeque::new(),
            appends: FuturesUnordered::new(),
            under_way: HashMap::default(),
            parked: Parked::default(),
            fetcher,
            unanswered: 0,
            inbox: Vec::with_capacity(BATCH),
            waiting: VecDeque::with_capacity(BATCH),
            tick_not_before: Moment::now(),
        }
    }

    /// Leads until something ends it. The replica comes back if it is what the journal gives.
    pub(crate) async fn run(mut self, lost: Flag) -> (Exit, Option<Replica>) {
        let ended = match self.lead(lost).await {
            Ok(exit) => {
                close_door(self.context);
                self.flush().await.map(|()| exit)
            }
            Err(exit) => Err(exit),
        };
        close_door(self.context);
        self.refuse_all();
        self.context.shared.stalled.store(false, Ordering::Relaxed);
        self.context.meter.flush();
        match ended {
            Ok(exit) => (exit, Some(self.replica)),
            Err(exit) => (exit, None),
        }
    }

    /// Takes over, and decides commands until asked to end or until the lease is lost.
    async fn lead(&mut self, mut lost: Flag) -> Result<Exit, Exit> {
        // The first commit is empty. Once it stands, no other writer's commit can have been missed, and none of an
        // earlier writer can come.
        self.seal()?;
        self.flush().await?;
        self.context.shared.leads.store(true, Ordering::Release);
        self.context.meter.leads.set(1.0);
        self.tell_status();
        tracing::info!(epoch = self.epoch, position = %self.durable, "this writer leads");

        let mut stop = self.context.stop.clone();
        loop {
            self.take_fetched()?;
            self.take_waiting(BATCH)?;
            let wake = self.tick()?;
            self.launch()?;
            self.fetcher.pump();
            let has_room = self.has_room();
            let may_take = has_room && self.waiting.is_empty();
            let may_go_on = has_room && !self.waiting.is_empty();
            tokio::select! {
                biased;
                () = stop.raised() => return Ok(Exit::Asked),
                () = lost.raised() => return Ok(Exit::LeaseLost),
                Some((position, result)) = self.appends.next(), if !self.appends.is_empty() => {
                    self.appended(position, result).await?;
                }
                Some(fetched) = self.fetcher.next(), if self.fetcher.is_busy() => self.fetched(fetched)?,
                taken = self.context.queue.recv_many(&mut self.inbox, BATCH), if may_take => {
                    if taken == 0 {
                        return Ok(Exit::Asked);
                    }
                    self.waiting.extend(self.inbox.drain(..));
                }
                () = std::future::ready(()), if may_go_on => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// Takes in what has come from the archive. Under load an append has always just come back when the loop looks, so that
    /// it would never get to this by itself.
    fn take_fetched(&mut self) -> Result<(), Exit> {
        while self.fetcher.is_busy() {
            let Some(Some(fetched)) = self.fetcher.next().now_or_never() else { break };
            self.fetched(fetched)?;
        }
        Ok(())
    }

    /// Admits commands that were taken from the queue, as far as there is room.
    fn take_waiting(&mut self, mut most: usize) -> Result<(), Exit> {
        while most > 0 && !self.waiting.is_empty() {
            if !self.has_room() {
                self.launch()?;
                if !self.has_room() {
                    break;
                }
            }
            if let Some(asked) = self.waiting.pop_front() {
                self.admit(asked)?;
            }
            most -= 1;
        }
        Ok(())
    }

    /// Takes along what waits in the queue, before the next commit is closed: one commit takes all that have collected.
    fn last_call(&mut self) -> Result<(), Exit> {
        let most = LAST_CALL.saturating_sub(self.waiting.len());
        for _ in 0..most {
            let Ok(asked) = self.context.queue.try_recv() else { break };
            self.waiting.push_back(asked);
        }
        self.take_waiting(LAST_CALL)
    }

    /// Tells how far the realm is durable. Nobody is told of a leader while it does not take commands.
    fn tell_status(&self) {
        if !self.context.shared.leads.load(Ordering::Relaxed) {
            return;
        }
        let status = Status::Leader { epoch: self.epoch, position: self.durable };
        self.context.status.send_replace(status);
    }

    /// Answers at once.
    fn answer(&mut self, reply: Reply, result: Result<Outcome, Refused>) {
        self.context.meter.count(&result);
        // Whoever asked may be gone.
        let _ = reply.send(result);
    }

    /// Answers everybody who waits that there is no writer: what they asked for may or may not have been done.
    fn refuse_all(&mut self) {
        let flights = std::mem::take(&mut self.flights);
        let pending = std::mem::take(&mut self.batch.pending);
        for pending in flights.into_iter().flat_map(|flight| flight.pending).chain(pending) {
            self.answer(pending.reply, Err(NO_WRITER));
        }
        for asked in self.parked.drain() {
            self.answer(asked.reply, Err(NO_WRITER));
        }
        for asked in std::mem::take(&mut self.waiting) {
            self.answer(asked.reply, Err(NO_WRITER));
        }
    }
}
