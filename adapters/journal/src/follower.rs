//! A reader's place in a journal.
//!
//! A follower asks: it takes what this process has just appended, or fetches what follows its place, and rests when
//! there is nothing, until it is woken or a while has passed. It keeps nothing at the server, so there is nothing there to
//! be lost, to stall or to be left behind, and a lost wake-up costs a rest, not a commit.
//!
//! Owns: the place, the rests, and what happens when the home does not answer.
//! Does not own: waking ([`crate::tail`], fed by the homes).
//! Invariant: commits come in order, each once. After damage the same error comes for ever.
//! Time: the runtime's clock, for rests.

use std::sync::Arc;
use std::time::Duration;

use paravox_domain::commit::chain::Broken;
use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{Boxed, Follow, ReadError};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::chain::{Chain, Damage};
use crate::handle::{after_trimmed, refuse_if_trimmed, trimmed_or_gap};
use crate::store::{Freshness, Store};

/// How many commits one step takes at most.
const COMMITS_PER_STEP: usize = 512;
/// The first rest after the home did not answer, doubled up to [`RETRY_REST_MAX`].
const RETRY_REST: Duration = Duration::from_millis(20);
const RETRY_REST_MAX: Duration = Duration::from_secs(1);
/// The first rest when a copy does not have yet what was announced, doubled at each try.
const LAG_REST: Duration = Duration::from_millis(1);
/// After so many rests the copy that has everything is asked.
const LAG_TRIES: u32 = 5;

/// After so many rests in a row that nobody ended, a follower asks whether the journal still has what it has read.
const RESTS_PER_END_CHECK: u32 = 10;

/// The follower over a home.
pub(crate) struct Follower<S> {
    store: Arc<S>,
    changes: watch::Receiver<u64>,
    after: Position,
    /// `None` until the commit before the first one has been read.
    chain: Option<Chain>,
    damage: Option<Damage>,
    /// The rests in a row that nobody ended.
    quiet_rests: u32,
    /// Since when the journal has been seen to end before this place.
    behind_since: Option<Instant>,
}

impl<S: Store> Follower<S> {
    pub(crate) fn new(store: Arc<S>, after: Position) -> Self {
        let chain = (after == Position::START).then(|| Chain::from_start(store.realm()));
        let changes = store.tail().subscribe();
        Self { store, changes, after, chain, damage: None, quiet_rests: 0, behind_since: None }
    }

    async fn step(&mut self) -> Result<Vec<EncodedCommit>, ReadError> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone().into());
        }
        let mut retry_rest = RETRY_REST;
        let mut lag_tries = 0;
        loop {
            match self.attempt(&mut lag_tries).await {
                Ok(Some(commits)) => return Ok(commits),
                Ok(None) => retry_rest = RETRY_REST,
                Err(ReadError::Unavailable(cause)) => {
                    if retry_rest == RETRY_REST {
                        tracing::warn!(realm = self.store.realm(), %cause, "the journal does not answer; a follower waits");
                    }
                    tokio::time::sleep(retry_rest).await;
                    retry_rest = (retry_rest * 2).min(RETRY_REST_MAX);
                }
                Err(error) => return Err(self.keep(error)),
            }
        }
    }

    /// One try; `None` if there was nothing yet and the rest is over. A try that is given up half-way changes nothing.
    async fn attempt(&mut self, lag_tries: &mut u32) -> Result<Option<Vec<EncodedCommit>>, ReadError> {
        if self.chain.is_none() {
            self.chain = Some(seed(&*self.store, self.after).await?);
        }
        // Marked before the look, so that what comes during the look ends the rest after it.
        self.changes.borrow_and_update();
        let found = self.look(*lag_tries).await?;
        if found.is_some() {
            (self.quiet_rests, self.behind_since) = (0, None);
        } else {
            self.check_end().await?;
            self.rest(lag_tries).await;
        }
        Ok(found)
    }

    async fn look(&mut self, lag_tries: u32) -> Result<Option<Vec<EncodedCommit>>, ReadError> {
        let recent = self.store.tail().after(self.after, COMMITS_PER_STEP);
        let raws = if recent.is_empty() {
            let freshness = if lag_tries >= LAG_TRIES { Freshness::Certain } else { Freshness::Any };
            self.store.fetch(self.after, COMMITS_PER_STEP, freshness).await?
        } else {
            Vec::new()
        };
        // From here on nothing waits, so that the place and the chain move together.
        let Some(chain) = self.chain.as_mut() else { return Ok(None) };
        if let Some(first) = raws.first().map(|raw| raw.position).filter(|first| *first > chain.next()) {
            return Err(trimmed_or_gap(&*self.store, self.after, first).await);
        }
        let (commits, damage) =
            if recent.is_empty() { chain.accept_raw(raws) } else { chain.accept_known(recent) };
        match (commits.last(), damage) {
            (Some(last), damage) => {
                self.after = last.position();
                self.damage = damage;
                Ok(Some(commits))
            }
            (None, Some(damage)) => Err(damage.into()),
            (None, None) => Ok(None),
        }
    }

    /// Rests until woken. Only shortly if something was announced that the copy that answered does not have.
    async fn rest(&mut self, lag_tries: &mut u32) {
        if self.store.tail().has_announced(self.after.next()) && *lag_tries < LAG_TRIES {
            tokio::time::sleep(LAG_REST * 2_u32.pow(*lag_tries)).await;
            *lag_tries += 1;
            return;
        }
        *lag_tries = 0;
        // Either outcome means: look again. The sender lives as long as the store, which this follower holds.
        let woken = tokio::time::timeout(self.store.look_every(), self.changes.changed()).await;
        self.quiet_rests = if woken.is_ok() { 0 } else { self.quiet_rests.saturating_add(1) };
    }

    /// From time to time in a long silence: is what was read still there? A store that was damaged, or put back from a
    /// copy, ends before it. And is there nothing more only because all of it was trimmed?
    async fn check_end(&mut self) -> Result<(), ReadError> {
        if self.quiet_rests < RESTS_PER_END_CHECK {
            return Ok(());
        }
        self.quiet_rests = 0;
        let end = self.store.end().await?;
        if end >= self.after {
            self.behind_since = None;
            return refuse_if_trimmed(&*self.store, self.after).await;
        }
        let since = *self.behind_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.store.end_may_lag() {
            return Ok(());
        }
        Err(Damage::Broken(Broken::Gap { expected: self.after, found: end }).into())
    }

    /// Remembers damage, so that no later call goes on behind it.
    fn keep(&mut self, error: ReadError) -> ReadError {
        self.damage = match &error {
            ReadError::Corrupt { position, cause } => {
                Some(Damage::Corrupt { position: *position, cause: cause.clone() })
            }
            ReadError::Broken(broken) => Some(Damage::Broken(broken.clone())),
            ReadError::Unavailable(_) | ReadError::Trimmed { .. } => None,
        };
        error
    }
}

/// Reads the commit that a reader has read last, so that the next one's predecessor is known.
///
/// A journal that ends before it has lost commits that somebody has already read: that is damage.
async fn seed<S: Store>(store: &S, after: Position) -> Result<Chain, ReadError> {
    let realm = store.realm();
    let before = Position(after.0.saturating_sub(1));
    let began = Instant::now();
    loop {
        let last = store.fetch(before, 1, Freshness::Certain).await?.into_iter().next();
        match last {
            Some(raw) if raw.position == after => return Ok(Chain::after_commit(realm, raw)?),
            Some(raw) if raw.position == after.next() => return after_trimmed(store, after).await,
            Some(raw) => return Err(trimmed_or_gap(store, after, raw.position).await),
            None => {}
        }
        let end = store.end().await?;
        if end < after && began.elapsed() >= store.end_may_lag() {
            return Err(Damage::Broken(Broken::Gap { expected: after, found: end }).into());
        }
        if end >= after && store.first().await? > end {
            // Everything up to the end was trimmed.
            return Ok(Chain::after_trimmed(realm, after));
        }
        tokio::time::sleep(RETRY_REST).await;
    }
}

impl<S: Store> Follow for Follower<S> {
    fn next(&mut self) -> Boxed<'_, Result<Vec<EncodedCommit>, ReadError>> {
        Box::pin(self.step())
    }
}
