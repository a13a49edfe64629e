//! Commits for the tests: a chain that grows, with content of any size.

use paravox_domain::answer::Answer;
use paravox_domain::commit::chain::Link;
use paravox_domain::commit::{CommitBuilder, EncodedCommit, Header, Settled};
use paravox_domain::id::{CommandId, CommitId, Id, RequestId, WriterId};
use paravox_domain::time::Instant;

pub(crate) const REALM: &str = "test-realm";

/// A writer that chains its commits.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    id: u128,
    link: Link,
}

impl Writer {
    pub(crate) fn new(id: u128) -> Self {
        Self { id, link: Link::START }
    }

    /// A writer that goes on after this commit.
    pub(crate) fn after(id: u128, commit: &EncodedCommit) -> Self {
        Self { id, link: Link { position: commit.position(), digest: commit.digest() } }
    }

    /// The next commit, which settles so many commands.
    pub(crate) fn commit(&mut self, settled: u32) -> EncodedCommit {
        let commit = self.commit_of(REALM, settled);
        self.link = Link { position: commit.position(), digest: commit.digest() };
        commit
    }

    /// So many commits of different sizes.
    pub(crate) fn commits(&mut self, count: u32) -> Vec<EncodedCommit> {
        (0..count).map(|number| self.commit(number % 7)).collect()
    }

    /// The commit that would be next in a journal of this realm.
    pub(crate) fn commit_of(&self, realm: &str, settled: u32) -> EncodedCommit {
        let position = self.link.position.next();
        let mut builder = CommitBuilder::new();
        for number in 0..settled {
            builder.settle(&Settled {
                command: CommandId::from_bits(u128::from(position.0) << 32 | u128::from(number)),
                repeatable: true,
                fingerprint: u64::from(number),
                request: RequestId::from_bits(u128::from(number)),
                answer: Answer::Done,
            });
        }
        builder.seal(&Header {
            realm: realm.to_owned(),
            position,
            writer: WriterId::from_bits(self.id),
            epoch: 1,
            commit: CommitId::from_bits(self.id << 64 | u128::from(position.0)),
            at: Instant(1_700_000_000_000_000 + position.0 as i64),
            previous: self.link.digest,
        })
    }

    /// A commit of a little more than so many bytes.
    pub(crate) fn large(&mut self, bytes: usize) -> EncodedCommit {
        let sample = 1_000;
        let bytes_each = self.commit_of(REALM, sample).bytes().len() / sample as usize;
        let commit = self.commit((bytes / bytes_each) as u32 + 10);
        assert!((bytes..bytes + bytes / 20).contains(&commit.bytes().len()), "{}", commit.bytes().len());
        commit
    }
}
