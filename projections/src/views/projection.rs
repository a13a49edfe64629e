//! Writes the read models: one pass over a batch, one statement for each kind of row.
//!
//! Rows that a batch touches are read once, changed in memory, and written once.

use paravox_domain::commit::Recorded;
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event;
use paravox_domain::ports::Boxed;
use paravox_domain::ports::query::Place;
use sqlx::AnyConnection;

use super::READER;
use super::calls::CallChanges;
use super::people::PeopleChanges;
use super::sessions::SessionChanges;
use crate::db::DbError;
use crate::reader::{Delivery, Projection};

/// Writes calls, sessions, messages, devices and identities.
#[derive(Debug, Default)]
pub struct ViewsProjection;

impl ViewsProjection {
    /// The read models.
    pub const fn new() -> Self {
        Self
    }
}

async fn store(connection: &mut AnyConnection, batch: &[Delivery]) -> Result<(), DbError> {
    let mut calls = CallChanges::load(connection, recorded(batch).map(|(_, recorded)| recorded)).await?;
    let mut sessions =
        SessionChanges::load(connection, recorded(batch).map(|(_, recorded)| recorded)).await?;
    let mut people = PeopleChanges::default();
    for (place, recorded) in recorded(batch) {
        match (recorded.entity, &recorded.event) {
            (EntityId::Call(id), Event::Call(event)) => calls.apply(id, event, recorded.at, place)?,
            (EntityId::Session(id), Event::Session(event)) => {
                sessions.apply(id, event, recorded.at, place)?;
            }
            (EntityId::Device(id), Event::Device(event)) => people.device(id, event, recorded.at, place)?,
            (EntityId::Party(id), Event::Party(event)) => people.party(id, event, place),
            _ => {}
        }
    }
    calls.store(connection).await?;
    sessions.store(connection).await?;
    people.store(connection).await
}

/// The events of a batch with their places.
fn recorded(batch: &[Delivery]) -> impl Iterator<Item = (Place, &Recorded)> {
    batch.iter().flat_map(|delivery| {
        let position = delivery.position();
        delivery
            .commit
            .events
            .iter()
            .zip(0..)
            .map(move |(recorded, index)| (Place { position, index }, recorded))
    })
}

impl Projection for ViewsProjection {
    fn name(&self) -> &'static str {
        READER
    }

    fn apply<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        batch: &'a [Delivery],
    ) -> Boxed<'a, Result<(), DbError>> {
        Box::pin(store(connection, batch))
    }
}
