//! Following: the warm standby, until the lease is held and the journal's end is reached.
//!
//! Owns: reading ahead, the wait for the lease, catching up.
//! Does not own: the state (`replica`), renewing the lease (`lease`).
//! Invariant: whoever is elected has taken in every commit that stood in the journal when it got the lease.

use std::sync::Arc;

use paravox_domain::commit::{Commit, Position};
use paravox_domain::ports::{AnyJournal, Boxed, Lease, ReadError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::handle::{NO_WRITER, Status};
use crate::lease::Keeper;
use crate::replica::Replica;
use crate::rest::Rest;
use crate::writer::Context;

/// Decoded commits that are read ahead, in lists as the journal gives them.
const AHEAD: usize = 4;

/// How following ended.
pub(crate) enum Followed {
    /// The lease is held, and the journal's end reached.
    Elected(Keeper),
    /// The journal begins later than where the replica stands.
    Trimmed {
        /// The first position that it holds.
        first: Position,
    },
    /// Asked to stop.
    Stopped,
    /// The journal is damaged.
    Damaged(String),
}

/// Follows the journal with this replica.
pub(crate) async fn follow(context: &mut Context, replica: &mut Replica) -> Followed {
    let mut ahead = Ahead::start(context.journal.clone(), replica.head.position);
    let mut keeper: Option<Keeper> = None;
    let mut acquiring = acquire(context.lease.clone());
    let mut ending: Boxed<'static, Position> = Box::pin(std::future::pending());
    let mut end = None;
    let mut stop = context.stop.clone();
    context.status.send_replace(Status::Follower { position: replica.head.position });
    loop {
        if end.is_some_and(|end| replica.head.position >= end)
            && let Some(keeper) = keeper.take()
        {
            return Followed::Elected(keeper);
        }
        let lost = async {
            match &keeper {
                Some(keeper) => keeper.lost().raised().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop.raised() => {
                give_back(keeper, &*context.lease).await;
                return Followed::Stopped;
            }
            asked = context.queue.recv() => {
                let Some(asked) = asked else {
                    give_back(keeper, &*context.lease).await;
                    return Followed::Stopped;
                };
                // It came in while the writer stepped down. Whoever asked may be gone.
                let _ = asked.reply.send(Err(NO_WRITER));
            }
            () = lost => {
                give_back(keeper.take(), &*context.lease).await;
                acquiring = acquire(context.lease.clone());
                ending = Box::pin(std::future::pending());
                end = None;
            }
            () = &mut acquiring, if keeper.is_none() => {
                keeper = Some(Keeper::start(context.lease.clone()));
                ending = end_of(context.journal.clone());
            }
            found = &mut ending, if end.is_none() => end = Some(found),
            next = ahead.commits.recv() => match next {
                Some(Ok(commits)) => {
                    for commit in &commits {
                        if let Err(broken) = replica.follow(commit, context.confirmed.position()) {
                            return Followed::Damaged(broken.to_string());
                        }
                    }
                    context.status.send_replace(Status::Follower { position: replica.head.position });
                }
                Some(Err(ReadError::Trimmed { first, .. })) => {
                    give_back(keeper, &*context.lease).await;
                    return Followed::Trimmed { first };
                }
                Some(Err(damage)) => {
                    give_back(keeper, &*context.lease).await;
                    return Followed::Damaged(damage.to_string());
                }
                // Its task ends with an error only, which was taken above.
                None => ahead = Ahead::start(context.journal.clone(), replica.head.position),
            },
        }
    }
}

fn acquire(lease: Arc<dyn Lease>) -> Boxed<'static, ()> {
    Box::pin(async move { lease.acquire().await })
}

async fn give_back(keeper: Option<Keeper>, lease: &dyn Lease) {
    if let Some(keeper) = keeper {
        keeper.give_back(lease).await;
    }
}

/// The journal's end, as soon as it says so.
fn end_of(journal: AnyJournal) -> Boxed<'static, Position> {
    Box::pin(async move {
        let mut rest = Rest::short();
        loop {
            match journal.end().await {
                Ok(end) => return end,
                Err(error) => {
                    tracing::warn!(%error, "the end of the journal is not known; asking again");
                    rest.take().await;
                }
            }
        }
    })
}

/// Reads and decodes commits ahead, in a task of its own, so that a second core helps with a replay.
struct Ahead {
    commits: mpsc::Receiver<Result<Vec<Commit>, ReadError>>,
    task: JoinHandle<()>,
}

impl Ahead {
    fn start(journal: AnyJournal, after: Position) -> Self {
        let (give, commits) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            if let Err(error) = read_ahead(&journal, after, &give).await {
                // Nobody waits for it any more if this fails.
                let _ = give.send(Err(error)).await;
            }
        });
        Self { commits, task }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hands commits on until something is wrong that no other try can mend.
async fn read_ahead(
    journal: &AnyJournal,
    mut after: Position,
    give: &mpsc::Sender<Result<Vec<Commit>, ReadError>>,
) -> Result<(), ReadError> {
    let mut rest = Rest::short();
    loop {
        let error = match journal.follow(after).await {
            Ok(mut follow) => loop {
                match follow.next().await {
                    Ok(commits) => {
                        let decoded = commits.iter().map(|commit| {
                            let position = commit.position();
                            commit.decode().map_err(|cause| ReadError::Corrupt { position, cause })
                        });
                        let decoded: Vec<Commit> = decoded.collect::<Result<_, _>>()?;
                        after = commits.last().map_or(after, paravox_domain::commit::EncodedCommit::position);
                        rest = Rest::short();
                        if give.send(Ok(decoded)).await.is_err() {
                            return Ok(());
                        }
                    }
                    Err(error) => break error,
                }
            },
            Err(error) => error,
        };
        match error {
            ReadError::Unavailable(error) => {
                tracing::warn!(%error, "the journal cannot be followed; trying again");
                rest.take().await;
            }
            other => return Err(other),
        }
    }
}
