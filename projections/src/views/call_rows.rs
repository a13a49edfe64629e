//! Rows of calls: the table `view_call`.

use std::sync::LazyLock;

use paravox_domain::call::Role;
use paravox_domain::id::{CallId, SessionId};
use paravox_domain::time::Instant;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::db::{Args, DbError, Insert, ListSelect, int, opt_text, parse_opt, read_word, word};

/// The columns after the id, in the order in which [`CallRow::read`] takes them.
pub(super) const COLUMNS: [&str; 10] = [
    "opened_at",
    "joined",
    "waiting",
    "session",
    "over_at",
    "over_cause",
    "first_role",
    "first_other",
    "second_role",
    "second_other",
];

pub(super) static LOAD: LazyLock<ListSelect> = LazyLock::new(|| {
    ListSelect::new(&format!("SELECT id,{} FROM view_call WHERE id IN ({{}})", COLUMNS.join(",")))
});
pub(super) static STORE: LazyLock<Insert> = LazyLock::new(|| Insert::upsert("view_call", &["id"], &COLUMNS));

/// A call as its two parties see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallRow {
    pub(super) opened: Instant,
    pub(super) joined: bool,
    /// [`paravox_domain::matching::Waiting`] as JSON.
    pub(super) waiting: Option<String>,
    pub(super) session: Option<SessionId>,
    /// When, and the word of the cause.
    pub(super) over: Option<(Instant, String)>,
    pub(super) first: SideRow,
    pub(super) second: Option<SideRow>,
}

/// What the reports of one side name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SideRow {
    pub(super) role: Role,
    /// The other end.
    pub(super) other: Option<String>,
}

impl CallRow {
    /// Reads the columns from `from` on.
    pub(super) fn read(row: &AnyRow, from: usize) -> Result<Self, DbError> {
        let over_at: Option<i64> = row.try_get(from + 4)?;
        let side = |column: usize| -> Result<Option<SideRow>, DbError> {
            let Some(role) = opt_text(row, column)? else { return Ok(None) };
            Ok(Some(SideRow { role: read_word(role)?, other: opt_text(row, column + 1)? }))
        };
        Ok(Self {
            opened: Instant(int(row, from)?),
            joined: int(row, from + 1)? != 0,
            waiting: opt_text(row, from + 2)?,
            session: parse_opt(row, from + 3, "the session of a call has another form")?,
            over: over_at.map(Instant).zip(opt_text(row, from + 5)?),
            first: side(from + 6)?.ok_or_else(|| DbError::damaged("a call has no first side"))?,
            second: side(from + 8)?,
        })
    }

    /// Binds the id and the columns.
    pub(super) fn bind(&self, id: CallId, words: &SideWords, args: &mut Args) {
        args.text(id).int(self.opened.0).int(i64::from(self.joined)).opt_text(self.waiting.as_ref());
        args.opt_text(self.session);
        args.opt_int(self.over.as_ref().map(|(at, _)| at.0))
            .opt_text(self.over.as_ref().map(|(_, cause)| cause));
        args.text(&words.first).opt_text(self.first.other.as_ref()).opt_text(words.second.as_ref());
        args.opt_text(self.second.as_ref().and_then(|side| side.other.as_ref()));
    }
}

/// The words of the sides' roles.
pub(super) struct SideWords {
    first: String,
    second: Option<String>,
}

impl SideWords {
    /// The words of a call.
    pub(super) fn of(row: &CallRow) -> Result<Self, DbError> {
        Ok(Self {
            first: word(&row.first.role)?,
            second: row.second.as_ref().map(|side| word(&side.role)).transpose()?,
        })
    }
}
