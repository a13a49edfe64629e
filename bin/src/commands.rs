//! What each command does, in a few lines each.

use clap::CommandFactory as _;

use crate::cli::{BenchCommand, Cli, Command, ConfigArgs, ConfigCommand, KeyCommand, ServeArgs};
use crate::config::{self, Config};
use crate::exit::Failure;
use crate::output::Output;
use crate::{bench, demo, explain, keys, node, telemetry};

/// Runs a command.
pub fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    match cli.command {
        Command::Demo(args) => in_runtime(demo::run(args, *output)),
        Command::Serve(args) => serve(args, *output),
        Command::Bench(BenchCommand::Journal(args)) => in_runtime(bench::journal::run(args, *output)),
        Command::Bench(BenchCommand::Calls(args)) => in_runtime(bench::calls::run(args, *output)),
        Command::Bench(BenchCommand::Memory { sessions }) => bench::memory::run(sessions, output),
        Command::Explain { code } => explain::run(code.as_deref(), output),
        Command::Config(command) => config_command(command, *output),
        Command::Key(command) => key_command(command, *output),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "paravox", &mut std::io::stdout());
            Ok(())
        }
    }
}

fn in_runtime<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?.block_on(work)
}

/// Loads the configuration as the flags say.
fn configuration(args: &ConfigArgs, more: Vec<(String, String)>) -> Result<Config, Failure> {
    let overrides: Vec<_> = args.set.iter().cloned().chain(more).collect();
    config::load(args.config.as_deref(), std::env::vars(), &overrides)
        .map_err(|error| Failure::Configuration(error.to_string()))
}

fn serve(args: ServeArgs, output: Output) -> Result<(), Failure> {
    let mut more = Vec::new();
    if let Some(listen) = args.listen {
        more.push(("http.listen".to_owned(), listen.to_string()));
    }
    if let Some(data) = args.data {
        more.push(("data.directory".to_owned(), format!("{:?}", data.display().to_string())));
    }
    let config = configuration(&args.config, more)?;
    telemetry::start(&config.log).map_err(Failure::failed)?;
    in_runtime(node::serve(config, output))
}

fn config_command(command: ConfigCommand, output: Output) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check(args) => {
            let config = configuration(&args, Vec::new())?;
            let mode = if config.is_cluster() { "a node of a cluster" } else { "embedded" };
            if output.json {
                output.json_line(&serde_json::json!({ "config": "ok", "realm": config.realm, "mode": mode }));
            } else {
                output.text(&format!("The configuration is right: realm {}, {mode}.", config.realm));
            }
        }
        ConfigCommand::Print { config, effective } => {
            let config = configuration(&config, Vec::new())?;
            if output.json {
                output.json_line(&serde_json::to_value(&config).map_err(Failure::failed)?);
            } else if effective {
                output.text(toml::to_string(&config).map_err(Failure::failed)?.trim_end());
            } else {
                output.text(config_differences(&config)?.trim_end());
            }
        }
        ConfigCommand::Schema { table: true } => {
            output.text("| key | variable | default | meaning |\n| --- | --- | --- | --- |");
            for key in config::keys() {
                let default =
                    if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
                output
                    .text(&format!("| `{}` | `{}` | {default} | {} |", key.name, key.variable, key.meaning));
            }
        }
        ConfigCommand::Schema { table: false } => {
            output.text(
                &serde_json::to_string_pretty(&schemars::schema_for!(Config)).map_err(Failure::failed)?,
            );
        }
    }
    Ok(())
}

/// What a configuration says beyond the defaults, as TOML.
fn config_differences(config: &Config) -> Result<String, Failure> {
    fn differences(table: &toml::Table, defaults: &toml::Table) -> toml::Table {
        let mut left = toml::Table::new();
        for (key, value) in table {
            match (value, defaults.get(key)) {
                (toml::Value::Table(inner), Some(toml::Value::Table(default))) => {
                    let inner = differences(inner, default);
                    if !inner.is_empty() {
                        left.insert(key.clone(), toml::Value::Table(inner));
                    }
                }
                (value, Some(default)) if value == default => {}
                (value, _) => {
                    left.insert(key.clone(), value.clone());
                }
            }
        }
        left
    }
    let of = |config: &Config| toml::Table::try_from(config).map_err(Failure::failed);
    toml::to_string(&differences(&of(config)?, &of(&Config::default())?)).map_err(Failure::failed)
}

fn key_command(command: KeyCommand, output: Output) -> Result<(), Failure> {
    match command {
        KeyCommand::Create => {
            let (key, digest) = keys::service_key();
            if output.json {
                output.json_line(&serde_json::json!({ "key": key, "digest": digest }));
            } else {
                output.text(&format!(
                    "key     {key}\ndigest  {digest}\n\nGive the key to the automated system, and put the digest into `services.key_digests`."
                ));
            }
            Ok(())
        }
        KeyCommand::Init { directory } => {
            keys::init(&directory)?;
            eprintln!(
                "The realm's keys are in {}. Copy them to every node; guard them as you would a password.",
                directory.display()
            );
            Ok(())
        }
        KeyCommand::Rotate { directory } => {
            let kid = keys::rotate(&directory)?;
            eprintln!("New tokens will be signed with key {kid} after the next start of each node.");
            Ok(())
        }
    }
}
