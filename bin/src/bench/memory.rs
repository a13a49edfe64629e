//! `paravox bench memory`: how much memory an open session takes in the writer's state.
//!
//! Counts everything that an open session needs: its call, both sides, the index, deadlines. The parties and devices are
//! registered before the first reading.

use std::sync::Arc;

use paravox_domain::answer::Answer;
use paravox_domain::call::{Attempt, Role, Stage};
use paravox_domain::command::Command;
use paravox_domain::commit::Position;
use paravox_domain::digest::SecretKey;
use paravox_domain::settings::Settings;
use paravox_domain::state::State;
use paravox_domain::time::Instant;
use serde_json::json;

use super::people::{self, Person};
use crate::exit::Failure;
use crate::output::Output;

/// Opens so many sessions, and prints the memory that each took.
pub fn run(sessions: usize, output: &Output) -> Result<(), Failure> {
    let secret = SecretKey([1; 32]);
    let mut state = State::new(Arc::new(Settings::with_key(secret.clone())));
    let mut clock = 1_700_000_000_000_000;
    let mut transact = |state: &mut State, mut command: Command| -> Result<Answer, Failure> {
        clock += 10;
        command.at = Instant(clock);
        state.transact(&command, Position(1), 0).map(|done| done.answer).map_err(Failure::failed)
    };

    let mut people: Vec<Person> = Vec::with_capacity(2 * sessions);
    for n in 0..2 * sessions {
        let (start, prove) = people::registration(n).map_err(Failure::failed)?;
        transact(&mut state, start)?;
        let Answer::Proven { party, device: Some(device) } = transact(&mut state, prove)? else {
            return Err(Failure::failed("a registration was not proven"));
        };
        people.push(people::person(n, &secret, party, device).map_err(Failure::failed)?);
    }
    // Finished registrations leave, as they do once the archive has them.
    state.evict(Position(u64::MAX), Instant::MAX, usize::MAX, 20 * sessions);

    let before = resident_bytes()?;
    for pair in people.chunks_exact(2) {
        let attempt = Attempt::parse("1").map_err(Failure::failed)?;
        transact(&mut state, pair[0].reports(&pair[1], Role::Calling, Stage::Attempt, &attempt))?;
        transact(&mut state, pair[1].reports(&pair[0], Role::Called, Stage::Alerting, &attempt))?;
    }
    let after = resident_bytes()?;
    let open = state.residents().sessions;
    if open != sessions {
        return Err(Failure::CheckFailed(format!("{open} sessions are open, and not {sessions}")));
    }
    let each = after.saturating_sub(before) / sessions.max(1) as u64;
    super::print(output, &json!({ "bench": "memory", "sessions": sessions, "bytes_per_open_session": each }));
    Ok(())
}

/// The memory of this process, in bytes.
fn resident_bytes() -> Result<u64, Failure> {
    const PAGE_BYTES: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").map_err(Failure::failed)?;
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.map(|pages| pages * PAGE_BYTES).ok_or_else(|| Failure::failed("/proc/self/statm has another form"))
}
