//! The recent window: the last settled commands with their answers.
//!
//! Invariant: what the archive has not confirmed stays, so that the window and the archive together miss nothing.

use std::collections::{HashMap, VecDeque};

use paravox_domain::commit::Position;
use paravox_domain::id::CommandId;

use super::{IdHashes, Remembered};

/// Settled commands in the order of the journal.
#[derive(Debug, Default)]
pub(super) struct Window {
    order: VecDeque<(CommandId, Position)>,
    known: HashMap<CommandId, Remembered, IdHashes>,
    ids_max: usize,
}

impl Window {
    pub(super) fn new(ids_max: usize) -> Self {
        Self { ids_max, ..Self::default() }
    }

    /// Adds a command; forgets the oldest beyond the limit, as far as the archive has confirmed them.
    pub(super) fn remember(&mut self, id: CommandId, remembered: Remembered, confirmed: Position) {
        self.order.push_back((id, remembered.position));
        self.known.insert(id, remembered);
        while self.order.len() > self.ids_max {
            let Some((oldest, position)) = self.order.front().copied() else { break };
            if position > confirmed {
                break;
            }
            self.order.pop_front();
            // An id that was settled again, after it was forgotten, stands in the order twice.
            if self.known.get(&oldest).is_some_and(|known| known.position == position) {
                self.known.remove(&oldest);
            }
        }
    }

    pub(super) fn get(&self, id: CommandId) -> Option<&Remembered> {
        self.known.get(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use paravox_domain::answer::Answer;
    use paravox_domain::id::Id;

    use super::*;

    fn add(window: &mut Window, n: u128, confirmed: u64) {
        let remembered = Remembered { fingerprint: 0, answer: Answer::Done, position: Position(n as u64) };
        window.remember(CommandId::from_bits(n), remembered, Position(confirmed));
    }

    #[test]
    fn i9_the_window_forgets_the_oldest_beyond_its_limit() {
        let mut window = Window::new(2);
        for n in 1..=5 {
            add(&mut window, n, 5);
        }
        assert_eq!(window.len(), 2);
        assert!(window.get(CommandId::from_bits(3)).is_none());
        assert!(window.get(CommandId::from_bits(4)).is_some());
    }

    #[test]
    fn i5_what_the_archive_has_not_confirmed_stays_in_the_window() {
        let mut window = Window::new(2);
        for n in 1..=5 {
            add(&mut window, n, 1);
        }
        assert_eq!(window.len(), 4);
        assert!(window.get(CommandId::from_bits(2)).is_some());
        add(&mut window, 6, 6);
        assert_eq!(window.len(), 2);
    }
}
