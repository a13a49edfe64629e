//! A decision: what happens, and the answer.

use crate::answer::Answer;
use crate::entity::EntityId;
use crate::event::Event;
use crate::id::CallId;

/// What a command leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What happens, in order.
    pub happenings: Vec<Happening>,
    /// What the command is answered.
    pub answer: Answer,
}

/// An event before it has a place in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// To whom it happens.
    pub entity: EntityId,
    /// The call to which it belongs.
    pub correlation: Option<CallId>,
    /// What happens.
    pub event: Event,
}

impl Decided {
    /// A decision by which nothing happens yet.
    pub const fn new(answer: Answer) -> Self {
        Self { happenings: Vec::new(), answer }
    }

    /// Adds an event.
    pub fn push(&mut self, entity: EntityId, correlation: Option<CallId>, event: impl Into<Event>) {
        self.happenings.push(Happening { entity, correlation, event: event.into() });
    }
}
