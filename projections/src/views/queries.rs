//! The questions to the read models. Each names the party that asks in its condition: what is not its own, it does not
//! find (invariant 10, abuse case A1).

use std::sync::LazyLock;

use paravox_domain::call::Role;
use paravox_domain::id::{CallId, PartyId, SessionId};
use paravox_domain::ports::query::{CallView, LegView, Listing, MessageView, Page, Place, SessionView};
use paravox_domain::time::Instant;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::call_rows::{self, CallRow};
use super::session_rows::{self, SessionRow};
use crate::db::{Args, DbError, int, parse, place, read_word};

/// The most items of one page.
pub(super) const PAGE_MAX: usize = 1_000;

/// The place before every other one, as the two numbers of a row.
const BEFORE_ALL: (i64, i64) = (-1, -1);

fn prefixed(table: &str, columns: &[&str]) -> String {
    columns.iter().map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(",")
}

const PAGED: &str = "(p.position, p.idx) > ($2, $3) AND p.opened_at >= $4 AND p.opened_at < $5 \
                     ORDER BY p.position, p.idx LIMIT $6";

pub(super) static CALLS: LazyLock<String> = LazyLock::new(|| {
    let columns = prefixed("c", &call_rows::COLUMNS);
    format!(
        "SELECT p.position, p.idx, p.side, c.id, {columns} FROM view_call_party p JOIN view_call c ON c.id = p.call \
         WHERE p.party = $1 AND {PAGED}"
    )
});
pub(super) static CALL: LazyLock<String> = LazyLock::new(|| {
    let columns = prefixed("c", &call_rows::COLUMNS);
    format!(
        "SELECT p.position, p.idx, p.side, c.id, {columns} FROM view_call_party p JOIN view_call c ON c.id = p.call \
         WHERE p.call = $2 AND p.party = $1"
    )
});
pub(super) static SESSIONS: LazyLock<String> = LazyLock::new(|| sessions_of("view_session_party"));
pub(super) static OPEN_SESSIONS: LazyLock<String> = LazyLock::new(|| sessions_of("view_session_open"));
pub(super) static SESSION: LazyLock<String> = LazyLock::new(|| {
    let columns = prefixed("s", &session_rows::COLUMNS);
    format!(
        "SELECT p.position, p.idx, s.id, {columns} FROM view_session_party p \
         JOIN view_session s ON s.id = p.session WHERE p.session = $2 AND p.party = $1"
    )
});
pub(super) const MESSAGES: &str = "SELECT position, idx, number, id, leg, text, sent_at FROM view_message WHERE \
                                   session = $1 AND (position, idx) > ($2, $3) AND sent_at >= $4 AND sent_at < $5 \
                                   AND number <= $7 ORDER BY position, idx LIMIT $6";

fn sessions_of(list: &str) -> String {
    let columns = prefixed("s", &session_rows::COLUMNS);
    format!(
        "SELECT p.position, p.idx, s.id, {columns} FROM {list} p JOIN view_session s ON s.id = p.session \
         WHERE p.party = $1 AND {PAGED}"
    )
}

/// The arguments of a paged question, `whose` first. One item more than asked for tells whether there are more.
pub(super) fn page_args(whose: &impl ToString, page: Page) -> Args {
    let (position, index) =
        page.after.map_or(BEFORE_ALL, |place| (place.position.0 as i64, i64::from(place.index)));
    let mut args = Args::new();
    args.text(whose.to_string()).int(position).int(index);
    args.int(page.since.unwrap_or(Instant::MIN).0).int(page.until.unwrap_or(Instant::MAX).0);
    args.int(limit(page) as i64 + 1);
    args
}

fn limit(page: Page) -> usize {
    page.limit.clamp(1, PAGE_MAX)
}

/// Makes a part of a list of rows.
pub(super) fn listing<T>(
    rows: &[AnyRow],
    page: Page,
    read: impl Fn(&AnyRow) -> Result<T, DbError>,
) -> Result<Listing<T>, DbError> {
    let limit = limit(page);
    let items = rows
        .iter()
        .take(limit)
        .map(|row| Ok((place(row, 0)?, read(row)?)))
        .collect::<Result<Vec<(Place, T)>, DbError>>()?;
    Ok(Listing { items, has_more: rows.len() > limit })
}

/// Reads a call as its party sees it.
pub(super) fn call_view(row: &AnyRow) -> Result<CallView, DbError> {
    let second = int(row, 2)? != 0;
    let call: CallId = parse(row, 3, "the id of a call has another form")?;
    let CallRow { opened, joined, waiting, session, over, first, second: other_side } =
        CallRow::read(row, 4)?;
    let own = if second { other_side } else { Some(first) };
    let waiting = waiting
        .map(|json| serde_json::from_str(&json))
        .transpose()
        .map_err(|_| DbError::damaged("why a call waits has another form"))?;
    Ok(CallView {
        call,
        opened,
        role: own.as_ref().map_or(Role::Unknown, |side| side.role),
        other: own.and_then(|side| side.other),
        joined,
        waiting,
        session,
        over: over.map(|(at, cause)| Ok::<_, DbError>((at, read_word(cause)?))).transpose()?,
    })
}

/// Reads a session as a party sees it.
pub(super) fn session_view(row: &AnyRow, of: PartyId) -> Result<SessionView, DbError> {
    let session: SessionId = parse(row, 2, "the id of a session has another form")?;
    let row = SessionRow::read(row, 3)?;
    let own = row.leg_of(of).ok_or_else(|| DbError::damaged("a party's session has no leg of it"))?;
    Ok(SessionView {
        session,
        call: row.call,
        opened: row.opened,
        own_leg: own.leg,
        messages: own.left_after.unwrap_or(row.messages),
        legs: row
            .legs
            .iter()
            .map(|leg| LegView { leg: leg.leg, state: leg.state, keeps: leg.keeps })
            .collect(),
        outlives_call: row.outlives_call,
        closed: row.closed.map(|(at, cause)| Ok::<_, DbError>((at, read_word(cause)?))).transpose()?,
    })
}

/// The number of the last message that a party may see.
pub(super) fn last_message(row: &AnyRow, of: PartyId) -> Result<u64, DbError> {
    let row = SessionRow::read(row, 3)?;
    Ok(row.leg_of(of).and_then(|leg| leg.left_after).unwrap_or(i64::MAX as u64))
}

/// Reads a message.
pub(super) fn message_view(row: &AnyRow) -> Result<MessageView, DbError> {
    Ok(MessageView {
        number: int(row, 2)? as u64,
        message: parse(row, 3, "the id of a message has another form")?,
        leg: parse(row, 4, "the leg of a message has another form")?,
        text: row.try_get(5)?,
        sent: Instant(int(row, 6)?),
    })
}
