//! The writer's task: follow, lead, step down, follow again.
//!
//! Owns: the order of these, and what is kept from one to the next.
//! Does not own: what happens in each (`follower`, `leader`).
//! Invariant: a state of which any part is not known to be in the journal is dropped, never mended.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use paravox_domain::commit::{COMMIT_BYTES_MAX, Position};
use paravox_domain::id::{Fresh, WriterId};
use paravox_domain::ports::{AnyJournal, Archive, Clock, Lease};
use paravox_domain::settings::Settings;
use tokio::sync::{mpsc, watch};

use crate::archive::Confirmed;
use crate::begin;
use crate::config::WriterConfig;
use crate::follower::{Followed, follow};
use crate::handle::{Asked, NO_WRITER, Shared, Status, WriterHandle};
use crate::leader::{Exit, Leader};
use crate::lease::Flag;
use crate::meter::Meter;

/// Where the writer's randomness comes from: ids of commits and of deadlines' commands.
pub type Seeds = Box<dyn FnMut() -> u128 + Send>;

/// A rest after another writer was ahead, so that two of them do not chase each other.
const REST_AFTER_FENCE: Duration = Duration::from_millis(100);

/// What a writer is made of.
pub struct WriterParts {
    /// The realm's journal.
    pub journal: AnyJournal,
    /// The log behind it.
    pub archive: Arc<dyn Archive>,
    /// Who leads.
    pub lease: Arc<dyn Lease>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What decisions read.
    pub settings: Arc<Settings>,
    /// Randomness.
    pub seeds: Seeds,
    /// Limits.
    pub config: WriterConfig,
}

impl fmt::Debug for WriterParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterParts").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What following and leading have in common.
pub(crate) struct Context {
    pub(crate) journal: AnyJournal,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) lease: Arc<dyn Lease>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seeds: Seeds,
    pub(crate) config: WriterConfig,
    pub(crate) writer: WriterId,
    pub(crate) queue: mpsc::Receiver<Asked>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) stop: Flag,
    pub(crate) confirmed: Confirmed,
    pub(crate) meter: Meter,
}

/// The writer of a realm.
#[derive(Debug)]
pub struct Writer {
    _task_only: (),
}

impl Writer {
    /// Starts a writer in a task of its own: it follows the journal, and leads when it gets the lease. Must be called
    /// within a tokio runtime.
    pub fn start(parts: WriterParts) -> WriterHandle {
        let WriterParts { journal, archive, lease, clock, settings, mut seeds, mut config } = parts;
        config.commit_bytes_max = config.commit_bytes_max.min(COMMIT_BYTES_MAX);
        config.appends_in_flight_max = config.appends_in_flight_max.max(1);
        config.fetches_in_flight_max = config.fetches_in_flight_max.max(1);
        let (give, queue) = mpsc::channel(config.queue_max.max(1));
        let (tell, status) = watch::channel(Status::Follower { position: Position::START });
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared::default());
        let handle = WriterHandle { queue: give, shared: shared.clone(), status, stop: Arc::new(stop) };
        let writer = Fresh::new(seeds(), clock.now()).id(0);
        let confirmed = Confirmed::watch(archive.clone(), config.confirm_every);
        let context = Context {
            journal,
            archive,
            lease,
            clock,
            seeds,
            config,
            writer,
            queue,
            shared,
            status: tell,
            stop: Flag(stopped),
            confirmed,
            meter: Meter::new(),
        };
        tokio::spawn(run(context, settings));
        handle
    }
}

/// Follows and leads in turn, until it is to stop.
async fn run(mut context: Context, settings: Arc<Settings>) {
    let mut replica = None;
    let why = loop {
        let mut standby = if let Some(kept) = replica.take() {
            kept
        } else {
            let mut stop = context.stop.clone();
            let begun = tokio::select! {
                begun = begin::at_need(&mut context, &settings) => begun,
                () = stop.raised() => break ASKED.to_owned(),
            };
            match begun {
                Ok(standby) => standby,
                Err(why) => break why,
            }
        };
        let keeper = match follow(&mut context, &mut standby).await {
            Followed::Elected(keeper) => keeper,
            Followed::Trimmed { first } => match begin::after_trimmed(&mut context, first, &settings).await {
                Ok(standby) => {
                    replica = Some(standby);
                    continue;
                }
                Err(why) => break why,
            },
            Followed::Stopped => break ASKED.to_owned(),
            Followed::Damaged(why) => break why,
        };
        let (exit, kept) = Leader::new(&mut context, standby).run(keeper.lost()).await;
        tracing::info!(%exit, "this writer leads no longer");
        keeper.give_back(&*context.lease).await;
        replica = kept;
        match exit {
            Exit::Asked => break ASKED.to_owned(),
            Exit::Damaged(why) => break why,
            Exit::Fenced => tokio::time::sleep(REST_AFTER_FENCE).await,
            Exit::TooLarge { bytes_max } => {
                context.config.commit_bytes_max = context.config.commit_bytes_max.min(bytes_max);
            }
            Exit::LeaseLost | Exit::Unsettled => {}
        }
    };
    if why == ASKED {
        tracing::info!("the writer has ended");
    } else {
        tracing::error!(%why, "the writer has stopped");
    }
    // Whoever still waits in the queue is told, also one who is just getting in.
    context.queue.close();
    while let Some(asked) = context.queue.recv().await {
        let _ = asked.reply.send(Err(NO_WRITER));
    }
    context.status.send_replace(Status::Stopped { why });
}

const ASKED: &str = "it was asked to end";

/// Ends the time in which commands are taken.
pub(crate) fn close_door(context: &Context) {
    context.shared.leads.store(false, Ordering::Release);
    context.meter.leads.set(0.0);
}
