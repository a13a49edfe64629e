//! The writer's lease in a key-value bucket.
//!
//! The holder writes an entry with a time to live, and writes it again before that is over, each time expecting the
//! revision that it wrote last: of two who try, one succeeds. When the holder is gone the server removes the entry. Should
//! the server not remove it (a marker of the last deletion has been seen to swallow the time to live of a client's
//! create), whoever waits takes over an entry that did not change for two terms of its own measuring.
//!
//! Owns: the entry, and what is known of its revision.
//! Does not own: safety, which comes from the journal's expected position alone.
//! Invariants: an entry is only ever written over the revision that was read or written before; no clocks of two machines
//! are compared.
//! Time: the runtime's clock for rests; the server's own for the time to live.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::kv::{Config, Entry, Operation, Store};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{Context, context};
use bytes::Bytes;
use futures_util::StreamExt;
use paravox_domain::ports::{Boxed, Cause, Lease};
use paravox_domain::time::Span;
use tokio::time::{Instant as Moment, sleep, timeout};

use crate::subjects::lease_bucket;

const KEY: &str = "writer";
/// How long opening is tried again while the cluster has no leader.
const OPEN_WITHIN: Duration = Duration::from_secs(15);
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// A marker of a removed entry is kept so long; waiting nodes are told by it.
const MARKER_KEPT: Duration = Duration::from_mins(1);

/// Why the lease cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Times to live are whole seconds.
    #[error("a lease lasts at least one second; {seconds} were asked for")]
    TooShort {
        /// What was asked for.
        seconds: u64,
    },
    /// The bucket is not there, and cannot be made.
    #[error("the bucket of the writer's lease cannot be opened: {0}")]
    Unavailable(#[source] Cause),
}

/// The lease of a realm's writer.
#[derive(Debug)]
pub struct NatsLease {
    store: Store,
    context: Context,
    subject: String,
    holder: Bytes,
    term: Duration,
    /// The revision that this node wrote last, while it may hold the lease.
    held: Mutex<Option<u64>>,
}

/// How writing the entry ended.
enum Written {
    At(u64),
    /// Another revision stands there.
    Refused,
    Unknown(Cause),
}

impl NatsLease {
    /// Opens the lease, making its bucket on so many replicas if it is not there. `holder` names this run of this process,
    /// and no other one: a fresh id.
    pub async fn open(
        client: Client,
        realm: &str,
        holder: &str,
        term_seconds: u64,
        replicas: usize,
    ) -> Result<Self, LeaseError> {
        if term_seconds == 0 {
            return Err(LeaseError::TooShort { seconds: term_seconds });
        }
        let term = Duration::from_secs(term_seconds);
        let context = ContextBuilder::new().timeout(term / 3).build(client);
        let bucket = lease_bucket(realm);
        let begun = Moment::now();
        let store = loop {
            let config = Config {
                bucket: bucket.clone(),
                description: "The lease of the realm's writer".to_owned(),
                history: 1,
                num_replicas: replicas,
                limit_markers: Some(MARKER_KEPT),
                ..Config::default()
            };
            let opened = match context.get_key_value(&bucket).await {
                Ok(store) => Ok(store),
                Err(_) => context.create_key_value(config).await,
            };
            match opened {
                Ok(store) => break store,
                Err(error) if begun.elapsed() > OPEN_WITHIN => {
                    return Err(LeaseError::Unavailable(error.into()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the bucket of the lease cannot be opened; trying again");
                    sleep(OPEN_AGAIN_AFTER).await;
                }
            }
        };
        Ok(Self {
            subject: format!("$KV.{bucket}.{KEY}"),
            store,
            context,
            holder: Bytes::copy_from_slice(holder.as_bytes()),
            term,
            held: Mutex::default(),
        })
    }

    fn held(&self) -> Option<u64> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, revision: Option<u64>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = revision;
    }

    /// Writes the entry over this revision, with its time to live.
    async fn write(&self, over: u64) -> Written {
        let message = PublishMessage::build()
            .payload(self.holder.clone())
            .expected_last_subject_sequence(over)
            .ttl(self.term);
        let sent = match self.context.send_publish(self.subject.clone(), message).await {
            Ok(sent) => sent,
            Err(error) => return Written::Unknown(error.into()),
        };
        match sent.await {
            Ok(ack) => Written::At(ack.sequence),
            Err(error) if error.kind() == context::PublishErrorKind::WrongLastSequence => Written::Refused,
            Err(error) => Written::Unknown(error.into()),
        }
    }

    /// The entry as it stands.
    async fn entry(&self) -> Result<Option<Entry>, Cause> {
        Ok(self.store.entry(KEY).await?)
    }

    async fn acquired(&self) {
        let mut watched: Option<(u64, Moment)> = None;
        loop {
            match self.entry().await {
                Ok(entry) => {
                    if let Some(over) = self.free_over(entry.as_ref(), &mut watched) {
                        match self.write(over).await {
                            Written::At(revision) => return self.hold(Some(revision)),
                            // Another one was faster.
                            Written::Refused => {}
                            // If it was written, the next look finds it under this holder's name.
                            Written::Unknown(error) => {
                                tracing::warn!(%error, "it is not known whether the lease was taken; looking again");
                            }
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "the lease cannot be read; trying again"),
            }
            self.changed().await;
        }
    }

    /// The revision over which the lease can be taken, if it is free, one's own, or dead.
    fn free_over(&self, entry: Option<&Entry>, watched: &mut Option<(u64, Moment)>) -> Option<u64> {
        let Some(entry) = entry else { return Some(0) };
        if entry.operation != Operation::Put || entry.value == self.holder {
            return Some(entry.revision);
        }
        match watched {
            Some((revision, since)) if *revision == entry.revision => {
                let dead = since.elapsed() > self.term * 2;
                if dead {
                    tracing::warn!("the lease was neither renewed nor removed; taking it over");
                }
                dead.then_some(entry.revision)
            }
            _ => {
                *watched = Some((entry.revision, Moment::now()));
                None
            }
        }
    }

    /// Waits until the entry changes, for a third of a term at most.
    async fn changed(&self) {
        let look = self.term / 3;
        let _ = timeout(look, async {
            match self.store.watch(KEY).await {
                Ok(mut changes) => loop {
                    match changes.next().await {
                        // A renewal is no news; a removal is.
                        Some(Ok(entry)) if entry.operation == Operation::Put => {}
                        _ => break,
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "the lease cannot be watched; looking from time to time");
                    sleep(look).await;
                }
            }
        })
        .await;
    }

    /// Renews, as often as it takes to know the outcome.
    async fn renewed(&self) -> bool {
        loop {
            let Some(held) = self.held() else { return false };
            match self.write(held).await {
                Written::At(revision) => {
                    self.hold(Some(revision));
                    return true;
                }
                Written::Unknown(error) => {
                    tracing::warn!(%error, "it is not known whether the lease was renewed; looking");
                    sleep(self.term / 20).await;
                }
                Written::Refused => {}
            }
            // Perhaps an earlier try was written after all.
            match self.entry().await {
                Ok(Some(entry)) if entry.operation == Operation::Put && entry.value == self.holder => {
                    self.hold(Some(entry.revision));
                }
                Ok(_) => {
                    self.hold(None);
                    return false;
                }
                Err(error) => tracing::warn!(%error, "the lease cannot be read; trying again"),
            }
        }
    }

    async fn released(&self) {
        let Some(held) = self.held() else { return };
        self.hold(None);
        if let Err(error) = self.store.delete_expect_revision(KEY, Some(held)).await {
            // It ends by itself.
            tracing::warn!(%error, "the lease could not be given back");
        }
    }
}

impl Lease for NatsLease {
    fn acquire(&self) -> Boxed<'_, ()> {
        Box::pin(self.acquired())
    }

    fn renew(&self) -> Boxed<'_, bool> {
        Box::pin(self.renewed())
    }

    fn release(&self) -> Boxed<'_, ()> {
        Box::pin(self.released())
    }

    fn term(&self) -> Span {
        Span(i64::try_from(self.term.as_micros()).unwrap_or(i64::MAX))
    }
}
