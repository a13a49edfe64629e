//! What follows from what was asked.

use paravox_domain::answer::{Answer, Noted, Rejection};
use paravox_domain::commit::Recorded;
use paravox_domain::event::Event;
use paravox_domain::feed::{self, Item};
use paravox_domain::id::{CallId, DeviceId, SessionId};
use paravox_domain::matching::Waiting;
use paravox_domain::state::Transacted;
use paravox_domain::stored;

/// The outcome of a command, to be checked.
pub(crate) struct Then {
    pub(crate) outcome: Result<Transacted, Rejection>,
}

impl Then {
    fn done(&self) -> &Transacted {
        self.outcome.as_ref().unwrap_or_else(|rejection| panic!("rejected: {rejection}"))
    }

    /// The events.
    pub(crate) fn events(self) -> Vec<Recorded> {
        self.done().events.clone()
    }

    /// The answer.
    pub(crate) fn answer(self) -> Answer {
        self.done().answer.clone()
    }

    /// These events, by the names under which they are stored without their versions, and no others.
    #[track_caller]
    pub(crate) fn then_events<const N: usize>(self, names: [&str; N]) -> Self {
        let found: Vec<&str> = self.done().events.iter().map(|recorded| name(&recorded.event)).collect();
        assert_eq!(found, names);
        self
    }

    /// Nothing happens: a repeat.
    #[track_caller]
    pub(crate) fn then_nothing(self) -> Self {
        self.then_events([])
    }

    /// This answer.
    #[track_caller]
    pub(crate) fn then_answer(self, answer: &Answer) -> Self {
        assert_eq!(self.done().answer, *answer);
        self
    }

    /// This refusal, and nothing has changed.
    #[track_caller]
    pub(crate) fn then_rejected(self, rejection: &Rejection) {
        assert_eq!(self.outcome.as_ref().map(|done| &done.answer), Err(rejection));
    }

    /// The call waits for this reason.
    #[track_caller]
    pub(crate) fn then_waits(self, reason: &Waiting) -> CallId {
        match &self.done().answer {
            Answer::Noted { call, outcome: Noted::Waiting(waiting) } if waiting == reason => *call,
            other => panic!("does not wait for {reason:?}: {other:?}"),
        }
    }

    /// The call has both sides, and a session is open.
    #[track_caller]
    pub(crate) fn then_joined(self) -> (CallId, SessionId) {
        match self.done().answer {
            Answer::Noted { call, outcome: Noted::Joined { session: Some(session) } } => (call, session),
            ref other => panic!("not joined: {other:?}"),
        }
    }

    /// The call is over.
    #[track_caller]
    pub(crate) fn then_over(self) -> CallId {
        match self.done().answer {
            Answer::Noted { call, outcome: Noted::Over } => call,
            ref other => panic!("not over: {other:?}"),
        }
    }

    /// What a device is told of it.
    pub(crate) fn items_of(&self, device: DeviceId) -> Vec<Item> {
        let items = self.done().events.iter().flat_map(feed::items);
        items.filter(|(told, _)| *told == device).map(|(_, item)| item).collect()
    }
}

/// The name of an event without its version.
pub(crate) fn name(event: &Event) -> &'static str {
    let name = stored::type_name(event);
    name.rsplit_once('.').map_or(name, |(name, _)| name)
}
