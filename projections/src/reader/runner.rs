//! The runner: has projections applied to all that is committed, by one process at a time.
//!
//! Owns: who applies. A runner that finds a position moved by another process stands back, watches, and takes over when
//! the position stands still although there is more to read.
//! Does not own: any lease. Two runners at once are no danger, only waste: the compare-and-set of positions decides.
//! Invariant: when the task of a runner has ended, nothing of it is under way.
//! Time: the runtime's clock.

use std::sync::Arc;
use std::time::Duration;

use paravox_domain::commit::Position;
use paravox_domain::commit::chain::Link;
use paravox_domain::ports::query::FeedSink;
use paravox_domain::ports::{AnyJournal, Clock};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::lane::{Member, Outcome, Surroundings};
use super::{Activity, Backoff, Projection, RunnerOptions, RunnerStatus, standing};
use crate::db::{Db, DbError};
use crate::feed::{FeedProjection, Numberer};

/// A runner that has not started.
pub struct Runner {
    surroundings: Surroundings,
    projections: Vec<Box<dyn Projection>>,
    sink: Option<Arc<dyn FeedSink>>,
}

impl Runner {
    /// A runner without projections.
    pub fn new(journal: AnyJournal, db: Db, clock: Arc<dyn Clock>, options: RunnerOptions) -> Self {
        let (status, _) = watch::channel(RunnerStatus::starting());
        let stop = CancellationToken::new();
        let status = Arc::new(status);
        let surroundings = Surroundings { journal, db, clock, options, status, stop };
        Self { surroundings, projections: Vec::new(), sink: None }
    }

    /// Also feeds this projection.
    #[must_use]
    pub fn with(mut self, projection: impl Projection) -> Self {
        self.projections.push(Box::new(projection));
        self
    }

    /// Also keeps the devices' feeds, and offers each item to `sink` before it is stored.
    #[must_use]
    pub fn with_feeds(mut self, feeds: FeedProjection, sink: Arc<dyn FeedSink>) -> Self {
        self.projections.push(Box::new(feeds));
        self.sink = Some(sink);
        self
    }

    /// What the runner will be doing. Also to be had before it starts, for whoever waits for positions.
    pub fn status(&self) -> watch::Receiver<RunnerStatus> {
        self.surroundings.status.subscribe()
    }

    /// Starts.
    pub fn start(self) -> RunnerHandle {
        let status = self.status();
        let stop = self.surroundings.stop.clone();
        let task = tokio::spawn(self.run());
        RunnerHandle { status, stop, task }
    }

    async fn run(self) {
        let Self { surroundings, projections, sink } = self;
        let mut members: Vec<Member> =
            projections.into_iter().map(|projection| Member { projection, link: Link::START }).collect();
        let mut outcome = Outcome::Asked;
        while !surroundings.stop.is_cancelled() {
            if !locate(&surroundings, &mut members).await {
                break;
            }
            let (mut near, mut far) = split(members, surroundings.options.apart_max);
            let numberer = |members: &[Member]| {
                let feeds = members.iter().find(|member| member.projection.name() == crate::feed::READER)?;
                let sink = Arc::clone(sink.as_ref()?);
                Some(Numberer::new(surroundings.db.clone(), sink, feeds.link.position))
            };
            let (near_numberer, far_numberer) = (numberer(&near), numberer(&far));
            outcome = if far.is_empty() {
                surroundings.run(&mut near, near_numberer, false).await
            } else {
                let lanes = surroundings.with_stop(surroundings.stop.child_token());
                // Whichever ends first ends the other.
                let (one, other) = tokio::join!(
                    async {
                        let outcome = lanes.run(&mut near, near_numberer, false).await;
                        lanes.stop.cancel();
                        outcome
                    },
                    async {
                        let outcome = lanes.run(&mut far, far_numberer, true).await;
                        lanes.stop.cancel();
                        outcome
                    },
                );
                worst(one, other)
            };
            members = near;
            members.append(&mut far);
            for member in &mut members {
                member.projection.forget();
            }
            match &outcome {
                Outcome::Superseded => {
                    tracing::info!("another process applies what is committed; watching it");
                    watch_the_other(&surroundings, &mut members).await;
                }
                // All go on together.
                Outcome::CaughtUp => {}
                Outcome::Asked | Outcome::Damaged(_) => break,
            }
        }
        let activity = match outcome {
            Outcome::Damaged(detail) => {
                tracing::error!(detail, "the readers have stopped");
                metrics::counter!("paravox_reader_stopped_total").increment(1);
                Activity::Stopped { detail }
            }
            Outcome::Asked | Outcome::CaughtUp | Outcome::Superseded => Activity::Ended,
        };
        surroundings.status.send_modify(|status| status.activity = activity);
    }
}

/// Those that are near the foremost one, and those that are further behind.
fn split(members: Vec<Member>, apart_max: u64) -> (Vec<Member>, Vec<Member>) {
    let foremost = members.iter().map(|member| member.link.position.0).max().unwrap_or(0);
    members.into_iter().partition(|member| member.link.position.0 + apart_max >= foremost)
}

/// What two lanes together have come to.
fn worst(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::Damaged(detail), _) | (_, Outcome::Damaged(detail)) => Outcome::Damaged(detail),
        (Outcome::Superseded, _) | (_, Outcome::Superseded) => Outcome::Superseded,
        (Outcome::CaughtUp, _) | (_, Outcome::CaughtUp) => Outcome::CaughtUp,
        (Outcome::Asked, Outcome::Asked) => Outcome::Asked,
    }
}

/// Reads where the projections stand. `false` if the runner is to end.
async fn locate(surroundings: &Surroundings, members: &mut [Member]) -> bool {
    let mut backoff = Backoff::new(surroundings.options.pause);
    loop {
        match refresh(surroundings, members).await {
            Ok(_) => {
                surroundings.status.send_modify(|status| status.activity = Activity::Active);
                return true;
            }
            Err(error) => {
                tracing::warn!(%error, "the readers' positions cannot be read; trying again");
                let detail = error.to_string();
                surroundings.status.send_modify(|status| status.activity = Activity::Retrying { detail });
            }
        }
        tokio::select! {
            () = surroundings.stop.cancelled() => return false,
            () = backoff.pause() => {}
        }
    }
}

/// Brings the members' positions up to date; whether one has moved.
async fn refresh(surroundings: &Surroundings, members: &mut [Member]) -> Result<bool, DbError> {
    let standing = standing(&surroundings.db).await?;
    let mut moved = false;
    for member in &mut *members {
        let link = standing.get(member.projection.name()).copied().unwrap_or(Link::START);
        moved |= link != member.link;
        member.link = link;
    }
    surroundings.status.send_if_modified(|status| {
        for member in &*members {
            status.positions.insert(member.projection.name(), member.link.position);
        }
        moved
    });
    Ok(moved)
}

/// Waits as long as another process moves the positions, or there is nothing to read.
async fn watch_the_other(surroundings: &Surroundings, members: &mut [Member]) {
    let options = &surroundings.options;
    surroundings.status.send_modify(|status| status.activity = Activity::Passive);
    let mut still = Duration::ZERO;
    while still < options.takeover_after || !there_is_more(surroundings, members).await {
        tokio::select! {
            () = surroundings.stop.cancelled() => return,
            () = tokio::time::sleep(options.watch_every) => {}
        }
        if still >= options.takeover_after {
            still = Duration::ZERO;
        }
        match refresh(surroundings, members).await {
            Ok(true) => still = Duration::ZERO,
            Ok(false) => still += options.watch_every,
            Err(error) => tracing::warn!(%error, "the readers' positions cannot be read; trying again"),
        }
    }
    tracing::info!("the other process stands still; taking over");
}

async fn there_is_more(surroundings: &Surroundings, members: &[Member]) -> bool {
    let slowest = members.iter().map(|member| member.link.position).min().unwrap_or(Position::START);
    surroundings.journal.end().await.is_ok_and(|end| end > slowest)
}

/// A runner that was started.
#[derive(Debug)]
pub struct RunnerHandle {
    status: watch::Receiver<RunnerStatus>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl RunnerHandle {
    /// What the runner is doing, and where its readers stand.
    pub fn status(&self) -> watch::Receiver<RunnerStatus> {
        self.status.clone()
    }

    /// Ends it, and waits until nothing of it is under way. What was applied stays.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the runner of the readers failed");
        }
    }
}
