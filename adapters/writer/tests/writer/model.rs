//! The writer against the plain state: whatever happens to memory, processes and the journal, each command is answered as
//! the state alone would answer it, and the journal holds what the state alone would record.

use std::sync::Arc;

use paravox_domain::answer::Answer;
use paravox_domain::call::{Role, Stage as CallStage};
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::commit::{Position, Recorded};
use paravox_domain::id::{ConnectionId, Id, SessionId};
use paravox_domain::ports::{Clock, Commands, Refused};
use paravox_domain::state::State;
use paravox_domain::time::Span;
use paravox_journal::Fault;
use paravox_writer::WriterHandle;
use proptest::prelude::*;

use crate::people::{Person, command, in_session, repeatable};
use crate::stage::{Stage, eventually, leads};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    Report { who: usize, with: usize, stage: usize },
    Say { who: usize, repeat: bool },
    Keep { who: usize, keep: bool },
    Leave { who: usize },
    Rotate { who: usize, generation: u32 },
    Connect { who: usize, on: bool },
    Pass { millis: i64 },
    Archive,
    Fault(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..4_usize;
    prop_oneof![
        6 => (who.clone(), 0..4_usize, 0..6_usize)
            .prop_map(|(who, with, stage)| Step::Report { who, with, stage }),
        4 => (who.clone(), any::<bool>()).prop_map(|(who, repeat)| Step::Say { who, repeat }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, keep)| Step::Keep { who, keep }),
        1 => who.clone().prop_map(|who| Step::Leave { who }),
        1 => (who.clone(), 0..6_u32).prop_map(|(who, generation)| Step::Rotate { who, generation }),
        2 => (who, any::<bool>()).prop_map(|(who, on)| Step::Connect { who, on }),
        2 => (1..40_000_i64).prop_map(|millis| Step::Pass { millis }),
        3 => Just(Step::Archive),
        1 => (0..3_usize).prop_map(Step::Fault),
        1 => Just(Step::Restart),
    ]
}

/// Replays the journal into a fresh state, and the same commands into it as the writer got them.
struct Model {
    state: State,
    applied: usize,
}

impl Model {
    /// Takes in what stands in the journal.
    async fn follow(&mut self, stage: &Stage) {
        let commits = stage.commits().await;
        for commit in &commits[self.applied..] {
            self.state.apply_commit(commit);
        }
        self.applied = commits.len();
    }

    /// What the state alone answers, and records.
    fn expected(&self, command: &Command, stage: &Stage) -> (Result<Answer, Refused>, Vec<Recorded>) {
        let mut alone = self.state.clone();
        let mut command = command.clone();
        command.at = stage.clock.now();
        let missing = alone.needs(&command);
        alone.load(&missing, &[]);
        let missing = alone.needs(&command);
        alone.load(&missing, &[]);
        match alone.transact(&command, Position(1), 0) {
            Ok(done) => (Ok(done.answer), done.events),
            Err(rejection) => (Err(rejection.into()), Vec::new()),
        }
    }
}

struct Scene {
    stage: Stage,
    writer: WriterHandle,
    model: Model,
    people: Vec<Person>,
    session: SessionId,
    last: Option<(Command, Answer)>,
}

impl Scene {
    async fn new() -> Self {
        let stage = Stage::with(|config| {
            config.residents_keep = 0;
            config.window_ids_max = 2;
        });
        let writer = stage.leader().await;
        let mut people = Vec::new();
        for n in 0..4 {
            people.push(Person::registered(&writer, n).await);
        }
        let (_, session) = in_session(&writer, &people[0], &people[1]).await;
        let model = Model { state: State::new(Arc::clone(&stage.settings)), applied: 0 };
        Self { stage, writer, model, people, session, last: None }
    }

    async fn ask(&mut self, command: Command) {
        // What is due by time comes first, with the writer as with the model.
        self.model.follow(&self.stage).await;
        while self.model.state.next_deadline().is_some_and(|due| due <= self.stage.clock.now()) {
            self.model.follow(&self.stage).await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let before = self.stage.commits().await.len();
        let (expected, events) = self.model.expected(&command, &self.stage);
        let result = self.writer.submit(command.clone()).await;
        assert_eq!(result.clone().map(|outcome| outcome.answer), expected, "{command:?}");
        let commits = self.stage.commits().await;
        let recorded: Vec<Recorded> =
            commits[before..].iter().flat_map(|commit| commit.events.clone()).collect();
        assert_eq!(recorded, events, "{command:?}");
        if let (true, Ok(outcome)) = (command.repeatable, result) {
            self.last = Some((command, outcome.answer));
        }
    }

    async fn step(&mut self, step: Step) {
        const STAGES: [CallStage; 6] = [
            CallStage::Attempt,
            CallStage::Alerting,
            CallStage::Answered,
            CallStage::NotAnswered,
            CallStage::Busy,
            CallStage::Ended,
        ];
        let session = self.session;
        match step {
            Step::Report { who, with, stage } => {
                let role = if who < with { Role::Calling } else { Role::Called };
                let ask = self.people[who].reports(&self.people[with], role, STAGES[stage]);
                self.ask(command(self.people[who].actor(), ask)).await;
            }
            Step::Say { who, repeat: false } => self.ask(self.people[who].says(session, "hello")).await,
            Step::Say { who, repeat: true } => {
                let ask = Ask::SendText { session, text: "again".to_owned() };
                self.ask(repeatable(self.people[who].actor(), ask)).await;
                if let Some((command, answer)) = self.last.clone() {
                    let end = self.stage.end().await;
                    let again = self.writer.submit(command).await.expect("it was settled");
                    assert!(again.replayed && again.answer == answer);
                    assert_eq!(self.stage.end().await, end);
                }
            }
            Step::Keep { who, keep } => {
                self.ask(command(self.people[who].actor(), Ask::KeepSession { session, keep })).await;
            }
            Step::Leave { who } => {
                self.ask(command(self.people[who].actor(), Ask::LeaveSession { session })).await;
            }
            Step::Rotate { who, generation } => {
                let device = self.people[who].device;
                let ask = Ask::RotateCredential { device, generation };
                self.ask(command(Actor::Anyone, ask)).await;
            }
            Step::Connect { who, on } => {
                let Person { device, .. } = self.people[who];
                let connection = ConnectionId::from_bits(1);
                let ask = if on {
                    Ask::Connect { device, connection }
                } else {
                    Ask::Disconnect { device, connection }
                };
                self.ask(command(self.people[who].actor(), ask)).await;
            }
            Step::Pass { millis } => self.stage.clock.advance(Span::millis(millis)),
            Step::Archive => self.stage.archived().await,
            Step::Fault(n) => {
                let faults = [Fault::UnconfirmedAppended, Fault::UnconfirmedLost, Fault::Unavailable];
                self.stage.journal.faults().fail_next_append(faults[n]);
            }
            Step::Restart => {
                self.writer.shutdown().await;
                self.writer = self.stage.writer();
                leads(&self.writer).await;
                let position = self.stage.end().await;
                eventually(async || self.stage.end().await >= position).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn i3_i4_the_writer_answers_and_records_as_a_replay_of_the_journal_would(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut scene = Scene::new().await;
            for step in steps {
                scene.step(step).await;
            }
        });
    }
}
