//! People who label, and whoever asks them: slow, silent, dying, changing their minds, and sending again whatever got no
//! answer.
//!
//! ```text
//!   chief:      project ─► two batches ─► scores, decisions, estimates of skills
//!   annotator:  Joining ─► Wanting ─► Looking ─► Saying ─► Wanting …       Looking ─► skipped, given back, silent
//!                              ▲                    └──────► Revising, TakingBack
//!                              └────────────────────────────────┘
//! ```

use std::sync::Arc;

use hone_studies::{
    AnnotatorId, BlobId, Command, LabelProjectId, LabelRequestId, Micros, Reject, Reply, RequestId, SECOND,
    label::{
        AnswerSpec, Channel, Consensus, Form, FormKind, Label, LabelCommand, LabelProject, LabelReply, LabelRequest, LabelSpec,
        NewRequest, Prediction, Rescore, SampleData, Show, Skills, Submission,
    },
};

use super::{dice::Dice, queue::Happening, scenario::TROUBLE_US, shell::Waiter, world::World};

/// What the project is called.
const PROJECT: &str = "labels";
const CLASSES: u32 = 3;
const LEASE_US: Micros = 40 * SECOND;
/// A request without an answer is asked no more after this.
const EXPIRE_US: Micros = 200 * SECOND;
/// How long somebody waits for an answer before they send again.
const RETRY_US: Micros = 5 * SECOND;
const BATCHES: u32 = 2;
const SAMPLES: u32 = 10;
/// When requests that nobody is left for are decided by hand.
const PATIENCE_US: Micros = TROUBLE_US + 900 * SECOND;

/// Everybody who has to do with labels in a run.
#[derive(Debug)]
pub struct Labelling {
    /// Chance of its own, so that it does not shift anybody else's.
    dice: Dice,
    spec: Arc<LabelSpec>,
    chief: Chief,
    annotators: Vec<Annotator>,
}

/// Whoever wants the labels.
#[derive(Clone, Copy, Debug, Default)]
struct Chief {
    project: Option<LabelProjectId>,
    /// Batches whose asking was answered.
    asked: u32,
}

/// One person.
#[derive(Clone, Copy, Debug)]
struct Annotator {
    /// Goes up whenever they close their browser.
    life: u64,
    requests: u64,
    id: Option<AnnotatorId>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Wanting,
    Looking(LabelRequestId),
    /// An answer, or another one, is on its way.
    Saying(Said),
    /// They want their answer back.
    TakingBack(LabelRequestId),
}

/// An answer of an annotator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub request: LabelRequestId,
    pub annotator: AnnotatorId,
    pub class: u32,
    pub by: RequestId,
}

/// Which answer of the coordinator somebody waits for.
#[derive(Clone, Copy, Debug)]
pub enum Awaited {
    Project,
    Asked { batch: u32 },
    Joined { at: usize, life: u64 },
    Given { at: usize, life: u64 },
    Said { at: usize, life: u64, said: Said },
    TakenBack { at: usize, life: u64, request: LabelRequestId },
    LeftAlone,
}

impl Labelling {
    pub fn new(mut dice: Dice) -> Labelling {
        // Now and then nobody labels.
        let people = dice.between(0, 4) as usize;
        let most = people.min(3) as u32;
        let answers = AnswerSpec {
            min: 1 + u32::from(most > 1 && dice.percent(50)),
            max: most.max(1),
            until: [0.6, 0.9][dice.below(2)],
            lease: LEASE_US,
            expire: dice.percent(50).then_some(EXPIRE_US),
            consensus: if dice.percent(50) { Consensus::DawidSkene } else { Consensus::Majority },
            ..AnswerSpec::default()
        };
        let classes = (0..CLASSES).map(|class| format!("class-{class}")).collect();
        let spec = LabelSpec {
            name: PROJECT.to_owned(),
            instructions: String::new(),
            dataset: None,
            form: Form { kind: FormKind::Classes, classes, range: (None, None) },
            show: Show::default(),
            answers,
            seed: dice.next(),
            label_studio: None,
        };
        let annotator = Annotator { life: 0, requests: 0, id: None, phase: Phase::Wanting };
        Labelling { dice, spec: Arc::new(spec), chief: Chief::default(), annotators: vec![annotator; people] }
    }

    pub fn people(&self) -> usize {
        self.annotators.len()
    }

    /// When somebody comes in.
    pub fn begins(&mut self) -> Micros {
        self.dice.between(0, 30 * SECOND)
    }

    fn next_request(&mut self, at: usize) -> RequestId {
        let annotator = &mut self.annotators[at];
        annotator.requests += 1;
        let number = ((at as u64 + 1) << 48) | annotator.requests;
        RequestId([number.to_be_bytes(), [9; 8]].concat().try_into().expect("16 bytes"))
    }
}

/// The request id of a batch: always the same, because it is one wish.
fn batch_id(batch: u32) -> RequestId {
    RequestId([[batch as u8; 8], [11; 8]].concat().try_into().expect("16 bytes"))
}

fn sample(batch: u32, at: u32, dice: &mut Dice) -> NewRequest {
    let gold = dice.percent(10).then(|| Label::Class(dice.below(CLASSES as usize) as u32));
    let prediction = Prediction { label: Label::Class(at % CLASSES), confidence: 0.5, source: "model".into() };
    NewRequest {
        // The batches overlap: what is asked for already is not asked twice.
        sample: format!("sample-{}", batch * (SAMPLES - 3) + at).into(),
        data: SampleData { blob: BlobId([3; 32]), offset: 0, length: 2 },
        priority: dice.between(0, 5) as f64,
        prediction: Some(prediction).filter(|_| dice.percent(70)),
        control: dice.percent(10),
        gold,
    }
}

impl World {
    // ------------------------------------------------------------ whoever asks

    pub fn chief_wakes(&mut self) {
        self.push(self.now + RETRY_US, Happening::ChiefWakes);
        let labelling = &mut self.labelling;
        let Chief { project, asked } = labelling.chief;
        let Some(project) = project else {
            let (spec, text, request) = (labelling.spec.clone(), String::new(), Some(RequestId([2; 16])));
            return self.ask_labels(LabelCommand::CreateProject { spec, text, request }, Awaited::Project);
        };
        if asked < BATCHES {
            return self.ask_for_batch(project, asked);
        }
        self.weigh_if_wanted();
        if self.now < TROUBLE_US {
            self.interferes(project);
        } else if self.now > PATIENCE_US {
            self.decides_what_is_left();
        }
    }

    /// Asks for a batch, now and then twice at once.
    fn ask_for_batch(&mut self, project: LabelProjectId, batch: u32) {
        // Samples are the same each time that the batch is sent.
        let mut dice = Dice::new(u64::from(batch) ^ self.labelling.spec.seed);
        let samples: Vec<NewRequest> = (0..SAMPLES).map(|at| sample(batch, at, &mut dice)).collect();
        let (source, blob, request) = ("sim".to_owned(), BlobId([3; 32]), Some(batch_id(batch)));
        let ask = LabelCommand::Ask { project, source, blob, files: Vec::new(), samples, request };
        if self.labelling.dice.percent(20) {
            self.ask_labels(ask.clone(), Awaited::Asked { batch });
        }
        self.ask_labels(ask, Awaited::Asked { batch });
    }

    fn weigh_if_wanted(&mut self) {
        let Some(project) = self.label_project().filter(|project| project.has_news()) else { return };
        match Skills::estimate(&project) {
            Ok(skills) => {
                let requests = skills.changes(&project);
                let command = LabelCommand::Weigh { project: project.id, skills: Arc::new(skills), requests };
                self.ask_labels(command, Awaited::LeftAlone);
            }
            Err(error) => self.oracle.violation("skills", error.to_string()),
        }
    }

    fn label_project(&self) -> Option<Arc<LabelProject>> {
        let id = self.labelling.chief.project?;
        self.shell.state()?.labels.project(id).cloned()
    }

    /// Newer scores, decisions, second thoughts.
    fn interferes(&mut self, project: LabelProjectId) {
        let Some(state) = self.label_project() else { return };
        let requests: Vec<&LabelRequest> = state.requests().collect();
        let dice = &mut self.labelling.dice;
        if !dice.percent(60) {
            return;
        }
        let Some(chosen) = dice.pick(&requests) else { return };
        let request = chosen.id;
        let command = match dice.below(9) {
            0 | 1 => {
                let scores = vec![Rescore { request, priority: dice.between(-5, 9) as f64, prediction: None }];
                LabelCommand::Rescore { project, source: "newer".to_owned(), scores }
            }
            2 => LabelCommand::Withdraw { request, reason: "not needed".to_owned() },
            3 | 4 => LabelCommand::Reopen { request },
            5 | 6 => {
                let by = self.labelling.annotators.iter().find_map(|annotator| annotator.id);
                let Some(by) = by else { return };
                let label = Label::Class(self.labelling.dice.below(CLASSES as usize) as u32);
                LabelCommand::Resolve { request, label, by }
            }
            _ => {
                let Some(answer) = chosen.counting().next() else { return };
                self.oracle.may_be_withdrawn(answer.id);
                LabelCommand::WithdrawAnswer { request, answer: answer.id, reason: "doubtful".to_owned() }
            }
        };
        self.ask_labels(command, Awaited::LeftAlone);
    }

    /// Whom everybody has seen or nobody comes for.
    fn decides_what_is_left(&mut self) {
        let Some(by) = self.labelling.annotators.iter().find_map(|annotator| annotator.id) else { return };
        let Some(project) = self.label_project() else { return };
        let open = project.requests().filter(|request| request.state.is_open() && request.gold.is_none());
        for request in open.map(|request| request.id).collect::<Vec<_>>() {
            self.ask_labels(LabelCommand::Resolve { request, label: Label::Class(0), by }, Awaited::LeftAlone);
        }
    }

    fn ask_labels(&mut self, command: LabelCommand, awaited: Awaited) {
        self.ask_core(Command::Label(command), Waiter::Labels(awaited));
    }

    // ------------------------------------------------------------ annotators

    /// An annotator goes on, or sends again what was not answered.
    pub fn annotator_wakes(&mut self, at: usize, life: u64) {
        let Annotator { life: lives, id, phase, .. } = self.labelling.annotators[at];
        if lives != life {
            return;
        }
        let in_trouble = self.now < TROUBLE_US && !self.scenario.is_calm();
        if in_trouble && self.labelling.dice.percent(3) {
            return self.annotator_leaves(at);
        }
        let mut pause = self.labelling.dice.between(SECOND, 3 * RETRY_US);
        match (id, self.labelling.chief.project, phase) {
            (None, _, _) => {
                let (name, channel) = (format!("annotator-{at}"), Channel::Page);
                self.ask_labels(LabelCommand::Join { name, channel }, Awaited::Joined { at, life });
            }
            (Some(annotator), Some(project), Phase::Wanting) => {
                let next = LabelCommand::Next { project, annotator, holding: Vec::new() };
                self.ask_labels(next, Awaited::Given { at, life });
            }
            (Some(annotator), _, Phase::Looking(request)) => pause = self.looks(at, annotator, request, in_trouble),
            (Some(_), _, Phase::Saying(said)) => {
                self.says_label(at, life, said);
                if in_trouble && self.labelling.dice.percent(15) {
                    self.says_label(at, life, said);
                }
            }
            (Some(annotator), _, Phase::TakingBack(request)) => {
                self.oracle.takes_back(request, annotator);
                self.ask_labels(LabelCommand::Undo { request, annotator }, Awaited::TakenBack { at, life, request });
            }
            (Some(_), None, Phase::Wanting) => {}
        }
        self.push(self.now + pause, Happening::AnnotatorWakes { at, life });
    }

    /// Closes the browser, and comes back later without knowing what was before them.
    fn annotator_leaves(&mut self, at: usize) {
        let annotator = &mut self.labelling.annotators[at];
        annotator.life += 1;
        annotator.phase = Phase::Wanting;
        let life = annotator.life;
        let pause = self.labelling.dice.between(SECOND, 2 * LEASE_US);
        self.push(self.now + pause, Happening::AnnotatorWakes { at, life });
    }

    /// Thinks on, answers, skips, gives back, or falls asleep. Answers how long until they go on.
    fn looks(&mut self, at: usize, annotator: AnnotatorId, request: LabelRequestId, in_trouble: bool) -> Micros {
        let dice = &mut self.labelling.dice;
        let renew = LabelCommand::Renew { annotator, requests: vec![request] };
        let (chance, short) = (dice.below(100), dice.between(SECOND, RETRY_US));
        // Who is asleep says nothing, and answers when they wake up.
        if in_trouble && chance < 8 {
            self.labelling.annotators[at].phase = self.answer_to(at, annotator, request);
            return LEASE_US + 10 * short;
        }
        let command = match chance {
            0..20 => renew,
            20..28 => LabelCommand::Skip { request, annotator, reason: "no idea".to_owned() },
            28..36 => LabelCommand::Release { request, annotator },
            _ => {
                self.labelling.annotators[at].phase = self.answer_to(at, annotator, request);
                return short;
            }
        };
        if chance >= 20 {
            self.labelling.annotators[at].phase = Phase::Wanting;
        }
        self.ask_labels(command, Awaited::LeftAlone);
        short
    }

    /// Mostly the same for everybody, so that answers can agree.
    fn answer_to(&mut self, at: usize, annotator: AnnotatorId, request: LabelRequestId) -> Phase {
        let agreed = (request.0 % u64::from(CLASSES)) as u32;
        let errs = self.labelling.dice.percent(10 + 20 * at as u64);
        let class = if errs { self.labelling.dice.below(CLASSES as usize) as u32 } else { agreed };
        Phase::Saying(Said { request, annotator, class, by: self.labelling.next_request(at) })
    }

    fn says_label(&mut self, at: usize, life: u64, said: Said) {
        self.oracle.says(said);
        let submission = Submission {
            request: said.request,
            annotator: said.annotator,
            label: Label::Class(said.class),
            took_ms: 1_000,
            channel: Channel::Page,
            external: String::new(),
            shown: None,
            asked_by: Some(said.by),
        };
        self.ask_labels(LabelCommand::Submit(Box::new(submission)), Awaited::Said { at, life, said });
    }

    // ------------------------------------------------------------ answers

    /// An answer of the coordinator; some are lost on their way.
    pub fn labels_answered(&mut self, awaited: Awaited, reply: Result<Reply, Reject>) {
        let lost = self.now < TROUBLE_US && !self.scenario.is_calm() && self.labelling.dice.percent(10);
        let label = match reply {
            Ok(Reply::Label(reply)) => Some(reply),
            Ok(_) => return self.oracle.violation("labels", format!("another answer to {awaited:?}")),
            Err(_) => None,
        };
        if lost {
            return;
        }
        match awaited {
            Awaited::Project => match label {
                Some(LabelReply::Project(project)) => self.labelling.chief.project = Some(project),
                other => self.oracle.violation("labels", format!("the project was answered by {other:?}")),
            },
            Awaited::Asked { batch } => self.batch_asked(batch, label),
            Awaited::Joined { at, life } if self.lives(at, life) => {
                if let Some(LabelReply::Annotator(id)) = label {
                    self.labelling.annotators[at].id = Some(id);
                }
            }
            Awaited::Given { at, life } if self.lives(at, life) => {
                if let Some(LabelReply::Handed(handed)) = label {
                    self.labelling.annotators[at].phase = Phase::Looking(handed.request);
                }
            }
            Awaited::Said { at, life, said } if self.lives(at, life) => self.heard(at, said, label),
            Awaited::TakenBack { at, life, request } if self.lives(at, life) => self.taken_back(at, request, label),
            Awaited::Joined { .. } | Awaited::Given { .. } | Awaited::Said { .. } | Awaited::TakenBack { .. } => {}
            Awaited::LeftAlone => {}
        }
    }

    fn lives(&self, at: usize, life: u64) -> bool {
        self.labelling.annotators[at].life == life
    }

    fn batch_asked(&mut self, batch: u32, label: Option<LabelReply>) {
        match label {
            Some(LabelReply::Asked { new, known, .. }) => {
                self.oracle.batch_asked(batch, new, new + known == SAMPLES);
                self.labelling.chief.asked = self.labelling.chief.asked.max(batch + 1);
            }
            other => self.oracle.violation("labels", format!("batch {batch} was answered by {other:?}")),
        }
    }

    /// An answer is in the store, or was refused because its request is withdrawn.
    fn heard(&mut self, at: usize, said: Said, label: Option<LabelReply>) {
        if self.labelling.annotators[at].phase != Phase::Saying(said) {
            return;
        }
        if let Some(LabelReply::Answered { answer, .. }) = label {
            self.oracle.labelled(said, answer);
        }
        let thought = self.labelling.dice.below(100);
        self.labelling.annotators[at].phase = match thought {
            0..10 if label.is_some() => {
                let class = (said.class + 1) % CLASSES;
                Phase::Saying(Said { class, by: self.labelling.next_request(at), ..said })
            }
            10..18 if label.is_some() => Phase::TakingBack(said.request),
            _ => Phase::Wanting,
        };
    }

    fn taken_back(&mut self, at: usize, request: LabelRequestId, label: Option<LabelReply>) {
        if self.labelling.annotators[at].phase == Phase::TakingBack(request) {
            let again = matches!(label, Some(LabelReply::Handed(_)));
            self.labelling.annotators[at].phase = if again { Phase::Looking(request) } else { Phase::Wanting };
        }
    }

    /// Everything that was asked for has come to an end.
    pub fn labels_are_over(&self) -> bool {
        let Some(project) = self.label_project() else { return false };
        let nobody = self.labelling.annotators.is_empty();
        let open = project.requests().any(|request| request.state.is_open() && request.gold.is_none());
        self.labelling.chief.asked == BATCHES && (nobody || !open)
    }

    pub fn labels_left(&self) -> Option<String> {
        let project = self.label_project()?;
        let open: Vec<String> = project
            .requests()
            .filter(|request| request.state.is_open() && request.gold.is_none())
            .map(|request| format!("{} is {}", request.id, request.state.name()))
            .collect();
        (!self.labels_are_over()).then(|| format!("labels: {}", open.join(", ")))
    }
}
