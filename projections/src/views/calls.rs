//! What a batch changes of calls.
//!
//! Owns: which event changes which column, as `domain::call::evolve` does for what decisions need.
//! Invariant: a side's `other` is what its own reports name, and stays once it is named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use paravox_domain::call::{Event, JoinedBy, Other, OverCause, Report, Role, SideIndex};
use paravox_domain::commit::Recorded;
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event as AnyEvent;
use paravox_domain::id::{CallId, PartyId};
use paravox_domain::matching::Waiting;
use paravox_domain::ports::query::Place;
use paravox_domain::time::Instant;
use sqlx::AnyConnection;

use super::call_rows::{CallRow, LOAD, STORE, SideRow, SideWords};
use crate::db::{DbError, Insert, parse, word};

static PARTIES: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new("view_call_party", &["party", "position", "idx", "call", "side", "opened_at"], "")
});

/// A party's place in the list of its calls.
struct Listed {
    party: PartyId,
    place: Place,
    call: CallId,
    side: SideIndex,
    opened: Instant,
}

/// Rows of calls, as a batch changes them.
pub(super) struct CallChanges {
    rows: BTreeMap<CallId, CallRow>,
    changed: BTreeSet<CallId>,
    listed: Vec<Listed>,
}

impl CallChanges {
    /// Reads the rows that the batch touches and does not make.
    pub(super) async fn load<'a>(
        connection: &mut AnyConnection,
        batch: impl Iterator<Item = &'a Recorded>,
    ) -> Result<Self, DbError> {
        let mut made = BTreeSet::new();
        let mut wanted = BTreeSet::new();
        for recorded in batch {
            if let (EntityId::Call(id), AnyEvent::Call(event)) = (recorded.entity, &recorded.event) {
                if matches!(event, Event::Opened { .. }) {
                    made.insert(id);
                } else if !made.contains(&id) {
                    wanted.insert(id);
                }
                if let Event::Joined { by: JoinedBy::Absorbing { call, .. }, .. } = event
                    && !made.contains(call)
                {
                    wanted.insert(*call);
                }
            }
        }
        let wanted: Vec<CallId> = wanted.into_iter().collect();
        let mut rows = BTreeMap::new();
        for row in LOAD.fetch(connection, &wanted).await? {
            rows.insert(parse(&row, 0, "the id of a call has another form")?, CallRow::read(&row, 1)?);
        }
        Ok(Self { rows, changed: BTreeSet::new(), listed: Vec::new() })
    }

    /// Changes the rows by an event.
    pub(super) fn apply(
        &mut self,
        id: CallId,
        event: &Event,
        at: Instant,
        place: Place,
    ) -> Result<(), DbError> {
        if let Event::Opened { report, waiting, .. } = event {
            self.rows.entry(id).or_insert(CallRow {
                opened: at,
                joined: false,
                waiting: Some(json(waiting)?),
                session: None,
                over: None,
                first: side_of(report),
                second: None,
            });
            self.list(report.party, place, id, SideIndex::First, at);
            self.changed.insert(id);
            return Ok(());
        }
        let second = match event {
            Event::Joined { by: JoinedBy::Report(report), .. } => Some((side_of(report), report.party)),
            Event::Joined { by: JoinedBy::Absorbing { call, side }, .. } => {
                let other = self.rows.get(call).and_then(|absorbed| absorbed.first.other.clone());
                Some((SideRow { role: side.role, other }, side.party))
            }
            _ => None,
        };
        let Some(row) = self.rows.get_mut(&id) else {
            return Err(DbError::damaged("an event of a call comes before the call was opened"));
        };
        match event {
            Event::Opened { .. } => {}
            Event::Reported { side: SideIndex::First, report } => add(&mut row.first, report),
            Event::Reported { side: SideIndex::Second, report } => {
                if let Some(side) = &mut row.second {
                    add(side, report);
                }
            }
            Event::Waits { waiting, .. } => row.waiting = Some(json(waiting)?),
            Event::Joined { session, .. } => {
                row.waiting = None;
                row.session = *session;
                row.joined = true;
            }
            Event::Absorbed { .. } => over(row, at, OverCause::Absorbed)?,
            Event::Ended { cause, .. } => over(row, at, *cause)?,
            Event::Parted { .. } => over(row, at, OverCause::Contradicted)?,
        }
        let opened = row.opened;
        if let Some((side, party)) = second
            && row.second.is_none()
        {
            row.second = Some(side);
            self.list(party, place, id, SideIndex::Second, opened);
        }
        self.changed.insert(id);
        Ok(())
    }

    fn list(&mut self, party: Option<PartyId>, place: Place, call: CallId, side: SideIndex, opened: Instant) {
        if let Some(party) = party {
            self.listed.push(Listed { party, place, call, side, opened });
        }
    }

    /// Writes what has changed.
    pub(super) async fn store(self, connection: &mut AnyConnection) -> Result<(), DbError> {
        let mut changed = Vec::with_capacity(self.changed.len());
        for (id, row) in self.rows.iter().filter(|(id, _)| self.changed.contains(id)) {
            changed.push((*id, row, SideWords::of(row)?));
        }
        STORE.run(connection, &changed, |args, (id, row, words)| row.bind(*id, words, args)).await?;
        PARTIES
            .run(connection, &self.listed, |args, listed| {
                args.text(listed.party).count(listed.place.position.0).int(i64::from(listed.place.index));
                args.text(listed.call).int(side_number(listed.side)).int(listed.opened.0);
            })
            .await
    }
}

/// A side as a number.
const fn side_number(side: SideIndex) -> i64 {
    match side {
        SideIndex::First => 0,
        SideIndex::Second => 1,
    }
}

fn side_of(report: &Report) -> SideRow {
    SideRow { role: report.role, other: named(report) }
}

fn named(report: &Report) -> Option<String> {
    match &report.other {
        Other::Known { identity, .. } => Some(identity.to_string()),
        Other::Withheld | Other::Unknown => None,
    }
}

fn add(side: &mut SideRow, report: &Report) {
    if side.other.is_none() {
        side.other = named(report);
    }
    if side.role == Role::Unknown {
        side.role = report.role;
    }
}

fn over(row: &mut CallRow, at: Instant, cause: OverCause) -> Result<(), DbError> {
    if row.over.is_none() {
        row.over = Some((at, word(&cause)?));
    }
    Ok(())
}

fn json(waiting: &Waiting) -> Result<String, DbError> {
    serde_json::to_string(waiting).map_err(|_| DbError::damaged("why a call waits cannot be written as JSON"))
}
