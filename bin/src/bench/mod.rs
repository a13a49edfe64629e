//! Benchmarks for operators who size a machine: each prints one JSON object per measurement with `--json`, a table else.
//!
//! Owns: what is measured and how. Each figure is measured in this run, on servers that the benchmark starts itself.
//! Does not own: what is measured.

pub mod baseline;
pub mod calls;
pub mod journal;
pub mod memory;
pub mod people;
pub mod timing;
pub mod venue;
pub mod wire;

use std::fmt::Write as _;

use serde_json::Value;

use crate::output::Output;

/// Prints a measurement: a line of JSON, or `key value` pairs for people.
pub fn print(output: &Output, line: &Value) {
    if output.json {
        output.json_line(line);
        return;
    }
    let mut text = String::new();
    for (key, value) in line.as_object().into_iter().flatten() {
        let shown = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // Writing into a string cannot fail.
        let _ = if text.is_empty() {
            write!(text, "{}", output.paint(1, &shown))
        } else {
            write!(text, "  {key} {}", output.paint(36, &shown))
        };
    }
    output.text(&text);
}

/// A figure with three digits that matter.
pub fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let digits = 10_f64.powf(2.0 - value.abs().log10().floor());
    (value * digits).round() / digits
}
