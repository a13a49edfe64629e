//! A journal in a JetStream stream: one message a commit, the stream's sequence is the position.
//!
//! Owns: the stream and its settings ([`settings`]), fenced appends ([`append`]), reads of whole ranges in one request
//! ([`read`]), and the wake-up of followers by the stream's own announcements ([`announce`]).
//! Does not own: the connection, and the servers' `sync_interval`: with any other value than `always` an
//! acknowledgement is not on disk.
//! Invariant: the sequence of a message and the position of its commit are the same number.
//! Time: the runtime's clock, for limits.

mod announce;
mod append;
mod connection;
mod read;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream::Stream;
use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, Boxed, ReadError};
use tokio::sync::watch;

use self::announce::Listening;
pub use self::settings::{VERSION_FLOOR, stream_name, subject};
use crate::OpenError;
use crate::handle::Handle;
use crate::open::check_realm;
use crate::store::{Freshness, Raw, Refusal, Store};
use crate::tail::{KEPT_BYTES_MAX, Tail};

/// The stream, and the limits.
#[derive(Clone, Debug)]
pub struct JetStreamConfig {
    /// The realm.
    pub realm: String,
    /// How many servers keep each commit: 1, or 3 to outlive the loss of one. Used when the stream is created.
    pub replicas: usize,
    /// How long commits are kept; `None` for ever. Used when the stream is created.
    pub age_max: Option<Duration>,
    /// How many bytes the stream may hold; beyond it appends are refused. `None`: as many as the server has. Used when
    /// the stream is created.
    pub stream_bytes_max: Option<i64>,
    /// The JetStream domain, if the stream is in another one than the server that is connected to.
    pub domain: Option<String>,
    /// For how long opening is tried again while the cluster has no leader.
    pub open_timeout: Duration,
    /// After how long an append's outcome counts as unknown.
    pub append_timeout: Duration,
    /// After how long a read is given up; also the longest silence within one.
    pub read_timeout: Duration,
    /// How often a follower looks without having been woken: an announcement may be lost.
    pub look_every: Duration,
}

impl JetStreamConfig {
    /// This realm on one server, kept for ever: opening within 15 s, appends and reads within 5 s, a look every 500 ms.
    pub fn new(realm: impl Into<String>) -> Self {
        Self {
            realm: realm.into(),
            replicas: 1,
            age_max: None,
            stream_bytes_max: None,
            domain: None,
            open_timeout: Duration::from_secs(15),
            append_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(5),
            look_every: Duration::from_millis(500),
        }
    }
}

/// Opens the journal in a stream, creating it if it is not there.
pub async fn open(client: Client, config: &JetStreamConfig) -> Result<AnyJournal, OpenError> {
    check_realm(&config.realm)?;
    let prefix =
        config.domain.as_ref().map_or_else(|| "$JS.API".to_owned(), |domain| format!("$JS.{domain}.API"));
    let context =
        ContextBuilder::new().api_prefix(prefix.clone()).timeout(config.read_timeout).build(client.clone());
    settings::prepare(&client, &context, config).await?;
    let name = stream_name(&config.realm);
    let stream =
        context.get_stream_no_info(&name).await.map_err(|error| OpenError::Unavailable(error.into()))?;
    let tail = Arc::new(Tail::new(KEPT_BYTES_MAX));
    let listening = Listening::start(&client, &config.realm, tail.clone()).await?;
    let info = stream.get_info().await.map_err(|error| OpenError::Unavailable(error.into()))?;
    tail.announce(Position(info.state.last_sequence));
    let direct = format!("{prefix}.DIRECT.GET.{name}");
    let store = JetStreamStore {
        config: config.clone(),
        client,
        stream,
        direct,
        sent: watch::Sender::new(Position::START),
        tail,
        _listening: listening,
    };
    Ok(Arc::new(Handle::of(Arc::new(store))))
}

struct JetStreamStore {
    config: JetStreamConfig,
    client: Client,
    stream: Stream<()>,
    /// The subject of reads that any replica answers.
    direct: String,
    /// The last position whose append was sent from here; the start if none was.
    sent: watch::Sender<Position>,
    tail: Arc<Tail>,
    _listening: Listening,
}

impl Store for JetStreamStore {
    fn realm(&self) -> &str {
        &self.config.realm
    }

    fn tail(&self) -> &Tail {
        &self.tail
    }

    fn bytes_max(&self) -> usize {
        settings::bytes_max(&self.client)
    }

    fn look_every(&self) -> Duration {
        self.config.look_every
    }

    fn end_may_lag(&self) -> Duration {
        // A leader that has just been elected may not have applied everything yet.
        self.config.open_timeout
    }

    fn append<'a>(&'a self, commit: &'a EncodedCommit) -> Boxed<'a, Result<(), Refusal>> {
        Box::pin(append::append(self, commit))
    }

    fn fetch(
        &self,
        after: Position,
        commits_max: usize,
        freshness: Freshness,
    ) -> Boxed<'_, Result<Vec<Raw>, ReadError>> {
        Box::pin(read::fetch(self, after, commits_max, freshness))
    }

    fn first(&self) -> Boxed<'_, Result<Position, ReadError>> {
        Box::pin(async { Ok(read::ends(self).await?.0) })
    }

    fn end(&self) -> Boxed<'_, Result<Position, ReadError>> {
        Box::pin(async { Ok(read::ends(self).await?.1) })
    }
}
