//! Rows of sessions: the table `view_session`.

use std::sync::LazyLock;

use paravox_domain::feed::ItemLegState;
use paravox_domain::id::{CallId, LegId, PartyId, SessionId};
use paravox_domain::time::Instant;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::db::{Args, DbError, Insert, ListSelect, int, opt_text, parse};

/// The columns after the id, in the order in which [`SessionRow::read`] takes them.
pub(super) const COLUMNS: [&str; 7] =
    ["call", "opened_at", "legs", "messages", "outlives_call", "closed_at", "closed_cause"];

pub(super) static LOAD: LazyLock<ListSelect> = LazyLock::new(|| {
    ListSelect::new(&format!("SELECT id,{} FROM view_session WHERE id IN ({{}})", COLUMNS.join(",")))
});
pub(super) static STORE: LazyLock<Insert> =
    LazyLock::new(|| Insert::upsert("view_session", &["id"], &COLUMNS));

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionRow {
    pub(super) call: CallId,
    pub(super) opened: Instant,
    pub(super) legs: Vec<LegRow>,
    pub(super) messages: u64,
    pub(super) outlives_call: bool,
    /// When, and the word of the cause.
    pub(super) closed: Option<(Instant, String)>,
}

/// A leg, as it stands in the column `legs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LegRow {
    pub(super) leg: LegId,
    pub(super) party: PartyId,
    pub(super) state: ItemLegState,
    pub(super) keeps: bool,
    /// The messages that there were when it left: it sees no later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left_after: Option<u64>,
}

impl SessionRow {
    /// Reads the columns from `from` on.
    pub(super) fn read(row: &AnyRow, from: usize) -> Result<Self, DbError> {
        let closed_at: Option<i64> = row.try_get(from + 5)?;
        Ok(Self {
            call: parse(row, from, "the call of a session has another form")?,
            opened: Instant(int(row, from + 1)?),
            legs: serde_json::from_str(row.try_get(from + 2)?)
                .map_err(|_| DbError::damaged("the legs of a session have another form"))?,
            messages: int(row, from + 3)? as u64,
            outlives_call: int(row, from + 4)? != 0,
            closed: closed_at.map(Instant).zip(opt_text(row, from + 6)?),
        })
    }

    /// Binds the id and the columns.
    pub(super) fn bind(&self, id: SessionId, legs: &str, args: &mut Args) {
        args.text(id).text(self.call).int(self.opened.0).text(legs).count(self.messages);
        args.int(i64::from(self.outlives_call));
        args.opt_int(self.closed.as_ref().map(|(at, _)| at.0));
        args.opt_text(self.closed.as_ref().map(|(_, cause)| cause));
    }

    /// The legs as they stand in their column.
    pub(super) fn legs_json(&self) -> Result<String, DbError> {
        serde_json::to_string(&self.legs)
            .map_err(|_| DbError::damaged("the legs of a session cannot be written as JSON"))
    }

    /// The leg of a party.
    pub(super) fn leg_of(&self, party: PartyId) -> Option<&LegRow> {
        self.legs.iter().find(|leg| leg.party == party)
    }
}
