//! Ports of the reading side: what edges ask of read models and feeds.
//!
//! Owns: the questions and the shapes of the answers. Every question names the party that asks: what is not its own, it
//! does not find (invariant 10).
//! Does not own: tables; those are in `projections/`.

use std::sync::Arc;

use super::{Boxed, Cause};
use crate::call::{OverCause, Role};
use crate::commit::Position;
use crate::id::{CallId, DeviceId, LegId, MessageId, PartyId, SessionId};
use crate::matching::Waiting;
use crate::registration::{DeviceKind, RevocationCause};
use crate::session::CloseCause;
use crate::time::{Instant, Span};

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Another try may succeed.
    #[error("the read models do not answer now: {0}")]
    Unavailable(#[source] Cause),
    /// A reader stopped because the data are damaged.
    #[error("a reader has stopped: {0}")]
    Stopped(String),
}

/// Which part of a list: in the order of the journal, newest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Items after this place in the order; `None` from the beginning.
    pub after: Option<Place>,
    /// At most so many.
    pub limit: usize,
    /// Only what began at or after this instant.
    pub since: Option<Instant>,
    /// Only what began before this instant.
    pub until: Option<Instant>,
}

/// A place in the journal's order: the event by which a listed thing began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The commit.
    pub position: Position,
    /// The event's index in it.
    pub index: u32,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The items, each with its place.
    pub items: Vec<(Place, T)>,
    /// Whether more follow.
    pub has_more: bool,
}

/// A call, as one of its parties may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallView {
    /// The call.
    pub call: CallId,
    /// When it was first reported.
    pub opened: Instant,
    /// Which end this party is.
    pub role: Role,
    /// The other end, as this party's own reports name it; `None` where they do not.
    pub other: Option<String>,
    /// Whether the other side was found.
    pub joined: bool,
    /// Why it waits, if it does.
    pub waiting: Option<Waiting>,
    /// The session beside it.
    pub session: Option<SessionId>,
    /// When it was over, and why.
    pub over: Option<(Instant, OverCause)>,
}

/// A session, as one of its parties may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The session.
    pub session: SessionId,
    /// The call beside which it stands.
    pub call: CallId,
    /// When it was opened.
    pub opened: Instant,
    /// This party's own leg.
    pub own_leg: LegId,
    /// All legs.
    pub legs: Vec<LegView>,
    /// Messages so far.
    pub messages: u64,
    /// Whether it outlives its call.
    pub outlives_call: bool,
    /// When it was closed, and why.
    pub closed: Option<(Instant, CloseCause)>,
}

/// A leg of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegView {
    /// The leg.
    pub leg: LegId,
    /// Its state.
    pub state: crate::feed::ItemLegState,
    /// Whether it wants the session to outlive the call.
    pub keeps: bool,
}

/// A text message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    /// The message.
    pub message: MessageId,
    /// Its number in the session.
    pub number: u64,
    /// The leg that sent it.
    pub leg: LegId,
    /// The text.
    pub text: String,
    /// When it was sent.
    pub sent: Instant,
}

/// A device, as its party may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceView {
    /// The device.
    pub device: DeviceId,
    /// Whose it is.
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: DeviceKind,
    /// When it was let in.
    pub enrolled: Instant,
    /// Why it was put out, if it was.
    pub revoked: Option<RevocationCause>,
}

/// A party, as it may see itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyView {
    /// The party.
    pub party: PartyId,
    /// Its identities in canonical form, in the order in which they were proven.
    pub identities: Vec<String>,
}

/// What one question asks for, with a boxed answer.
type Asked<'a, T> = Boxed<'a, Result<T, QueryError>>;

/// The read models.
pub trait Views: Send + Sync + 'static {
    /// Waits until the read models have got to a position, `limit` at most. `false` if they have not.
    fn wait_for(&self, position: Position, limit: Span) -> Boxed<'_, bool>;

    /// The calls of a party.
    fn calls(&self, of: PartyId, page: Page) -> Asked<'_, Listing<CallView>>;

    /// A call of a party.
    fn call(&self, of: PartyId, call: CallId) -> Asked<'_, Option<CallView>>;

    /// The sessions of a party; with `open_only`, those that are not closed.
    fn sessions(&self, of: PartyId, open_only: bool, page: Page) -> Asked<'_, Listing<SessionView>>;

    /// A session of a party.
    fn session(&self, of: PartyId, session: SessionId) -> Asked<'_, Option<SessionView>>;

    /// The messages of a session of a party; `None` if it has no such session.
    fn messages(
        &self,
        of: PartyId,
        session: SessionId,
        page: Page,
    ) -> Asked<'_, Option<Listing<MessageView>>>;

    /// The devices of a party, revoked ones included.
    fn devices(&self, of: PartyId) -> Asked<'_, Vec<DeviceView>>;

    /// A device, whosever it is: for edges that check a credential.
    fn device(&self, device: DeviceId) -> Asked<'_, Option<DeviceView>>;

    /// A party.
    fn party(&self, of: PartyId) -> Asked<'_, Option<PartyView>>;
}

/// An item of a device's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// Its number: 1, 2, 3 … for each device.
    pub number: u64,
    /// The commit that it comes from.
    pub position: Position,
    /// When it happened.
    pub at: Instant,
    /// The item ([`crate::feed::Item`]) as JSON.
    pub body: Arc<str>,
}

/// A part of a device's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedPage {
    /// The items that follow, in order, without a hole.
    Items(Vec<FeedItem>),
    /// What follows the cursor is no longer kept.
    TooOld {
        /// The oldest number that is kept.
        oldest: u64,
        /// The newest number that there is.
        newest: u64,
    },
    /// The cursor is ahead of the feed: no such number was ever given.
    Ahead {
        /// The newest number that there is.
        newest: u64,
    },
}

/// The devices' feeds. The device holds the cursor; nothing is stored of who has read what.
pub trait Feeds: Send + Sync + 'static {
    /// The items after a number, at most so many.
    fn read(&self, device: DeviceId, after: u64, max: usize) -> Asked<'_, FeedPage>;

    /// The newest number of a device's feed; 0 if it is empty.
    fn newest(&self, device: DeviceId) -> Asked<'_, u64>;

    /// Watches a device's feed from now on. To be called before [`Self::read`], so that nothing falls between.
    fn watch(&self, device: DeviceId) -> Box<dyn FeedWatch>;
}

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedSignal {
    /// New items in order. The watcher compares numbers: what it has, it drops; a hole it fills by reading.
    Items(Vec<FeedItem>),
    /// It was too slow, or a nudge was lost: read.
    Read,
}

/// A place at a device's feed.
pub trait FeedWatch: Send {
    /// Waits for news. Also wakes, with [`FeedSignal::Read`], after a bounded time without any, so that a lost nudge is
    /// repaired.
    fn next(&mut self) -> Boxed<'_, FeedSignal>;
}

/// Takes items that were numbered, to hand them to whoever watches. Never waits.
pub trait FeedSink: Send + Sync + 'static {
    /// New items, those of one device in order.
    fn offer(&self, items: Vec<(DeviceId, FeedItem)>);
}

/// Takes public events, to publish them.
pub trait PublicBus: Send + Sync + 'static {
    /// Publishes a `CloudEvent`; the future is ready when it is durable there. `id` is the same on every try.
    fn publish<'a>(&'a self, subject: &'a str, id: &'a str, event: String) -> Boxed<'a, Result<(), Cause>>;
}
