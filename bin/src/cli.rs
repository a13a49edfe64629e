//! The command line: what can be typed.
//!
//! Owns: commands, flags, their help. Does not own: what the commands do; each has a module of its own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A data session beside every telephone call.
#[derive(Debug, Parser)]
#[command(
    name = "paravox",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    before_help = "Examples:\n  paravox demo                          see it work, on an embedded server\n  paravox serve                         run a server on this machine, data in ./paravox-data\n  paravox serve --config paravox.toml   run a node as configured\n  paravox bench calls --rate 1000       how fast is this machine?\n  paravox explain PVX-1201              what an error code means, and what to do"
)]
pub struct Cli {
    /// Print JSON for machines: one document, or one object per line for streams.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole story on an embedded server: two phones, a call, a session, messages, a lost connection.
    Demo(DemoArgs),
    /// Run a server. Without configuration: embedded, data in ./paravox-data, HTTP on a loopback port.
    Serve(ServeArgs),
    /// Measure this machine.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// What an error code means, and what to do.
    Explain {
        /// The code, such as PVX-1201; without one, all codes are listed.
        code: Option<String>,
    },
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the temporary folder with the data.
    #[arg(long)]
    pub keep: bool,
    /// The address to listen on; a free loopback port by default.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
}

/// Flags of commands that read the configuration.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The configuration file.
    #[arg(long, short, env = "PARAVOX_CONFIG")]
    pub config: Option<PathBuf>,
    /// Set a key: `--set calls.window_s=45`. May be given more than once, and wins over file and variables.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .ok_or_else(|| "write key=value, such as calls.window_s=45".to_owned())
}

/// Flags of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The address to listen on (`http.listen`).
    #[arg(long)]
    pub listen: Option<std::net::SocketAddr>,
    /// The data folder of the embedded mode (`data.directory`).
    #[arg(long)]
    pub data: Option<PathBuf>,
}

/// What to look at in the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration, and say what is wrong.
    Check(ConfigArgs),
    /// Print the configuration.
    Print {
        /// Where it comes from.
        #[command(flatten)]
        config: ConfigArgs,
        /// With all defaults filled in, as the server would use it.
        #[arg(long)]
        effective: bool,
    },
    /// Print the JSON Schema; with --table, every key with its variable, default and meaning.
    Schema {
        /// A table in Markdown.
        #[arg(long)]
        table: bool,
    },
}

/// What keys to make.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a service key: prints the key for the automated system, and its digest for the configuration.
    Create,
    /// Make a realm's secret keys in a folder, to be copied to every node.
    Init {
        /// The folder.
        directory: PathBuf,
    },
    /// Add a signing key to a folder: new tokens are signed with it, older ones stay good until they end.
    Rotate {
        /// The folder.
        directory: PathBuf,
    },
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Notifications through admit, decide and group commit, beside one publish per event without any logic.
    Journal(BenchJournalArgs),
    /// Calls reported by both sides over HTTP, until both devices are told.
    Calls(BenchCallsArgs),
    /// Memory of open sessions.
    Memory {
        /// How many.
        #[arg(long, default_value_t = 100_000)]
        sessions: usize,
    },
}

/// A journal to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JournalKind {
    /// NATS `JetStream`, on a server that the benchmark starts.
    Jetstream,
    /// `SQLite`, in a temporary folder.
    Sqlite,
    /// `PostgreSQL`, on a server that the benchmark starts.
    Postgres,
}

/// Flags of `bench journal`.
#[derive(Debug, Args)]
pub struct BenchJournalArgs {
    /// Which journals; all by default.
    #[arg(long, value_enum)]
    pub journal: Vec<JournalKind>,
    /// Concurrent callers.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 512])]
    pub callers: Vec<usize>,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 4)]
    pub seconds: u64,
    /// Appends in flight at a time.
    #[arg(long, default_value_t = 1)]
    pub in_flight: usize,
}

/// How many calls a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// As many as it goes.
    Max,
    /// So many.
    PerSecond(f64),
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Rate::PerSecond(rate)),
        _ => Err("write a number of calls per second, or max".to_owned()),
    }
}

/// Flags of `bench calls`.
#[derive(Debug, Args)]
pub struct BenchCallsArgs {
    /// Calls per second, or `max` for a closed loop.
    #[arg(long, value_parser = rate, default_value = "1000")]
    pub rate: Rate,
    /// Seconds.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Concurrent callers with `--rate max`; pairs of people otherwise.
    #[arg(long, default_value_t = 256)]
    pub callers: usize,
    /// Measure on NATS and PostgreSQL, on servers that the benchmark starts, and not embedded.
    #[arg(long)]
    pub cluster: bool,
}
