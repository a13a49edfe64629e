//! Plays random worlds to the matcher and prints, for each kind, how many calls were joined right and wrong.
//!
//! `cargo run --release -p paravox-domain --example worlds -- [worlds of each kind] [first seed]`
//! `cargo run --release -p paravox-domain --example worlds -- show <kind> <seed>` shows one world, report by report.

#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "an example talks to its user")]

#[path = "../tests/it/worlds/mod.rs"]
mod worlds;

use paravox_domain::stored::type_name;
use worlds::{Kind, Tally, run, watch};

const KINDS: [Kind; 5] = [Kind::Timed, Kind::Named, Kind::Bare, Kind::Crowded, Kind::Liars];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize| words.get(n).and_then(|word| word.parse::<u64>().ok());
    if let Some(kind) = words.get(1).filter(|_| words[0] == "show") {
        let kind = KINDS.into_iter().find(|known| format!("{known:?}") == *kind);
        show(kind.unwrap_or(Kind::Timed), number(2).unwrap_or(0));
    } else {
        tally(number(0).unwrap_or(1_000), number(1).unwrap_or(0));
    }
}

fn tally(count: u64, first: u64) {
    let mut all = Tally::default();
    for kind in KINDS {
        let mut tally = Tally::default();
        for seed in first..first + count {
            let one = run(seed, kind);
            if one.joined_wrong > 0 {
                println!(
                    "  {kind:?} {seed}: {} wrong, {} with a session",
                    one.joined_wrong, one.sessions_wrong
                );
            }
            tally += one;
        }
        print(&format!("{kind:?}"), &tally);
        all += tally;
    }
    print("all", &all);
}

fn print(name: &str, tally: &Tally) {
    println!(
        "{name}: {} worlds, {} calls, {} reports; joined {}, wrong {} ({} with a session); right {} of {}: {:.5}",
        tally.worlds,
        tally.calls,
        tally.reports,
        tally.joined,
        tally.joined_wrong,
        tally.sessions_wrong,
        tally.joined_right,
        tally.joinable,
        tally.right()
    );
}

fn show(kind: Kind, seed: u64) {
    let mut beginning = None;
    let tally = watch(seed, kind, &mut |arrival, at, events| {
        let begun = *beginning.get_or_insert(at);
        let seconds = |at: paravox_domain::time::Instant| at.since(begun).micros() as f64 / 1e6;
        match arrival {
            Some(arrival) => {
                let report = &arrival.report;
                println!(
                    "{:8.2} (sent {:8.2}) call {:?} {} {:?} {:?} {:?}",
                    seconds(at),
                    seconds(arrival.sent),
                    arrival.call,
                    report.on_behalf_of,
                    report.role,
                    report.stage,
                    arrival.device
                );
            }
            None => println!("{:8.2} time", seconds(at)),
        }
        for recorded in events {
            let detail = match &recorded.event {
                paravox_domain::event::Event::Call(paravox_domain::call::Event::Waits {
                    waiting, ..
                }) => {
                    format!("{waiting:?}")
                }
                _ => String::new(),
            };
            println!("             {} {} {detail}", recorded.entity, type_name(&recorded.event));
        }
    });
    print("this world", &tally);
}
