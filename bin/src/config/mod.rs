//! Configuration: what an operator sets.
//!
//! Owns: every key with its default, unit and meaning; the doc comment of a field is what operators read in
//! `paravox config schema` and in the README's table.
//! Does not own: reading files and variables (`load`), nor what the values do.
//! Invariant: no secret stands in the configuration; secrets come from files that it names. Unknown keys are errors.

mod load;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;

use paravox_domain::digest::SecretKey;
use paravox_domain::settings::{CallSettings, RegistrationSettings, SessionSettings, Settings};
use paravox_domain::time::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::load::{ConfigError, load};
pub use self::table::{Key, keys};

/// The configuration of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The realm: the shard whose journal this node serves. 1 to 32 of a-z, 0-9 and hyphen.
    pub realm: String,
    /// Where data are kept.
    pub data: Data,
    /// The HTTP edge.
    pub http: Http,
    /// The bus. With a URL the journal is a JetStream stream; without one, a SQLite file.
    pub nats: Nats,
    /// The database of the read models. With a URL, PostgreSQL; without one, a SQLite file.
    pub postgres: Postgres,
    /// Registration of parties and devices.
    pub registration: Registration,
    /// Calls and matching.
    pub calls: Calls,
    /// Sessions.
    pub sessions: Sessions,
    /// The writer.
    pub writer: Writer,
    /// What is kept, and for how long.
    pub retention: Retention,
    /// Short messages.
    pub sms: Sms,
    /// Automated systems that may report calls.
    pub services: Vec<Service>,
    /// Logging.
    pub log: Log,
}

/// Where data are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The folder of the embedded mode's journal and read models.
    pub directory: PathBuf,
    /// The folder of the secret keys. Without one, the data folder's `keys`; made at the first start of the embedded
    /// mode, and required to exist otherwise, because all nodes of a realm must have the same.
    pub keys: Option<PathBuf>,
}

/// The HTTP edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The URL by which clients reach this node, if a proxy stands before it: the issuer of its tokens.
    pub public_url: Option<String>,
    /// Networks of proxies whose `Forwarded` header is believed, such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// Origins from which browsers may use the API and open sockets.
    pub allowed_origins: Vec<String>,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How long a request may take, in seconds; long polls and sockets excepted.
    pub request_timeout_s: u32,
    /// Connections at a time.
    pub connections_max: usize,
    /// Connections at a time from one address. A proxy counts as one address.
    pub connections_per_address_max: usize,
    /// Requests per second that one address may make, on average; five times as many at once. 0: no limit.
    pub requests_per_address_per_s: u32,
    /// Requests per second with one device's credential, on average; ten times as many at once. 0: no limit.
    pub requests_per_credential_per_s: u32,
    /// Codes per hour for one identity: each costs a short message. 0: no limit.
    pub registrations_per_identity_per_hour: u32,
    /// Codes per hour asked for from one address. 0: no limit.
    pub registrations_per_address_per_hour: u32,
    /// Codes per hour for numbers that begin with the same six digits. 0: no limit.
    pub registrations_per_prefix_per_hour: u32,
    /// Feeds that may be connected at a time.
    pub feeds_max: usize,
    /// How long an access token is good, in seconds.
    pub access_token_s: u32,
    /// Heartbeat interval of feeds, in seconds.
    pub heartbeat_s: u32,
}

/// The bus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// Its URL (`nats://` or `tls://`); several, separated by commas, for a cluster.
    pub url: Option<String>,
    /// A file with the credentials (an nkey seed and a user token), if the servers ask for them.
    pub credentials_file: Option<PathBuf>,
    /// Replicas of the journal's stream: 1 or 3. Without a value, 1.
    pub replicas: Option<u32>,
}

/// The database of the read models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    /// Its URL, without a password.
    pub url: Option<String>,
    /// A file with the whole URL, password included. Wins over `url`.
    pub url_file: Option<PathBuf>,
    /// Connections in the pool.
    pub connections_max: u32,
}

/// Registration of parties and devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// How long a one-time code is good, in seconds.
    pub code_lifetime_s: u32,
    /// Wrong codes before a registration is closed.
    pub tries_max: u32,
    /// Identities of one party.
    pub identities_max: usize,
    /// Devices of one party.
    pub devices_max: usize,
}

/// Calls and matching.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// How long one side of a call waits for the other one, and how far apart their reports may arrive, in seconds.
    pub window_s: u32,
    /// How long after its end a late report can still mean a call, in seconds.
    pub closing_s: u32,
    /// How much later an earlier stage may arrive than a later one of the same call, in seconds.
    pub reorder_s: u32,
    /// The longest call, in seconds: one whose end nobody reported is given up.
    pub longest_s: u32,
    /// Calls that may be open for one identity at a time.
    pub open_per_identity_max: usize,
}

/// Sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// How long a lost leg may take to come back, in seconds.
    pub resume_grace_s: u32,
    /// How long a session may outlive its call, in seconds.
    pub outlives_longest_s: u32,
    /// The longest text message, in bytes.
    pub text_bytes_max: usize,
    /// Text messages of one session.
    pub messages_max: u64,
}

/// The writer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Writer {
    /// Commands that may wait; beyond it they are refused with a time to come back.
    pub queue_max: usize,
    /// Appends in flight at a time.
    pub appends_in_flight_max: usize,
    /// Entities in memory beside those that are going on.
    pub resident_max: usize,
    /// Ids of settled commands kept in memory; older ones are asked of the archive.
    pub settled_in_memory_max: usize,
    /// Memory of the filter in front of the archive's index of commands, in bytes.
    pub filter_bytes: usize,
    /// How long the writer's lease lasts without renewal, in seconds; how long a standby waits after the writer's node
    /// died.
    pub lease_s: u32,
}

/// What is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// How long a repeat of a command gets its first answer, in hours; 24 at least.
    pub commands_h: u32,
    /// Items of one device's feed.
    pub feed_items_max: u64,
    /// How long an item stays in a feed, in days.
    pub feed_days: u32,
}

/// How short messages are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmsKind {
    /// They are shown on the terminal: for trying things out.
    #[default]
    Terminal,
    /// They are posted to a web service.
    Webhook,
}

/// Short messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sms {
    /// How they are sent: `terminal` or `webhook`.
    pub kind: SmsKind,
    /// The URL that `webhook` posts `{"to": …, "text": …}` to.
    pub url: Option<String>,
    /// A file with the bearer token for it.
    pub token_file: Option<PathBuf>,
    /// How long one try may take, in seconds.
    pub timeout_s: u32,
}

/// An automated system that may report calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name: 1 to 32 of a-z, 0-9 and hyphen. It stands in events.
    pub name: String,
    /// BLAKE3 digests of its keys, as `paravox key create` prints them; two while a key is being replaced.
    pub key_digests: Vec<String>,
    /// Numbers for which it may speak: prefixes with the plus sign.
    pub numbers: Vec<String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// What is logged: `error`, `warn`, `info`, `debug`, or a filter such as `info,paravox_writer=debug`.
    pub filter: String,
    /// How: `text` or `json`.
    pub format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            realm: "local".to_owned(),
            data: Data::default(),
            http: Http::default(),
            nats: Nats::default(),
            postgres: Postgres { connections_max: 16, ..Postgres::default() },
            registration: Registration::default(),
            calls: Calls::default(),
            sessions: Sessions::default(),
            writer: Writer::default(),
            retention: Retention::default(),
            sms: Sms::default(),
            services: Vec::new(),
            log: Log::default(),
        }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self { directory: PathBuf::from("paravox-data"), keys: None }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8470)),
            public_url: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            body_bytes_max: 64 * 1024,
            request_timeout_s: 30,
            connections_max: 20_000,
            connections_per_address_max: 2_000,
            requests_per_address_per_s: 200,
            requests_per_credential_per_s: 20,
            registrations_per_identity_per_hour: 5,
            registrations_per_address_per_hour: 60,
            registrations_per_prefix_per_hour: 600,
            feeds_max: 10_000,
            access_token_s: 900,
            heartbeat_s: 15,
        }
    }
}

impl Default for Registration {
    fn default() -> Self {
        let domain = RegistrationSettings::default();
        Self {
            code_lifetime_s: whole_seconds(domain.code_lifetime),
            tries_max: domain.tries_max,
            identities_max: domain.identities_max,
            devices_max: domain.devices_max,
        }
    }
}

impl Default for Calls {
    fn default() -> Self {
        let domain = CallSettings::default();
        Self {
            window_s: whole_seconds(domain.window),
            closing_s: whole_seconds(domain.closing),
            reorder_s: whole_seconds(domain.reorder),
            longest_s: whole_seconds(domain.longest),
            open_per_identity_max: domain.open_per_identity_max,
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        let domain = SessionSettings::default();
        Self {
            resume_grace_s: whole_seconds(domain.resume_grace),
            outlives_longest_s: whole_seconds(domain.outlives_longest),
            text_bytes_max: domain.text_bytes_max,
            messages_max: domain.messages_max,
        }
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            queue_max: 16_384,
            appends_in_flight_max: 1,
            resident_max: 200_000,
            settled_in_memory_max: 200_000,
            filter_bytes: 32 * 1024 * 1024,
            lease_s: 3,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { commands_h: 48, feed_items_max: 10_000, feed_days: 14 }
    }
}

impl Default for Sms {
    fn default() -> Self {
        Self { kind: SmsKind::Terminal, url: None, token_file: None, timeout_s: 10 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

fn whole_seconds(span: Span) -> u32 {
    u32::try_from(span.micros() / 1_000_000).unwrap_or(u32::MAX)
}

fn seconds(value: u32) -> Span {
    Span::seconds(i64::from(value))
}

impl Config {
    /// Whether this node is one of a cluster: its journal is on the bus.
    pub const fn is_cluster(&self) -> bool {
        self.nats.url.is_some()
    }

    /// Where the keys are.
    pub fn keys_directory(&self) -> PathBuf {
        self.data.keys.clone().unwrap_or_else(|| self.data.directory.join("keys"))
    }

    /// The settings of the domain.
    pub fn settings(&self, lookup_key: SecretKey) -> Settings {
        Settings {
            lookup_key,
            registration: RegistrationSettings {
                code_lifetime: seconds(self.registration.code_lifetime_s),
                tries_max: self.registration.tries_max,
                identities_max: self.registration.identities_max,
                devices_max: self.registration.devices_max,
                ..RegistrationSettings::default()
            },
            call: CallSettings {
                window: seconds(self.calls.window_s),
                closing: seconds(self.calls.closing_s),
                reorder: seconds(self.calls.reorder_s),
                longest: seconds(self.calls.longest_s),
                open_per_identity_max: self.calls.open_per_identity_max,
            },
            session: SessionSettings {
                resume_grace: seconds(self.sessions.resume_grace_s),
                outlives_longest: seconds(self.sessions.outlives_longest_s),
                text_bytes_max: self.sessions.text_bytes_max,
                messages_max: self.sessions.messages_max,
            },
        }
    }
}
