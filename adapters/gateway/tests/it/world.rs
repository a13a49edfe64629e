//! A realm in memory: the domain's state, a journal's positions, feeds and read models, all at once under one lock.
//!
//! Owns: what the writer, the feeds and the read models do, without their I/O. Idempotency as the writer has it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use paravox_domain::answer::Answer;
use paravox_domain::call::Other;
use paravox_domain::command::{Ask, Command};
use paravox_domain::commit::{Position, Recorded};
use paravox_domain::digest::SecretKey;
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event;
use paravox_domain::feed::{self, ItemLegState};
use paravox_domain::id::{CallId, CommandId, DeviceId, PartyId, SessionId};
use paravox_domain::ports::query::{
    CallView, DeviceView, FeedItem, FeedPage, FeedSignal, FeedWatch, Feeds, LegView, Listing, MessageView,
    Page, PartyView, Place, QueryError, SessionView, Views,
};
use paravox_domain::ports::{Boxed, Clock, Commands, Outcome, Refused};
use paravox_domain::session::{Event as SessionEvent, LegState};
use paravox_domain::settings::Settings;
use paravox_domain::state::State;
use paravox_domain::time::{Instant, Span};
use tokio::sync::broadcast;

type Answered<'a, T> = Boxed<'a, Result<T, QueryError>>;

/// A clock that goes on by itself and can be put forward.
pub(crate) struct TestClock {
    began: std::time::Instant,
    ahead_us: AtomicI64,
}

impl TestClock {
    pub(crate) fn advance(&self, span: Span) {
        self.ahead_us.fetch_add(span.micros(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        let elapsed = self.began.elapsed().as_micros() as i64;
        Instant(1_795_446_000_000_000 + elapsed + self.ahead_us.load(Ordering::SeqCst))
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    inner: Mutex<Inner>,
    nudges: broadcast::Sender<(DeviceId, FeedItem)>,
    /// While set, no command is settled and each is answered so.
    pub(crate) no_writer: AtomicBool,
    /// While set, read models never get to a position.
    pub(crate) behind: AtomicBool,
}

struct Inner {
    state: State,
    position: Position,
    settled: HashMap<CommandId, (u64, Answer, Position)>,
    feeds: HashMap<DeviceId, Vec<FeedItem>>,
    /// The number of the oldest item that is kept, where it is not the first.
    oldest: HashMap<DeviceId, u64>,
    began: BTreeMap<Place, EntityId>,
    enrolled: HashMap<DeviceId, Instant>,
    others: HashMap<(CallId, PartyId), String>,
    messages: Vec<(Place, SessionId, MessageView)>,
    presence: Vec<(DeviceId, bool)>,
    asked: Vec<&'static str>,
}

/// The key of the directory, as settings and gateway have it.
pub(crate) fn lookup_key() -> SecretKey {
    SecretKey([42; 32])
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        let clock = Arc::new(TestClock { began: std::time::Instant::now(), ahead_us: AtomicI64::new(0) });
        let inner = Inner {
            state: State::new(Arc::new(Settings::with_key(lookup_key()))),
            position: Position::START,
            settled: HashMap::new(),
            feeds: HashMap::new(),
            oldest: HashMap::new(),
            began: BTreeMap::new(),
            enrolled: HashMap::new(),
            others: HashMap::new(),
            messages: Vec::new(),
            presence: Vec::new(),
            asked: Vec::new(),
        };
        Arc::new(Self {
            clock,
            inner: Mutex::new(inner),
            nudges: broadcast::channel(1_024).0,
            no_writer: AtomicBool::new(false),
            behind: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Whether a device is connected, as far as the writer was told.
    pub(crate) fn is_connected(&self, device: DeviceId) -> bool {
        let inner = self.lock();
        inner.state.presence(device).is_some_and(|presence| presence.connection.is_some())
    }

    /// How often a device was told to be connected, and to be gone.
    pub(crate) fn connections(&self, device: DeviceId) -> (usize, usize) {
        let inner = self.lock();
        let count = |connected| inner.presence.iter().filter(|one| **one == (device, connected)).count();
        (count(true), count(false))
    }

    /// The position of the last commit.
    pub(crate) fn position(&self) -> Position {
        self.lock().position
    }

    /// How many commands of a kind came to the writer.
    pub(crate) fn asked(&self, kind: &str) -> usize {
        self.lock().asked.iter().filter(|asked| **asked == kind).count()
    }

    /// Puts an item into a device's feed.
    pub(crate) fn put(&self, device: DeviceId, body: &str) {
        let mut inner = self.lock();
        inner.position = inner.position.next();
        let (position, at) = (inner.position, self.clock.now());
        let item = inner.number(device, position, at, body.into());
        drop(inner);
        let _ = self.nudges.send((device, item));
    }

    /// Forgets all items before this number.
    pub(crate) fn forget_before(&self, device: DeviceId, oldest: u64) {
        self.lock().oldest.insert(device, oldest);
    }

    fn submit_now(&self, mut command: Command) -> Result<Outcome, Refused> {
        if self.no_writer.load(Ordering::SeqCst) {
            return Err(Refused::NoWriter { retry_after: Span::seconds(2) });
        }
        let mut inner = self.lock();
        inner.asked.push(kind(&command.ask));
        if let Some((fingerprint, answer, position)) = inner.settled.get(&command.id) {
            if *fingerprint != command.fingerprint {
                return Err(Refused::OtherRequest);
            }
            return Ok(Outcome { answer: answer.clone(), position: *position, replayed: true });
        }
        command.at = self.clock.now();
        let position = inner.position.next();
        let done = inner.state.transact(&command, position, 0)?;
        if done.events.is_empty() {
            return Ok(Outcome { answer: done.answer, position: inner.position, replayed: false });
        }
        inner.position = position;
        if command.repeatable {
            inner.settled.insert(command.id, (command.fingerprint, done.answer.clone(), position));
        }
        let mut told = Vec::new();
        for (index, recorded) in done.events.iter().enumerate() {
            inner.project(Place { position, index: index as u32 }, recorded);
            for (device, item) in feed::items(recorded) {
                let body = serde_json::to_string(&item).unwrap();
                told.push((device, inner.number(device, position, recorded.at, body.into())));
            }
        }
        drop(inner);
        for nudge in told {
            let _ = self.nudges.send(nudge);
        }
        Ok(Outcome { answer: done.answer, position, replayed: false })
    }
}

fn kind(ask: &Ask) -> &'static str {
    match ask {
        Ask::StartRegistration { .. } => "start",
        Ask::ProveRegistration { .. } => "prove",
        Ask::RotateCredential { .. } => "rotate",
        Ask::Notify(_) => "notify",
        Ask::SendText { .. } => "send",
        Ask::Connect { .. } => "connect",
        _ => "other",
    }
}

impl Inner {
    fn number(&mut self, device: DeviceId, position: Position, at: Instant, body: Arc<str>) -> FeedItem {
        let items = self.feeds.entry(device).or_default();
        let item = FeedItem { number: items.len() as u64 + 1, position, at, body };
        items.push(item.clone());
        item
    }

    fn project(&mut self, place: Place, recorded: &Recorded) {
        if recorded.version.0 == 1 {
            self.began.insert(place, recorded.entity);
        }
        match (recorded.entity, &recorded.event) {
            (EntityId::Device(device), Event::Device(_)) => {
                self.enrolled.entry(device).or_insert(recorded.at);
            }
            (EntityId::Presence(device), Event::Presence(event)) => {
                use paravox_domain::registration::PresenceEvent;
                self.presence.push((device, matches!(event, PresenceEvent::Connected { .. })));
            }
            (EntityId::Call(call), Event::Call(event)) => {
                use paravox_domain::call::Event as CallEvent;
                let report = match event {
                    CallEvent::Opened { report, .. } | CallEvent::Reported { report, .. } => Some(report),
                    CallEvent::Joined { by: paravox_domain::call::JoinedBy::Report(report), .. } => {
                        Some(report)
                    }
                    _ => None,
                };
                if let Some(report) = report
                    && let (Some(party), Other::Known { identity, .. }) = (report.party, &report.other)
                {
                    self.others.insert((call, party), identity.to_string());
                }
            }
            (
                EntityId::Session(session),
                Event::Session(SessionEvent::TextSent { message, number, leg, text, .. }),
            ) => {
                let view = MessageView {
                    message: *message,
                    number: *number,
                    leg: *leg,
                    text: text.clone(),
                    sent: recorded.at,
                };
                self.messages.push((place, session, view));
            }
            _ => {}
        }
    }

    fn call_view(&self, of: PartyId, id: CallId) -> Option<CallView> {
        let call = self.state.call(id)?;
        let side = call.sides().map(|(_, side)| side).find(|side| side.party == Some(of))?;
        Some(CallView {
            call: id,
            opened: call.opened,
            role: side.role,
            other: self.others.get(&(id, of)).cloned(),
            joined: call.second.is_some(),
            waiting: call.waiting.clone(),
            session: call.session,
            over: call.over.as_ref().map(|over| (over.at, over.cause)),
        })
    }

    fn session_view(&self, of: PartyId, id: SessionId) -> Option<SessionView> {
        let session = self.state.session(id)?;
        let own = session.leg_of(of)?;
        let state = |state: &LegState| match state {
            LegState::Invited => ItemLegState::Invited,
            LegState::Joined => ItemLegState::Joined,
            LegState::Lost { .. } => ItemLegState::Lost,
            LegState::Left => ItemLegState::Left,
        };
        Some(SessionView {
            session: id,
            call: session.call,
            opened: Instant(1_795_446_000_000_000),
            own_leg: own.id,
            legs: session
                .legs
                .iter()
                .map(|leg| LegView { leg: leg.id, state: state(&leg.state), keeps: leg.keeps })
                .collect(),
            messages: session.messages,
            outlives_call: session.outlives_since.is_some(),
            closed: session.closed.map(|cause| (Instant(0), cause)),
        })
    }

    fn device_view(&self, id: DeviceId) -> Option<DeviceView> {
        let device = self.state.device(id)?;
        Some(DeviceView {
            device: id,
            party: device.party,
            name: device.name.as_str().to_owned(),
            kind: device.kind,
            enrolled: self.enrolled.get(&id).copied().unwrap_or_default(),
            revoked: device.revoked,
        })
    }

    fn list<T>(&self, page: Page, view: impl Fn(EntityId) -> Option<T>) -> Listing<T> {
        let all = self.began.iter().filter(|(place, _)| page.after.is_none_or(|after| **place > after));
        let mut items: Vec<(Place, T)> =
            all.filter_map(|(place, entity)| Some((*place, view(*entity)?))).take(page.limit + 1).collect();
        let has_more = items.len() > page.limit;
        items.truncate(page.limit);
        Listing { items, has_more }
    }
}

impl Commands for World {
    fn submit(&self, command: Command) -> Boxed<'_, Result<Outcome, Refused>> {
        Box::pin(async move { self.submit_now(command) })
    }
}

impl Views for World {
    fn wait_for(&self, position: Position, _: Span) -> Boxed<'_, bool> {
        Box::pin(async move { !self.behind.load(Ordering::SeqCst) && position <= self.position() })
    }

    fn calls(&self, of: PartyId, page: Page) -> Answered<'_, Listing<CallView>> {
        Box::pin(async move {
            let inner = self.lock();
            Ok(inner.list(page, |entity| match entity {
                EntityId::Call(id) => inner.call_view(of, id),
                _ => None,
            }))
        })
    }

    fn call(&self, of: PartyId, call: CallId) -> Answered<'_, Option<CallView>> {
        Box::pin(async move { Ok(self.lock().call_view(of, call)) })
    }

    fn sessions(&self, of: PartyId, open_only: bool, page: Page) -> Answered<'_, Listing<SessionView>> {
        Box::pin(async move {
            let inner = self.lock();
            Ok(inner.list(page, |entity| match entity {
                EntityId::Session(id) => {
                    inner.session_view(of, id).filter(|view| !open_only || view.closed.is_none())
                }
                _ => None,
            }))
        })
    }

    fn session(&self, of: PartyId, session: SessionId) -> Answered<'_, Option<SessionView>> {
        Box::pin(async move { Ok(self.lock().session_view(of, session)) })
    }

    fn messages(
        &self,
        of: PartyId,
        session: SessionId,
        page: Page,
    ) -> Answered<'_, Option<Listing<MessageView>>> {
        Box::pin(async move {
            let inner = self.lock();
            if inner.session_view(of, session).is_none() {
                return Ok(None);
            }
            let mut items: Vec<(Place, MessageView)> = inner
                .messages
                .iter()
                .filter(|(place, own, _)| *own == session && page.after.is_none_or(|after| *place > after))
                .map(|(place, _, view)| (*place, view.clone()))
                .take(page.limit + 1)
                .collect();
            let has_more = items.len() > page.limit;
            items.truncate(page.limit);
            Ok(Some(Listing { items, has_more }))
        })
    }

    fn devices(&self, of: PartyId) -> Answered<'_, Vec<DeviceView>> {
        Box::pin(async move {
            let inner = self.lock();
            let mut all: Vec<DeviceView> = inner
                .enrolled
                .keys()
                .filter_map(|id| inner.device_view(*id))
                .filter(|view| view.party == of)
                .collect();
            all.sort_by_key(|view| view.device);
            Ok(all)
        })
    }

    fn device(&self, device: DeviceId) -> Answered<'_, Option<DeviceView>> {
        Box::pin(async move { Ok(self.lock().device_view(device)) })
    }

    fn party(&self, of: PartyId) -> Answered<'_, Option<PartyView>> {
        Box::pin(async move {
            let inner = self.lock();
            Ok(inner.state.party(of).map(|party| PartyView {
                party: of,
                identities: party.identities.iter().map(|(_, identity)| identity.to_string()).collect(),
            }))
        })
    }
}

impl Feeds for World {
    fn read(&self, device: DeviceId, after: u64, max: usize) -> Answered<'_, FeedPage> {
        Box::pin(async move {
            let inner = self.lock();
            let items = inner.feeds.get(&device).map(Vec::as_slice).unwrap_or_default();
            let newest = items.len() as u64;
            let oldest = inner.oldest.get(&device).copied().unwrap_or(1);
            Ok(if after > newest {
                FeedPage::Ahead { newest }
            } else if after + 1 < oldest {
                FeedPage::TooOld { oldest, newest }
            } else {
                FeedPage::Items(items.iter().skip(after as usize).take(max).cloned().collect())
            })
        })
    }

    fn newest(&self, device: DeviceId) -> Answered<'_, u64> {
        Box::pin(async move { Ok(self.lock().feeds.get(&device).map_or(0, |items| items.len() as u64)) })
    }

    fn watch(&self, device: DeviceId) -> Box<dyn FeedWatch> {
        Box::new(Watch { device, nudges: self.nudges.subscribe() })
    }
}

struct Watch {
    device: DeviceId,
    nudges: broadcast::Receiver<(DeviceId, FeedItem)>,
}

impl FeedWatch for Watch {
    fn next(&mut self) -> Boxed<'_, FeedSignal> {
        Box::pin(async move {
            let news = async {
                loop {
                    match self.nudges.recv().await {
                        Ok((device, item)) if device == self.device => return FeedSignal::Items(vec![item]),
                        Ok(_) => {}
                        Err(broadcast::error::RecvError::Lagged(_)) => return FeedSignal::Read,
                        Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            tokio::time::timeout(Duration::from_millis(500), news).await.unwrap_or(FeedSignal::Read)
        })
    }
}
