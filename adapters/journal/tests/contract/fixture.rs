//! What a test needs of a journal beside the trait: further handles, a connection that can be cut, damage.

use std::time::Duration;

use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, AppendError, Follow, ReadError};
use paravox_harness::{TcpProxy, eventually};

/// The longest that anything in these tests may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// What was done to the second of three commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// One of its bytes is another.
    ChangedByte,
    /// It is gone.
    Gone,
}

/// An empty journal of its own kind.
pub(crate) trait Fixture: Sized {
    async fn start() -> Self;

    /// A further handle, as another process would have it.
    async fn open(&self) -> AnyJournal;

    /// Has the journal hold these three, the second one damaged, without asking the journal.
    async fn hold_damaged(&self, commits: &[EncodedCommit], damage: Damage);
}

/// A journal behind a connection.
pub(crate) trait Remote: Fixture {
    /// A handle whose connection passes through a proxy.
    async fn open_through_proxy(&self) -> (AnyJournal, TcpProxy);
}

/// One byte of a commit's body changed.
pub(crate) fn changed(commit: &EncodedCommit) -> Vec<u8> {
    let mut bytes = commit.bytes().to_vec();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    bytes
}

/// Appends as a writer does that outlasts elections and lost connections: what did not happen, or is not known to have
/// happened, is done again. A repeat of what stands changes nothing.
pub(crate) async fn append(journal: &AnyJournal, commit: &EncodedCommit) -> Result<(), AppendError> {
    eventually("an append", LIMIT, async || match journal.append(commit).await {
        Err(AppendError::Unavailable(_) | AppendError::Unconfirmed(_)) => None,
        settled => Some(settled),
    })
    .await
    .unwrap()
}

/// Reads, again if the journal is not available.
pub(crate) async fn read(
    journal: &AnyJournal,
    after: Position,
    commits_max: usize,
) -> Result<Vec<EncodedCommit>, ReadError> {
    eventually("a read", LIMIT, async || match journal.read(after, commits_max).await {
        Err(ReadError::Unavailable(_)) => None,
        settled => Some(settled),
    })
    .await
    .unwrap()
}

/// The end, asked for again if the journal is not available.
pub(crate) async fn end(journal: &AnyJournal) -> Position {
    eventually("the end", LIMIT, async || journal.end().await.ok()).await.unwrap()
}

/// The next so many commits of a follower.
pub(crate) async fn take(follower: &mut Box<dyn Follow>, count: usize) -> Vec<EncodedCommit> {
    let mut taken = Vec::new();
    let taking = async {
        while taken.len() < count {
            taken.extend(follower.next().await.unwrap());
        }
    };
    tokio::time::timeout(LIMIT, taking).await.expect("a follower gets what was appended");
    assert_eq!(taken.len(), count, "no commit comes twice");
    taken
}

/// Waits until a follower has nothing to give, which is when it rests.
pub(crate) async fn is_at_rest(follower: &mut Box<dyn Follow>) -> bool {
    tokio::time::timeout(Duration::from_millis(300), follower.next()).await.is_err()
}
