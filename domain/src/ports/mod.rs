//! Ports: what the domain's shell needs of the outside, as traits without a runtime.
//!
//! Owns: the outcomes that a caller must tell apart. Futures are boxed, so that a program chooses its adapters at run
//! time.
//! Does not own: any implementation; those are in `adapters/` and `projections/`.

pub mod query;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::answer::{Answer, Rejection};
use crate::command::Command;
use crate::commit::chain::Broken;
use crate::commit::{Corrupt, EncodedCommit, Position, Recorded, Settled};
use crate::entity::EntityId;
use crate::id::CommandId;
use crate::time::{Instant, Span};

/// A boxed future.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whatever an adapter's library reported.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A page of command ids, and the cursor for the next page; `None` at the end.
pub type IdPage = (Vec<CommandId>, Option<Position>);

/// Why an append did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer is ahead: step down.
    #[error("another writer has appended at position {expected}")]
    Fenced {
        /// The position that this append was to get.
        expected: Position,
    },
    /// The outcome is unknown: read what stands at the expected position before anything else.
    #[error("the outcome of the append is unknown: {0}")]
    Unconfirmed(#[source] Cause),
    /// Nothing was appended, and another try may succeed.
    #[error("the journal does not take appends now: {0}")]
    Unavailable(#[source] Cause),
    /// Larger than this journal takes. Nothing was appended.
    #[error("a commit of {bytes} bytes is larger than the {bytes_max} that the journal takes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// What the journal takes.
        bytes_max: usize,
    },
}

/// Why a read did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Another try may succeed.
    #[error("the journal cannot be read now: {0}")]
    Unavailable(#[source] Cause),
    /// Bytes are not what was written. Stop.
    #[error("commit {position} is damaged: {cause}")]
    Corrupt {
        /// Where it stands.
        position: Position,
        /// What is wrong.
        cause: Corrupt,
    },
    /// A commit does not follow the one before it. Stop.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The journal no longer holds what follows this position: read it from the archive.
    #[error("the journal begins at position {first}; what follows {after} is in the archive")]
    Trimmed {
        /// The position asked for.
        after: Position,
        /// The first position that is held.
        first: Position,
    },
}

impl ReadError {
    /// Whether the data are wrong, so that no other try can help.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Broken(_))
    }
}

/// The only truth: commits in order.
///
/// Every commit that a journal hands out has passed [`EncodedCommit::parse`] and follows the one before it.
pub trait Journal: Send + Sync + 'static {
    /// Appends a commit at its position, durable when the future is ready. Refused as fenced unless the journal ends
    /// exactly before it.
    fn append<'a>(&'a self, commit: &'a EncodedCommit) -> Boxed<'a, Result<(), AppendError>>;

    /// The commits after a position, in order, at most `commits_max` of them; an empty list at the end.
    fn read(&self, after: Position, commits_max: usize) -> Boxed<'_, Result<Vec<EncodedCommit>, ReadError>>;

    /// The position of the last commit, as of now.
    fn end(&self) -> Boxed<'_, Result<Position, ReadError>>;

    /// Follows the journal from a position, without end and across lost connections.
    fn follow(&self, after: Position) -> Boxed<'_, Result<Box<dyn Follow>, ReadError>>;

    /// The realm whose journal this is.
    fn realm(&self) -> &str;
}

/// A reader's place in a journal.
pub trait Follow: Send {
    /// One or more of the commits that follow, in order; waits for the first. Never an empty list.
    fn next(&mut self) -> Boxed<'_, Result<Vec<EncodedCommit>, ReadError>>;
}

/// A journal that the program chose at run time.
pub type AnyJournal = Arc<dyn Journal>;

/// Why the archive did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Another try may succeed.
    #[error("the archive cannot be read now: {0}")]
    Unavailable(#[source] Cause),
    /// What it holds is not what was written.
    #[error("the archive holds a damaged event of stream {stream}: {detail}")]
    Damaged {
        /// The stream.
        stream: EntityId,
        /// What is wrong.
        detail: String,
    },
}

/// The eventstore-style log behind the journal, as far as the writer needs it.
pub trait Archive: Send + Sync + 'static {
    /// All events of these entities' streams in order, or the last one where that suffices
    /// ([`EntityId::last_event_suffices`]). Entities without events are left out.
    fn hydrate<'a>(
        &'a self,
        entities: &'a [EntityId],
    ) -> Boxed<'a, Result<Vec<(Position, Recorded)>, ArchiveError>>;

    /// The first settlement of this command, if the archive has it.
    fn settled(&self, command: CommandId) -> Boxed<'_, Result<Option<Settled>, ArchiveError>>;

    /// The ids of repeatable commands that were settled since an instant, in pages: for the filter in front of
    /// [`Self::settled`]. Returns the ids and the cursor for the next page, `None` at the end.
    fn settled_since(
        &self,
        since: Instant,
        cursor: Option<Position>,
    ) -> Boxed<'_, Result<IdPage, ArchiveError>>;

    /// The last position that is durably in the archive.
    fn confirmed(&self) -> Boxed<'_, Result<Position, ArchiveError>>;
}

/// What a command was answered, and where in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub answer: Answer,
    /// The commit that settled it; a read model that has got here shows its effect. The current end where a command
    /// changed nothing.
    pub position: Position,
    /// Whether this is the answer to an earlier sending of the same command.
    pub replayed: bool,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The domain said no. Nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The queue is full. Nothing was changed.
    #[error("too much is asked at once; come back in {retry_after}")]
    Busy {
        /// When to come back.
        retry_after: Span,
    },
    /// No writer is active here now, or it stepped down before the outcome was known: repeat the same command.
    #[error("no writer is active at the moment; repeat the same request in {retry_after}")]
    NoWriter {
        /// When to come back.
        retry_after: Span,
    },
    /// The same command is under way.
    #[error("the same command is still being carried out")]
    UnderWay,
    /// The command id was used for another request.
    #[error("this command id was used for another request")]
    OtherRequest,
}

/// Where commands go: the writer in this process, or one across the bus.
pub trait Commands: Send + Sync + 'static {
    /// Has a command carried out. The answer comes after it is durable.
    fn submit(&self, command: Command) -> Boxed<'_, Result<Outcome, Refused>>;
}

/// The writer's lease. For liveness only: safety comes from the expected position alone.
pub trait Lease: Send + Sync + 'static {
    /// Waits until this process holds the lease.
    fn acquire(&self) -> Boxed<'_, ()>;

    /// Renews it; `false` if it was lost. To be called at least every third of [`Self::term`].
    fn renew(&self) -> Boxed<'_, bool>;

    /// Gives it back, so that another one need not wait for its end.
    fn release(&self) -> Boxed<'_, ()>;

    /// How long it lasts without renewal.
    fn term(&self) -> Span;
}

/// Why a short message could not be handed over.
#[derive(Debug, thiserror::Error)]
pub enum SmsError {
    /// Another try may succeed.
    #[error("the SMS service does not answer: {0}")]
    Unavailable(#[source] Cause),
    /// No other try will succeed.
    #[error("the SMS service refused the message: {reason}")]
    Refused {
        /// Its reason. Holds no number.
        reason: String,
    },
}

/// Sends short messages.
pub trait Sms: Send + Sync + 'static {
    /// Hands a message over. `key` is the same on every try, so that a service that knows it sends once.
    fn send<'a>(
        &'a self,
        key: &'a str,
        to: crate::identity::E164,
        text: &'a str,
    ) -> Boxed<'a, Result<(), SmsError>>;
}

/// Reads the time. The only place where an instant comes from; tests and the simulation have their own.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Instant;
}
