//! The table of keys: name, variable, default, meaning, read off the configuration's own schema.

use std::sync::OnceLock;

use serde_json::Value;

use super::Config;

/// A key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Key {
    /// Its name with its section: `calls.window_s`.
    pub name: String,
    /// The variable that sets it: `PARAVOX_CALLS__WINDOW_S`.
    pub variable: String,
    /// Its default, as TOML; empty if there is none.
    pub default: String,
    /// What it means, with its unit.
    pub meaning: String,
}

/// Every key, in the order of the configuration.
pub fn keys() -> &'static [Key] {
    static KEYS: OnceLock<Vec<Key>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let schema = schemars::schema_for!(Config).to_value();
        let defaults = serde_json::to_value(Config::default()).unwrap_or(Value::Null);
        let mut keys = Vec::new();
        collect("", &schema, &schema, &defaults, &mut keys);
        keys
    })
}

fn collect(prefix: &str, schema: &Value, root: &Value, defaults: &Value, keys: &mut Vec<Key>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (field, described) in properties {
        let name = if prefix.is_empty() { field.clone() } else { format!("{prefix}.{field}") };
        let target = referred(described, root);
        let default = &defaults[field];
        if target.get("properties").is_some() {
            collect(&name, target, root, default, keys);
            continue;
        }
        let meaning = described
            .get("description")
            .or_else(|| target.get("description"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .replace('\n', " ");
        let variable = format!("PARAVOX_{}", name.to_uppercase().replace('.', "__"));
        let default = match default {
            Value::Null => String::new(),
            value => value.to_string(),
        };
        keys.push(Key { name, variable, default, meaning });
    }
}

/// Follows a reference to a definition.
fn referred<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let reference = schema
        .get("$ref")
        .or_else(|| schema.get("allOf").and_then(|all| all.get(0)).and_then(|first| first.get("$ref")))
        .and_then(Value::as_str);
    reference.and_then(|path| root.pointer(path.trim_start_matches('#'))).unwrap_or(schema)
}
