//! The words in which calls are reported and told. They stand in the journal: a word once used keeps its meaning.

use serde::{Deserialize, Serialize};

/// Which end of the call a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It made the call.
    Calling,
    /// It was called.
    Called,
    /// The reporter does not know.
    Unknown,
}

impl Role {
    /// Whether two sides of one call can have these roles.
    pub const fn fits_opposite(self, other: Self) -> bool {
        !matches!((self, other), (Self::Calling, Self::Calling) | (Self::Called, Self::Called))
    }

    /// Whether two reports on one side can name these roles.
    pub const fn fits_same(self, other: Self) -> bool {
        !matches!((self, other), (Self::Calling, Self::Called) | (Self::Called, Self::Calling))
    }
}

/// How far a call has come, as somebody reports it. The order is that in which a call goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is being set up.
    Attempt,
    /// The called party's telephone rings.
    Alerting,
    /// It was diverted to another party or to an automated system, and goes on there.
    Diverted,
    /// It was answered.
    Answered,
    /// It was not answered, and is over.
    NotAnswered,
    /// The called party was busy; it is over.
    Busy,
    /// It was ended.
    Ended,
}

impl Stage {
    /// What kind of end this stage is, if it is one.
    pub const fn over(self) -> Option<OverCause> {
        match self {
            Self::Attempt | Self::Alerting | Self::Diverted | Self::Answered => None,
            Self::NotAnswered => Some(OverCause::NotAnswered),
            Self::Busy => Some(OverCause::Busy),
            Self::Ended => Some(OverCause::HungUp),
        }
    }
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverCause {
    /// A side reported its end.
    HungUp,
    /// It was not answered.
    NotAnswered,
    /// The called party was busy.
    Busy,
    /// The other side was not found within the window.
    NoPartner,
    /// Nobody reported its end within the longest time that a call may take.
    GivenUp,
    /// It turned out to be the other side of another call, and lives on there.
    Absorbed,
    /// Its two sides turned out to belong to different calls.
    Contradicted,
}

/// Which of a call's two sides: in the order in which they were reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideIndex {
    /// The one that was reported first.
    First,
    /// The other one.
    Second,
}
