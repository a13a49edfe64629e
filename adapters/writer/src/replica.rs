//! The replica: the state of the realm up to a commit, as a follower keeps it warm and a leader goes on with it.
//!
//! Owns: the state, its place in the chain, the memory of settled commands, eviction.
//! Does not own: where commits come from (`follower`), nor what is added (`leader`).
//! Invariants: the state is what the journal up to the head gives, less what the archive has. An entity that is not
//! resident is whole in the archive, once that has got to the floor.
//! Time: the stamps of the journal; eviction judges by the last of them, never by a later time than the leader's own.

use std::sync::Arc;

use paravox_domain::command::Command;
use paravox_domain::commit::chain::{Broken, ChainCheck, Link};
use paravox_domain::commit::{Commit, EncodedCommit, Position, Recorded, Version};
use paravox_domain::digest::Digest;
use paravox_domain::entity::EntityId;
use paravox_domain::settings::Settings;
use paravox_domain::state::State;
use paravox_domain::time::Instant;

use crate::config::WriterConfig;
use crate::memory::{Memory, Remembered};

/// The state of the realm up to a commit.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) state: State,
    pub(crate) memory: Memory,
    /// The last commit, sealed or followed.
    pub(crate) head: Link,
    /// The last stamp.
    pub(crate) last_at: Instant,
    /// The epoch of the last commit.
    pub(crate) epoch: u64,
    /// Entities that are not resident have no events behind this position that the state has not seen.
    floor: Position,
    /// Whether an entity that is not resident does not exist: nothing was left out or evicted.
    complete: bool,
    chain: ChainCheck,
    residents_keep: usize,
}

impl Replica {
    /// The state before the first commit of a realm.
    pub(crate) fn at_start(realm: &str, settings: Arc<Settings>, config: &WriterConfig) -> Self {
        Self {
            state: State::new(settings),
            memory: Memory::new(config),
            head: Link::START,
            last_at: Instant::MIN,
            epoch: 0,
            floor: Position::START,
            complete: true,
            chain: ChainCheck::after(realm, Link::START),
            residents_keep: config.residents_keep,
        }
    }

    /// The state for a journal that is followed after a position; what is before is in the archive. What is going on must have begun
    /// later.
    pub(crate) fn after_position(
        realm: &str,
        after: Position,
        settings: Arc<Settings>,
        config: &WriterConfig,
    ) -> Self {
        Self {
            head: Link { position: after, digest: Digest::GENESIS },
            floor: after,
            complete: false,
            chain: ChainCheck::from_position(realm, after),
            ..Self::at_start(realm, settings, config)
        }
    }

    /// Takes the next commit of the journal in.
    pub(crate) fn follow(&mut self, commit: &Commit, confirmed: Position) -> Result<(), Broken> {
        let Commit { header, digest, settles, events } = commit;
        self.chain.accept_header(header, *digest)?;
        for recorded in events {
            self.take_in(header.position, recorded);
        }
        for settled in settles.iter().filter(|settled| settled.repeatable) {
            let remembered = Remembered {
                fingerprint: settled.fingerprint,
                answer: settled.answer.clone(),
                position: header.position,
            };
            self.memory.settled(settled.command, remembered, header.at, confirmed);
        }
        self.head = Link { position: header.position, digest: *digest };
        self.epoch = header.epoch;
        self.last_at = self.last_at.max(header.at);
        self.evict(confirmed, events.len());
        Ok(())
    }

    /// Applies an event, unless its entity is not resident and would come out in part only. That one stays out: who needs
    /// it loads it whole, from an archive that has this event too.
    fn take_in(&mut self, position: Position, recorded: &Recorded) {
        let whole = recorded.version == Version(1)
            || recorded.entity.last_event_suffices()
            || self.state.is_resident(recorded.entity);
        if whole {
            self.state.apply(position, recorded);
        } else {
            self.floor = position;
            self.complete = false;
        }
    }

    /// Notes a commit that was sealed here, whose events the state has already.
    pub(crate) fn sealed(&mut self, commit: &EncodedCommit) -> Result<(), Broken> {
        self.chain.accept(commit)?;
        self.head = Link { position: commit.position(), digest: commit.digest() };
        self.epoch = commit.header().epoch;
        self.last_at = self.last_at.max(commit.header().at);
        Ok(())
    }

    /// The next stamp: the clock's time, but never earlier than the last one.
    pub(crate) fn stamp(&mut self, now: Instant) -> Instant {
        self.last_at = self.last_at.max(now);
        self.last_at
    }

    /// Lets entities go after so many events, in proportion, so that the work is spread evenly.
    pub(crate) fn evict(&mut self, confirmed: Position, events: usize) {
        // More steps than entities can have come, so that those that have ended go faster.
        let steps = events + 16;
        if self.state.evict(confirmed, self.last_at, self.residents_keep, steps) > 0 {
            self.complete = false;
        }
    }

    /// The entities that a decision needs and that must be fetched. Those that cannot exist are noted as absent at once.
    pub(crate) fn missing(&mut self, command: &Command) -> Vec<EntityId> {
        loop {
            let missing = self.state.needs(command);
            if missing.is_empty() || !self.complete {
                return missing;
            }
            self.state.load(&missing, &[]);
        }
    }

    /// How far the archive must have come before it can answer for entities that are not resident.
    pub(crate) const fn floor(&self) -> Position {
        self.floor
    }
}
