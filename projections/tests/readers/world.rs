//! A small world that makes realistic commits: people with telephones who register, call and write.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use paravox_domain::answer::{Answer, Noted, Rejection};
use paravox_domain::call::{Attempt, Other, Report, Reporter, Role, Stage};
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::commit::chain::Link;
use paravox_domain::commit::{Commit, CommitBuilder, EncodedCommit, Header, Position, Settled};
use paravox_domain::digest::{Digest, SecretKey};
use paravox_domain::id::{
    CallId, CommandId, CommitId, DeviceId, Id as _, PartyId, RegistrationId, RequestId, SessionId, WriterId,
};
use paravox_domain::identity::Identity;
use paravox_domain::ports::query::{FeedItem, FeedSink};
use paravox_domain::ports::{AnyJournal, Clock};
use paravox_domain::registration::{Codes, DeviceKind, DeviceName, NewDevice};
use paravox_domain::settings::Settings;
use paravox_domain::state::State;
use paravox_domain::time::{Instant, Span};
use paravox_harness::eventually;
use paravox_journal::MemoryJournal;
use paravox_projections::Db;
use paravox_projections::archive::{ArchiveOptions, ArchiveProjection};
use paravox_projections::feed::{FeedHub, FeedOptions, FeedProjection};
use paravox_projections::reader::{Runner, RunnerHandle, RunnerOptions};
use paravox_projections::views::ViewsProjection;

pub(crate) const REALM: &str = "test";
pub(crate) const SECRET: SecretKey = SecretKey([7; 32]);
const START: Instant = Instant(1_700_000_000_000_000);
/// No condition takes longer to come true.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A clock that the test moves.
#[derive(Clone, Debug)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn advance(&self, span: Span) {
        self.0.fetch_add(span.micros(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }
}

/// Somebody with a telephone.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) party: PartyId,
    pub(crate) device: DeviceId,
    pub(crate) number: Identity,
}

impl Person {
    pub(crate) fn actor(&self) -> Actor {
        Actor::Device { device: self.device, party: self.party }
    }
}

pub(crate) struct World {
    pub(crate) journal: MemoryJournal,
    pub(crate) clock: TestClock,
    pub(crate) state: State,
    /// How the reporters name the attempt.
    pub(crate) attempt: Option<Attempt>,
    builder: CommitBuilder,
    link: Link,
    count: u128,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            journal: MemoryJournal::new(REALM).expect("a journal"),
            clock: TestClock(Arc::new(AtomicI64::new(START.0))),
            state: State::new(Arc::new(Settings::with_key(SECRET))),
            attempt: None,
            builder: CommitBuilder::new(),
            link: Link::START,
            count: 0,
        }
    }

    /// The end of the journal.
    pub(crate) fn end(&self) -> Position {
        self.link.position
    }

    /// A command with what edges and writer add to it.
    pub(crate) fn command(&mut self, actor: Actor, ask: Ask) -> Command {
        self.count += 1;
        self.clock.advance(Span::millis(1));
        Command {
            id: CommandId::from_bits(self.count),
            repeatable: true,
            fingerprint: u64::MAX - self.count as u64,
            at: self.clock.now(),
            request: RequestId::from_bits(self.count),
            seed: self.count << 32,
            actor,
            ask,
        }
    }

    /// Carries a command out, into the commit that is being collected.
    pub(crate) fn ask(&mut self, actor: Actor, ask: Ask) -> Result<Answer, Rejection> {
        let command = self.command(actor, ask);
        let position = self.link.position.next();
        let done = self.state.transact(&command, position, self.builder.next_cause())?;
        let Command { id, repeatable, fingerprint, request, .. } = command;
        if command.ask != Ask::Tick {
            let answer = done.answer.clone();
            self.builder.settle(&Settled { command: id, repeatable, fingerprint, request, answer });
        }
        for recorded in &done.events {
            self.builder.record(recorded);
        }
        Ok(done.answer)
    }

    /// Closes the commit and appends it.
    pub(crate) async fn commit(&mut self) -> Position {
        let encoded = self.seal();
        self.journal.journal().append(&encoded).await.expect("the journal takes the commit");
        self.link = Link { position: encoded.position(), digest: encoded.digest() };
        self.link.position
    }

    fn seal(&mut self) -> EncodedCommit {
        let position = self.link.position.next();
        let header = Header {
            realm: REALM.to_owned(),
            position,
            writer: WriterId::from_bits(1),
            epoch: 1,
            commit: CommitId::from_bits(u128::from(position.0)),
            at: self.clock.now(),
            previous: self.link.digest,
        };
        self.builder.seal(&header)
    }

    /// Registers a number with a telephone. Two commits.
    pub(crate) async fn register(&mut self, number: &str) -> Person {
        let number = Identity::parse(number).expect("a number");
        let registration = RegistrationId::from_bits(self.count + 1);
        let codes = Codes::new(&SECRET);
        let code = codes.digest(registration, &codes.code(registration));
        let device =
            NewDevice { name: DeviceName::parse("telephone").expect("a name"), kind: DeviceKind::Phone };
        let start = Ask::StartRegistration { registration, identity: number.clone(), device, code };
        self.ask(Actor::Anyone, start).expect("a registration starts");
        self.commit().await;
        let proven = self.ask(Actor::Anyone, Ask::ProveRegistration { registration, code });
        let Ok(Answer::Proven { party, device: Some(device) }) = proven else {
            panic!("not proven: {proven:?}")
        };
        self.commit().await;
        Person { party, device, number }
    }

    /// Somebody's telephone reports a call.
    pub(crate) fn report(&mut self, by: &Person, other: &Person, role: Role, stage: Stage) -> Noted {
        match self.report_as(by, Some(&other.number), role, stage) {
            Ok(Answer::Noted { outcome, .. }) => outcome,
            answer => panic!("not noted: {answer:?}"),
        }
    }

    pub(crate) fn report_as(
        &mut self,
        by: &Person,
        other: Option<&Identity>,
        role: Role,
        stage: Stage,
    ) -> Result<Answer, Rejection> {
        let other = other.map_or(Other::Withheld, |identity| Other::Known {
            identity: identity.clone(),
            key: identity.key(&SECRET),
            party: None,
        });
        let report = Report {
            on_behalf_of: by.number.clone(),
            key: by.number.key(&SECRET),
            party: None,
            other,
            role,
            stage,
            references: Vec::new(),
            attempt: self.attempt.clone(),
            happened: None,
            reporter: Reporter::Device(by.device),
            devices: Vec::new(),
        };
        self.ask(by.actor(), Ask::Notify(Box::new(report)))
    }

    /// Both report an answered call: a session is open. Not committed.
    pub(crate) fn connect(&mut self, from: &Person, to: &Person) -> (CallId, SessionId) {
        self.report(from, to, Role::Calling, Stage::Answered);
        let done = self.report_as(to, Some(&from.number), Role::Called, Stage::Answered);
        match done {
            Ok(Answer::Noted { call, outcome: Noted::Joined { session: Some(session) } }) => (call, session),
            answer => panic!("no session: {answer:?}"),
        }
    }

    pub(crate) fn hang_up(&mut self, by: &Person, other: &Person) {
        self.report(by, other, Role::Unknown, Stage::Ended);
    }

    pub(crate) fn write(&mut self, by: &Person, session: SessionId, text: &str) {
        self.ask(by.actor(), Ask::SendText { session, text: text.to_owned() }).expect("the text is sent");
    }

    /// Commits of many kinds: calls, messages, losses, ends. Realistic traffic of `rounds` calls.
    pub(crate) async fn traffic(&mut self, from: &Person, to: &Person, rounds: usize) {
        for round in 0..rounds {
            let (_, session) = self.connect(from, to);
            self.write(from, session, &format!("hello {round}"));
            if round % 2 == 0 {
                self.commit().await;
            }
            self.write(to, session, "hello yourself");
            self.ask(from.actor(), Ask::KeepSession { session, keep: round % 3 == 0 }).expect("kept");
            self.commit().await;
            self.hang_up(to, from);
            if round % 3 == 0 {
                self.ask(to.actor(), Ask::LeaveSession { session }).expect("left");
            }
            self.commit().await;
            // Long enough for the call to be over and done.
            self.clock.advance(Span::seconds(60));
            self.ask(Actor::Server, Ask::Tick).expect("a tick");
            self.commit().await;
        }
    }

    /// All commits, decoded.
    pub(crate) async fn commits(&self) -> Vec<Commit> {
        let journal = self.journal.journal();
        let mut commits = Vec::new();
        loop {
            let read = journal.read(Position(commits.len() as u64), 1000).await.expect("the journal is read");
            if read.is_empty() {
                return commits;
            }
            commits.extend(read.iter().map(|commit| commit.decode().expect("a commit")));
        }
    }

    pub(crate) fn any_journal(&self) -> AnyJournal {
        self.journal.journal()
    }

    /// A runner of all projections.
    pub(crate) fn runner(&self, db: &Db, sink: Arc<dyn FeedSink>, options: RunnerOptions) -> Runner {
        Runner::new(self.any_journal(), db.clone(), Arc::new(self.clock.clone()), options)
            .with(ArchiveProjection::new(ArchiveOptions::default()))
            .with(ViewsProjection::new())
            .with_feeds(FeedProjection::new(feed_options()), sink)
    }

    /// Starts a runner of all projections.
    pub(crate) fn run(&self, db: &Db) -> Running {
        let hub = FeedHub::new(db.clone(), feed_options());
        let handle = self.runner(db, Arc::new(hub.clone()), options()).start();
        Running { hub, handle }
    }

    /// Has all that is committed applied, and ends the runner.
    pub(crate) async fn apply_all(&self, db: &Db) {
        let running = self.run(db);
        running.reaches(self.end()).await;
        running.handle.shutdown().await;
    }
}

/// Small bounds, so that tests meet them.
pub(crate) fn options() -> RunnerOptions {
    RunnerOptions {
        commits_max: 7,
        events_max: 50,
        queue_max: 16,
        apart_max: 5,
        live_for: Span::seconds(24 * 3600),
        takeover_after: Duration::from_millis(300),
        watch_every: Duration::from_millis(10),
        pause: (Duration::from_millis(5), Duration::from_millis(50)),
        clean_every: Duration::from_millis(50),
    }
}

pub(crate) fn feed_options() -> FeedOptions {
    FeedOptions {
        items_max: 20,
        items_slack: 5,
        waiting_max: 8,
        recent_max: 64,
        read_every: Duration::from_mins(1),
        ahead_patience: Duration::from_millis(100),
        ..FeedOptions::default()
    }
}

pub(crate) struct Running {
    pub(crate) hub: FeedHub,
    pub(crate) handle: RunnerHandle,
}

impl Running {
    /// Waits until all readers have got to a position.
    pub(crate) async fn reaches(&self, position: Position) {
        let status = self.handle.status();
        eventually("the readers' position", SOON, async || {
            (status.borrow().positions.len() >= 3 && status.borrow().slowest() >= position).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error}: {:?}", self.handle.status().borrow()));
    }
}

/// A sink that nobody watches.
pub(crate) struct Nobody;

impl FeedSink for Nobody {
    fn offer(&self, _: Vec<(DeviceId, FeedItem)>) {}
}

/// A digest of nothing in particular.
pub(crate) fn other_digest() -> Digest {
    Digest::of(b"another journal")
}
