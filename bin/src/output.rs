//! How commands speak: data on stdout, messages on stderr; JSON for machines, tables for people.
//!
//! Owns: colour (off when not on a terminal, or with `NO_COLOR`), tables, JSON lines.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Whether machines read it.
    pub json: bool,
    colour: bool,
}

impl Output {
    /// Output as asked for, with colour where a person would see it.
    pub fn new(json: bool) -> Self {
        let colour = !json && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour }
    }

    /// One JSON document, on a line of its own.
    pub fn json_line(&self, value: &serde_json::Value) {
        print_line(&value.to_string());
    }

    /// Text.
    pub fn text(&self, text: &str) {
        print_line(text);
    }

    /// A table.
    pub fn table(&self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(header.iter().copied());
        for row in rows {
            table.add_row(row);
        }
        print_line(&table.to_string());
    }

    /// A bar that shows how far a long command has come: on stderr, for people at a terminal only.
    pub fn progress(&self, steps: u64) -> ProgressBar {
        if !self.colour {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Text in a colour (an SGR code: 32 green, 33 yellow, 36 cyan, 1 bold), where colour is on.
    pub fn paint(&self, code: u8, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Whether a person watches.
    pub const fn is_colourful(&self) -> bool {
        self.colour
    }
}

#[expect(clippy::disallowed_methods, reason = "a closed pipe ends a command at once, without a word")]
/// Prints a line. A reader that has gone away (a closed pipe) ends the program in silence, as is the custom.
fn print_line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if writeln!(stdout, "{text}").and_then(|()| stdout.flush()).is_err() {
        std::process::exit(0);
    }
}
