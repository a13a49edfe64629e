//! Fetch: questions to the archive, in the background and in batches.
//!
//! Owns: which entities and command ids are asked for, and who waits for which.
//! Does not own: the commands that wait (`parked`).
//! Invariants: an entity is asked for once at a time; no answer counts before the archive has come as far as it must
//! have; every question ends within the patience that is allowed.
//! Time: the runtime's clock, for rests and limits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use paravox_domain::commit::{Position, Recorded, Settled};
use paravox_domain::entity::EntityId;
use paravox_domain::id::CommandId;
use paravox_domain::ports::{Archive, ArchiveError, Boxed};
use tokio::sync::watch;
use tokio::time::timeout;

use super::parked::Ticket;
use crate::rest::Rest;
use crate::writer::Context;

/// Entities of one question.
const ENTITIES_MAX: usize = 512;

/// The archive did not answer within the patience that is allowed, or cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silent;

/// What came back.
pub(super) enum Fetched {
    /// Entities with their events.
    Entities(Vec<EntityId>, Result<Vec<(Position, Recorded)>, Silent>),
    /// Whether a command was settled before.
    Settled(Ticket, Result<Option<Settled>, Silent>),
}

/// Questions to the archive.
pub(super) struct Fetcher {
    archive: Arc<dyn Archive>,
    confirmed: watch::Receiver<Position>,
    patience: Duration,
    running_max: usize,
    running: FuturesUnordered<Boxed<'static, Fetched>>,
    entities: VecDeque<EntityId>,
    settled: VecDeque<(Ticket, CommandId)>,
    waiting: HashMap<EntityId, Vec<Ticket>>,
    floor: Position,
}

impl Fetcher {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            archive: context.archive.clone(),
            confirmed: context.confirmed.receiver(),
            patience: context.config.fetch_patience,
            running_max: context.config.fetches_in_flight_max,
            running: FuturesUnordered::new(),
            entities: VecDeque::new(),
            settled: VecDeque::new(),
            waiting: HashMap::new(),
            floor: Position::START,
        }
    }

    /// Asks for an entity on behalf of a command. The archive must have come to the floor before it can answer.
    pub(super) fn want(&mut self, entity: EntityId, ticket: Ticket, floor: Position) {
        self.floor = self.floor.max(floor);
        let waiting = self.waiting.entry(entity).or_default();
        if waiting.is_empty() {
            self.entities.push_back(entity);
        }
        waiting.push(ticket);
    }

    /// Asks whether a command was settled.
    pub(super) fn want_settled(&mut self, ticket: Ticket, command: CommandId) {
        self.settled.push_back((ticket, command));
    }

    /// Who waited for an entity that has come.
    pub(super) fn come(&mut self, entity: EntityId) -> Vec<Ticket> {
        self.waiting.remove(&entity).unwrap_or_default()
    }

    /// Whether an answer can be waited for.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> Option<Fetched> {
        self.running.next().await
    }

    /// Begins questions, as many as may be under way. What was wanted since the last time goes together.
    pub(super) fn pump(&mut self) {
        while self.running.len() < self.running_max {
            if !self.entities.is_empty() {
                let most = self.entities.len().min(ENTITIES_MAX);
                let entities = self.entities.drain(..most).collect();
                let archive = self.archive.clone();
                let asking = hydrate(archive, self.confirmed.clone(), self.floor, entities, self.patience);
                self.running.push(Box::pin(asking));
            } else if let Some((ticket, command)) = self.settled.pop_front() {
                let asking = settled(self.archive.clone(), ticket, command, self.patience);
                self.running.push(Box::pin(asking));
            } else {
                break;
            }
        }
    }
}

async fn hydrate(
    archive: Arc<dyn Archive>,
    mut confirmed: watch::Receiver<Position>,
    floor: Position,
    entities: Vec<EntityId>,
    patience: Duration,
) -> Fetched {
    let asking = async {
        if confirmed.wait_for(|position| *position >= floor).await.is_err() {
            return Err(Silent);
        }
        let mut rest = Rest::short();
        loop {
            match archive.hydrate(&entities).await {
                Ok(events) => return Ok(events),
                Err(ArchiveError::Unavailable(error)) => {
                    tracing::warn!(%error, "entities cannot be read from the archive; trying again");
                    rest.take().await;
                }
                Err(error @ ArchiveError::Damaged { .. }) => {
                    tracing::error!(%error, "entities cannot be read from the archive");
                    return Err(Silent);
                }
            }
        }
    };
    let events = timeout(patience, asking).await.unwrap_or(Err(Silent));
    Fetched::Entities(entities, events)
}

async fn settled(
    archive: Arc<dyn Archive>,
    ticket: Ticket,
    command: CommandId,
    patience: Duration,
) -> Fetched {
    let asking = async {
        let mut rest = Rest::short();
        loop {
            match archive.settled(command).await {
                Ok(settled) => return Ok(settled),
                Err(error) => {
                    tracing::warn!(%error, "a settled command cannot be read from the archive; trying again");
                    rest.take().await;
                }
            }
        }
    };
    let found = timeout(patience, asking).await.unwrap_or(Err(Silent));
    Fetched::Settled(ticket, found)
}
