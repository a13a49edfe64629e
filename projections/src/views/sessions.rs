//! What a batch changes of sessions and their messages.
//!
//! Owns: which event changes which column, as `domain::session::evolve` does for what decisions need.
//! Invariant: a leg that left stays away, and sees no message that was sent after it left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use paravox_domain::commit::Recorded;
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event as AnyEvent;
use paravox_domain::feed::ItemLegState;
use paravox_domain::id::{LegId, MessageId, PartyId, SessionId};
use paravox_domain::ports::query::Place;
use paravox_domain::session::Event;
use paravox_domain::time::Instant;
use sqlx::AnyConnection;

use super::session_rows::{LOAD, LegRow, STORE, SessionRow};
use crate::db::{DbError, Insert, ListSelect, parse, word};

const LISTED: [&str; 5] = ["party", "position", "idx", "session", "opened_at"];

static PARTIES: LazyLock<Insert> = LazyLock::new(|| Insert::new("view_session_party", &LISTED, ""));
static OPEN: LazyLock<Insert> = LazyLock::new(|| Insert::new("view_session_open", &LISTED, ""));
static CLOSE: LazyLock<ListSelect> =
    LazyLock::new(|| ListSelect::new("DELETE FROM view_session_open WHERE session IN ({})"));
static MESSAGES: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new("view_message", &["session", "position", "idx", "number", "id", "leg", "text", "sent_at"], "")
});

/// A party's place in the list of its sessions.
struct Listed {
    party: PartyId,
    place: Place,
    session: SessionId,
    opened: Instant,
}

struct MessageRow {
    session: SessionId,
    place: Place,
    number: u64,
    id: MessageId,
    leg: LegId,
    text: String,
    sent: Instant,
}

/// Rows of sessions, as a batch changes them.
pub(super) struct SessionChanges {
    rows: BTreeMap<SessionId, SessionRow>,
    changed: BTreeSet<SessionId>,
    closed: Vec<SessionId>,
    listed: Vec<Listed>,
    messages: Vec<MessageRow>,
}

impl SessionChanges {
    /// Reads the rows that the batch touches and does not make.
    pub(super) async fn load<'a>(
        connection: &mut AnyConnection,
        batch: impl Iterator<Item = &'a Recorded>,
    ) -> Result<Self, DbError> {
        let mut made = BTreeSet::new();
        let mut wanted = BTreeSet::new();
        for recorded in batch {
            if let (EntityId::Session(id), AnyEvent::Session(event)) = (recorded.entity, &recorded.event) {
                if matches!(event, Event::Opened { .. }) {
                    made.insert(id);
                } else if !made.contains(&id) {
                    wanted.insert(id);
                }
            }
        }
        let wanted: Vec<SessionId> = wanted.into_iter().collect();
        let mut rows = BTreeMap::new();
        for row in LOAD.fetch(connection, &wanted).await? {
            rows.insert(parse(&row, 0, "the id of a session has another form")?, SessionRow::read(&row, 1)?);
        }
        let (changed, closed, listed, messages) = Default::default();
        Ok(Self { rows, changed, closed, listed, messages })
    }

    /// Changes the rows by an event.
    pub(super) fn apply(
        &mut self,
        id: SessionId,
        event: &Event,
        at: Instant,
        place: Place,
    ) -> Result<(), DbError> {
        self.changed.insert(id);
        if let Event::Opened { call, legs, .. } = event {
            let legs: Vec<LegRow> = legs
                .iter()
                .map(|leg| LegRow {
                    leg: leg.leg,
                    party: leg.party,
                    state: if leg.joined { ItemLegState::Joined } else { ItemLegState::Invited },
                    keeps: false,
                    left_after: None,
                })
                .collect();
            for leg in &legs {
                self.listed.push(Listed { party: leg.party, place, session: id, opened: at });
            }
            let row =
                SessionRow { call: *call, opened: at, legs, messages: 0, outlives_call: false, closed: None };
            self.rows.entry(id).or_insert(row);
            return Ok(());
        }
        let Some(row) = self.rows.get_mut(&id) else {
            return Err(DbError::damaged("an event of a session comes before the session was opened"));
        };
        let messages = row.messages;
        match event {
            Event::Opened { .. } => {}
            Event::DeviceJoined { leg, .. } | Event::LegResumed { leg, .. } => {
                change(row, *leg, |leg| leg.state = ItemLegState::Joined);
            }
            Event::LegLost { leg, .. } => change(row, *leg, |leg| leg.state = ItemLegState::Lost),
            Event::LegLeft { leg, .. } => change(row, *leg, |leg| {
                leg.state = ItemLegState::Left;
                leg.left_after = Some(messages);
            }),
            Event::Kept { leg, keep, .. } => change(row, *leg, |leg| leg.keeps = *keep),
            Event::OutlivesCall { .. } => row.outlives_call = true,
            Event::TextSent { message, number, leg, text, .. } => {
                row.messages = row.messages.max(*number);
                self.messages.push(MessageRow {
                    session: id,
                    place,
                    number: *number,
                    id: *message,
                    leg: *leg,
                    text: text.clone(),
                    sent: at,
                });
            }
            Event::Closed { cause, .. } => {
                if row.closed.is_none() {
                    row.closed = Some((at, word(cause)?));
                    self.closed.push(id);
                }
            }
        }
        Ok(())
    }

    /// Writes what has changed.
    pub(super) async fn store(self, connection: &mut AnyConnection) -> Result<(), DbError> {
        let mut changed = Vec::with_capacity(self.changed.len());
        for (id, row) in self.rows.iter().filter(|(id, _)| self.changed.contains(id)) {
            changed.push((*id, row, row.legs_json()?));
        }
        STORE.run(connection, &changed, |args, (id, row, legs)| row.bind(*id, legs, args)).await?;
        for table in [&PARTIES, &OPEN] {
            table
                .run(connection, &self.listed, |args, listed| {
                    args.text(listed.party).count(listed.place.position.0).int(i64::from(listed.place.index));
                    args.text(listed.session).int(listed.opened.0);
                })
                .await?;
        }
        CLOSE.fetch(connection, &self.closed).await?;
        MESSAGES
            .run(connection, &self.messages, |args, row| {
                args.text(row.session).count(row.place.position.0).int(i64::from(row.place.index));
                args.count(row.number).text(row.id).text(row.leg).text(&row.text).int(row.sent.0);
            })
            .await
    }
}

/// Changes a leg that has not left.
fn change(row: &mut SessionRow, id: LegId, change: impl FnOnce(&mut LegRow)) {
    if let Some(leg) = row.legs.iter_mut().find(|leg| leg.leg == id && leg.state != ItemLegState::Left) {
        change(leg);
    }
}
