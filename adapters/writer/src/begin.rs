//! Where in the journal a writer begins: at the start, or at the last commit before anything that can still be going on.
//!
//! Calls and sessions end within a time that the settings bound. Whatever is going on has therefore all of its events in
//! the part of the journal that is younger than that time; everything else is loaded from the archive when it is needed.
//!
//! Owns: the search for that commit, and the refusal of a journal that holds too little.
//! Does not own: the replica, nor the filling of the filter in the background (`archive`).
//! Invariant: everything that can be going on began in the part that is followed.
//! Time: the clock port, against the stamps of the commits.

use std::sync::Arc;

use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, ReadError};
use paravox_domain::settings::Settings;
use paravox_domain::time::{Instant, Span};

use crate::archive;
use crate::replica::Replica;
use crate::rest::Rest;
use crate::writer::Context;

/// The replica with which to begin to follow, or why that cannot be.
pub(crate) async fn at_need(context: &mut Context, settings: &Arc<Settings>) -> Result<Replica, String> {
    let now = context.clock.now();
    // Twice, for calls and sessions that were opened under more generous settings.
    let going_on_since = now - longest_going_on(settings) - longest_going_on(settings);
    let most = context.config.replay_all_commits_max;
    match last_before(&context.journal, going_on_since, most).await? {
        Position::START => Ok(Replica::at_start(context.journal.realm(), settings.clone(), &context.config)),
        after => {
            tracing::info!(%after, "following the journal from what can still be going on");
            Ok(after_position(context, after, Some(going_on_since), settings))
        }
    }
}

/// The replica for a journal whose beginning was trimmed. What can still be going on must have begun in what is left.
pub(crate) async fn after_trimmed(
    context: &mut Context,
    first: Position,
    settings: &Arc<Settings>,
) -> Result<Replica, String> {
    let after = Position(first.0.saturating_sub(1));
    let Standing::At(first) = commit_after(&context.journal, after).await? else {
        return Err(format!("the journal holds no commit after {after}: let it keep at least the last one"));
    };
    let needed = longest_going_on(settings);
    if context.clock.now().since(first.header().at) < needed {
        return Err(format!(
            "the journal begins at commit {}, and holds less than the {needed} that calls and sessions may go on: \
             let it keep more",
            first.position()
        ));
    }
    Ok(after_position(context, after, None, settings))
}

/// A replica that begins after a position, and knows everything that was settled from `since` on.
fn after_position(
    context: &mut Context,
    after: Position,
    since: Option<Instant>,
    settings: &Arc<Settings>,
) -> Replica {
    let Context { journal, archive, confirmed, config, clock, .. } = context;
    let mut replica = Replica::after_position(journal.realm(), after, settings.clone(), config);
    let now = clock.now();
    let remembered_since = now - config.remembered_for;
    if since.is_none_or(|since| since > remembered_since) {
        let asked = (remembered_since, after);
        let past = archive::fill(archive.clone(), confirmed.receiver(), asked, config.filter_bytes);
        replica.memory.set_past(past, now);
    }
    replica
}

/// The longest time that a call, or a session beside it, can go on.
fn longest_going_on(settings: &Settings) -> Span {
    let Settings { call, session, .. } = settings;
    let spans = [call.longest, call.closing, call.window, session.outlives_longest, session.resume_grace];
    Span(spans.iter().fold(0, |sum, span| i64::saturating_add(sum, span.micros())))
}

/// The last commit that is older than an instant, by halving, but never the very last one: its digest must be known, and
/// is read with what follows. The start, if the journal is short enough to be followed whole.
async fn last_before(journal: &AnyJournal, instant: Instant, commits_max: u64) -> Result<Position, String> {
    let mut rest = Rest::short();
    let end = loop {
        match journal.end().await {
            Ok(end) => break end,
            Err(error) if error.is_damage() => return Err(error.to_string()),
            Err(error) => {
                tracing::warn!(%error, "the end of the journal is not known; asking again");
                rest.take().await;
            }
        }
    };
    if end.0 <= commits_max {
        return Ok(Position::START);
    }
    // Everything up to `older` is older; everything from `younger` on is not.
    let (mut older, mut younger) = (0, end.0);
    while younger - older > 1 {
        let middle = older + (younger - older) / 2;
        match commit_after(journal, Position(middle - 1)).await? {
            Standing::At(commit) if commit.header().at < instant => older = middle,
            // What was trimmed is older still; following from there will say whether too much was.
            Standing::Trimmed => older = middle,
            Standing::At(_) | Standing::Nothing => younger = middle,
        }
    }
    match commit_after(journal, Position(older.saturating_sub(1))).await? {
        Standing::At(_) => Ok(Position(older)),
        Standing::Trimmed | Standing::Nothing => Ok(Position::START),
    }
}

/// What stands behind a position.
enum Standing {
    At(EncodedCommit),
    Trimmed,
    Nothing,
}

async fn commit_after(journal: &AnyJournal, after: Position) -> Result<Standing, String> {
    let mut rest = Rest::short();
    loop {
        match journal.read(after, 1).await {
            Ok(commits) => return Ok(commits.into_iter().next().map_or(Standing::Nothing, Standing::At)),
            Err(ReadError::Trimmed { .. }) => return Ok(Standing::Trimmed),
            Err(error) if error.is_damage() => return Err(error.to_string()),
            Err(error) => {
                tracing::warn!(%error, "the journal cannot be read; trying again");
                rest.take().await;
            }
        }
    }
}
