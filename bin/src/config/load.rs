//! Where configuration comes from: a file, then variables, then flags. The later one wins.
//!
//! Owns: the order, the variables' names (`PARAVOX_<SECTION>__<KEY>`), the checks of values that a type cannot make, and
//! errors that name the key and what would be right.

use std::path::{Path, PathBuf};

use super::{Config, SmsKind, keys};

/// Variables of this program that are no keys of the configuration: used by its tests and tools.
const OTHER_VARIABLES: [&str; 6] = [
    "PARAVOX_CONFIG",
    "PARAVOX_NATS_SERVER",
    "PARAVOX_TEST_POSTGRES",
    "PARAVOX_TEST_LONG",
    "PARAVOX_LOG",
    "PARAVOX_URL",
];

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A key does not exist.
    #[error("there is no key `{key}`{}", did_you_mean(.nearest.as_ref()))]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// The nearest key that exists.
        nearest: Option<String>,
    },
    /// A value has the wrong form.
    #[error("{0}")]
    Form(String),
    /// A value is out of its bounds.
    #[error("`{key}` is {found}; it must be {right}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        found: String,
        /// What would be right.
        right: &'static str,
    },
}

fn did_you_mean(nearest: Option<&String>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// Loads the configuration: defaults, then the file if one is named, then the environment, then `overrides`
/// (`key`, `value` as TOML) from flags.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    overrides: &[(String, String)],
) -> Result<Config, ConfigError> {
    let mut table = toml::Table::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
        table = text.parse().map_err(|error| ConfigError::Form(format!("{}: {error}", path.display())))?;
    }
    check_known(&table)?;
    let mut builder = config::Config::builder()
        .add_source(config::File::from_str(&table.to_string(), config::FileFormat::Toml));
    for (variable, value) in environment.filter(|(variable, _)| variable.starts_with("PARAVOX_")) {
        if OTHER_VARIABLES.contains(&variable.as_str()) {
            continue;
        }
        let key = variable["PARAVOX_".len()..].to_lowercase().replace("__", ".");
        builder = set(builder, &key, &value)?;
    }
    for (key, value) in overrides {
        builder = set(builder, key, value)?;
    }
    let form = |error: config::ConfigError| ConfigError::Form(error.to_string());
    let config: Config = builder.build().map_err(form)?.try_deserialize().map_err(form)?;
    check(&config)?;
    Ok(config)
}

type Builder = config::ConfigBuilder<config::builder::DefaultState>;

/// Sets a key from text: as TOML if it is, as a string otherwise.
fn set(builder: Builder, key: &str, value: &str) -> Result<Builder, ConfigError> {
    if !keys().iter().any(|known| known.name == key) {
        return Err(unknown(key));
    }
    let parsed = format!("value = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .filter(|value| !matches!(value, toml::Value::Datetime(_) | toml::Value::Table(_)))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let value: config::Value =
        parsed.try_into().map_err(|error: toml::de::Error| ConfigError::Form(format!("`{key}`: {error}")))?;
    builder.set_override(key, value).map_err(|error| ConfigError::Form(format!("`{key}`: {error}")))
}

fn check_known(table: &toml::Table) -> Result<(), ConfigError> {
    fn walk(prefix: &str, table: &toml::Table) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let section = format!("{key}.");
            match value {
                toml::Value::Table(inner) if keys().iter().any(|known| known.name.starts_with(&section)) => {
                    walk(&key, inner)?;
                }
                _ if keys().iter().any(|known| known.name == key) => {}
                _ => return Err(unknown(&key)),
            }
        }
        Ok(())
    }
    walk("", table)
}

fn unknown(key: &str) -> ConfigError {
    let nearest = keys()
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&known.name, key), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 8)
        .map(|(_, known)| known.name.clone());
    ConfigError::UnknownKey { key: key.to_owned(), nearest }
}

/// The checks that types cannot make.
fn check(config: &Config) -> Result<(), ConfigError> {
    let word = |text: &str| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let wrong = |key, found: String, right| Err(ConfigError::Value { key, found, right });
    if !word(&config.realm) {
        return wrong("realm", format!("`{}`", config.realm), "1 to 32 of a-z, 0-9 and hyphen");
    }
    if !matches!(config.nats.replicas, None | Some(1 | 3)) {
        return wrong("nats.replicas", format!("{:?}", config.nats.replicas), "1 or 3");
    }
    if config.retention.commands_h < 24 {
        return wrong("retention.commands_h", config.retention.commands_h.to_string(), "24 or more");
    }
    if config.writer.appends_in_flight_max == 0 || config.writer.queue_max == 0 {
        return wrong("writer.appends_in_flight_max, writer.queue_max", "0".to_owned(), "1 or more");
    }
    if config.writer.lease_s == 0 {
        return wrong("writer.lease_s", "0".to_owned(), "1 or more");
    }
    if config.calls.window_s == 0 {
        return wrong("calls.window_s", "0".to_owned(), "1 or more");
    }
    if config.sms.kind == SmsKind::Webhook && config.sms.url.is_none() {
        return wrong(
            "sms.url",
            "missing".to_owned(),
            "the URL of the web service, because sms.kind is webhook",
        );
    }
    if let Some(service) = config.services.iter().find(|service| !word(&service.name)) {
        return wrong("services.name", format!("`{}`", service.name), "1 to 32 of a-z, 0-9 and hyphen");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>()
        };
        load(Some(file.path()), owned(variables).into_iter(), &owned(flags))
    }

    #[test]
    fn c1_flags_win_over_variables_and_variables_over_the_file() {
        let text = "realm = \"file\"\n[calls]\nwindow_s = 1\nclosing_s = 2\n";
        let config = from(text, &[("PARAVOX_CALLS__WINDOW_S", "7")], &[("realm", "flag")]).unwrap();
        assert_eq!((config.realm.as_str(), config.calls.window_s, config.calls.closing_s), ("flag", 7, 2));
    }

    #[test]
    fn c1_four_lines_make_a_node_of_a_cluster() {
        let text = "realm = \"uk\"\nnats.url = \"nats://127.0.0.1:4222\"\npostgres.url = \"postgres://127.0.0.1/uk\"\ndata.keys = \"/etc/paravox/keys\"\n";
        assert!(from(text, &[], &[]).unwrap().is_cluster());
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_nearest_one() {
        let message = from("[calls]\nwindwo_s = 3\n", &[], &[]).unwrap_err().to_string();
        assert_eq!(message, "there is no key `calls.windwo_s`; did you mean `calls.window_s`?");
        let message = from("", &[("PARAVOX_HTTP__LISTN", "x")], &[]).unwrap_err().to_string();
        assert!(message.contains("http.listen"), "{message}");
    }

    #[test]
    fn a_value_out_of_bounds_says_what_would_be_right() {
        let message = from("[retention]\ncommands_h = 3\n", &[], &[]).unwrap_err().to_string();
        assert_eq!(message, "`retention.commands_h` is 3; it must be 24 or more");
        assert!(from("realm = \"UPPER case\"\n", &[], &[]).is_err());
    }

    #[test]
    fn every_key_has_a_meaning() {
        for key in keys() {
            assert!(!key.meaning.is_empty(), "{} has no doc comment", key.name);
        }
    }
}
