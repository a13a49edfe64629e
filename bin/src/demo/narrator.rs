//! Tells the demo: lines for people, objects for machines.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::output::Output;

/// Tells what happens.
#[derive(Debug)]
pub(super) struct Narrator {
    output: Output,
}

impl Narrator {
    /// A narrator with this voice.
    pub(super) const fn new(output: Output) -> Self {
        Self { output }
    }

    /// Where everything is.
    pub(super) fn begin(&self, url: &str, folder: &Path) {
        if self.output.json {
            self.output.json_line(&json!({ "demo": "begins", "url": url }));
            return;
        }
        self.output.table(
            &["what", "where"],
            [
                vec!["API".to_owned(), format!("{url}/v1")],
                vec!["API description".to_owned(), format!("{url}/v1/openapi.json")],
                vec!["health, metrics".to_owned(), format!("{url}/readyz, {url}/metrics")],
                vec!["data".to_owned(), folder.display().to_string()],
            ],
        );
        let text = "A demo on this machine only: loopback, data in a temporary folder. Not for production.";
        let line = "─".repeat(text.chars().count() + 2);
        self.output.text(&self.output.paint(33, &format!("┌{line}┐\n│ {text} │\n└{line}┘")));
    }

    /// A part of the story.
    pub(super) fn part(&self, title: &str) {
        if !self.output.json {
            self.output.text(&format!("\n{}", self.output.paint(1, title)));
        }
    }

    /// Something happened, and took so long.
    pub(super) fn step(&self, what: &str, took: Option<Duration>, facts: &Value) {
        if self.output.json {
            let mut line = json!({ "step": what });
            if let Some(took) = took {
                line["took_ms"] = json!(millis(took));
            }
            if let (Some(line), Some(facts)) = (line.as_object_mut(), facts.as_object()) {
                line.extend(facts.clone());
            }
            self.output.json_line(&line);
            return;
        }
        let took = took.map(|took| format!("  {}", self.output.paint(36, &format!("{} ms", millis(took)))));
        self.output.text(&format!("  {} {what}{}", self.output.paint(32, "✔"), took.unwrap_or_default()));
    }

    /// It went as told.
    pub(super) fn passed(&self, rows: &[&str], kept: Option<&Path>) {
        let kept = kept.map(|path| path.display().to_string());
        if self.output.json {
            self.output.json_line(&json!({ "demo": "passed", "rows": rows, "kept": kept }));
            return;
        }
        let text = format!("\nThe demo passed: rows {}.", rows.join(", "));
        self.output.text(&self.output.paint(32, &text));
        match kept {
            Some(path) => self.output.text(&format!(
                "Its data are in {path}; look around: paravox serve --set realm=demo --data {path}"
            )),
            None => self
                .output
                .text("Try next: paravox serve    (an embedded server of your own, data in ./paravox-data)"),
        }
    }

    /// It did not.
    pub(super) fn failed(&self, error: &str) {
        if self.output.json {
            self.output.json_line(&json!({ "demo": "failed", "error": error }));
        }
    }
}

/// Milliseconds with two decimals.
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 100_000.0).round() / 100.0
}
