//! Idempotency: which command ids were settled, and with what answer (invariant 5).
//!
//! Three layers: the recent window in memory has the answers; behind it the archive has them all; in front of the archive
//! a filter tells an id that was never settled without asking.
//!
//! Owns: the first two in memory, and when the archive must be asked.
//! Does not own: commands that are under way (`leader`).
//! Invariants: an id is forgotten by the window only after the archive has confirmed it; the filter never denies an id
//! that was settled within the time for which ids are remembered.

mod filter;
mod hasher;
mod window;

use std::sync::{Arc, OnceLock};

use paravox_domain::answer::Answer;
use paravox_domain::commit::Position;
use paravox_domain::id::CommandId;
use paravox_domain::time::Instant;

use self::filter::Filter;
pub(crate) use self::filter::Generation;
pub(crate) use self::hasher::IdHashes;
use self::window::Window;
use crate::config::WriterConfig;

/// What a settled command was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) fingerprint: u64,
    pub(crate) answer: Answer,
    pub(crate) position: Position,
}

/// What is known of a command id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Recall {
    /// It was settled so.
    Settled(Remembered),
    /// It was never settled.
    New,
    /// It may have been: the archive knows.
    AskArchive,
}

/// Ids that were settled before the first commit that was followed, to be filled in the background.
pub(crate) type Past = Arc<OnceLock<Generation>>;

/// What is remembered of settled commands.
#[derive(Debug)]
pub(crate) struct Memory {
    window: Window,
    filter: Filter,
    /// `None` where the journal was followed from its start, or the past is past.
    past: Option<(Past, Instant)>,
    unconfirmed_ids_max: usize,
}

impl Memory {
    /// An empty memory for a journal that is followed from its start.
    pub(crate) fn new(config: &WriterConfig) -> Self {
        Self {
            window: Window::new(config.window_ids_max),
            filter: Filter::new(config.filter_bytes, config.remembered_for),
            past: None,
            unconfirmed_ids_max: config.unconfirmed_ids_max,
        }
    }

    /// Adds a past that somebody else fills. It matters until ids of `now` would be forgotten.
    pub(crate) fn set_past(&mut self, past: Past, now: Instant) {
        let until = now + self.filter.remembered_for();
        self.past = Some((past, until));
    }

    /// Notes that a command was settled at an instant.
    pub(crate) fn settled(
        &mut self,
        id: CommandId,
        remembered: Remembered,
        at: Instant,
        confirmed: Position,
    ) {
        self.filter.insert(id, at);
        self.window.remember(id, remembered, confirmed);
        if self.past.as_ref().is_some_and(|(_, until)| at > *until) {
            self.past = None;
        }
    }

    /// What is known of an id.
    pub(crate) fn recall(&self, id: CommandId) -> Recall {
        if let Some(remembered) = self.window.get(id) {
            return Recall::Settled(remembered.clone());
        }
        let in_past = match &self.past {
            None => false,
            Some((past, _)) => past.get().is_none_or(|generation| generation.contains(id)),
        };
        if in_past || self.filter.contains(id) { Recall::AskArchive } else { Recall::New }
    }

    /// Whether the archive is so far behind that no further command can be remembered.
    pub(crate) fn is_full(&self) -> bool {
        self.window.len() >= self.unconfirmed_ids_max
    }
}

#[cfg(test)]
mod tests {
    use paravox_domain::id::Id;

    use super::*;

    fn remembered(position: u64) -> Remembered {
        Remembered { fingerprint: 7, answer: Answer::Done, position: Position(position) }
    }

    fn config() -> WriterConfig {
        WriterConfig { window_ids_max: 2, filter_bytes: 1 << 16, ..WriterConfig::default() }
    }

    #[test]
    fn i5_an_id_that_left_the_window_is_asked_of_the_archive() {
        let mut memory = Memory::new(&config());
        for n in 1..=3 {
            memory.settled(CommandId::from_bits(n), remembered(n as u64), Instant(1), Position(10));
        }
        assert_eq!(memory.recall(CommandId::from_bits(1)), Recall::AskArchive);
        assert_eq!(memory.recall(CommandId::from_bits(3)), Recall::Settled(remembered(3)));
        assert_eq!(memory.recall(CommandId::from_bits(4)), Recall::New);
    }

    #[test]
    fn i5_while_the_past_is_unknown_every_id_is_asked_of_the_archive() {
        let mut memory = Memory::new(&config());
        let past = Past::default();
        memory.set_past(past.clone(), Instant(0));
        assert_eq!(memory.recall(CommandId::from_bits(1)), Recall::AskArchive);
        let mut generation = Generation::new(1 << 12);
        generation.insert(CommandId::from_bits(1));
        past.set(generation).expect("it was empty");
        assert_eq!(memory.recall(CommandId::from_bits(1)), Recall::AskArchive);
        assert_eq!(memory.recall(CommandId::from_bits(2)), Recall::New);
    }
}
