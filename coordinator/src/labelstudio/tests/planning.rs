//! What follows from what is here and there.

use std::collections::BTreeSet;

use hone_studies::{
    AnnotatorId, Command, LabelRequestId, Now,
    label::{Channel, Label, LabelCommand, LabelState, ProjectState},
};

use super::{
    super::{annotation::Annotation, plan::*},
    CLASSES, World,
};

const MARK: &str = "1-abc/";

fn task(id: u64, overlap: u32, answers: u32) -> Task {
    Task { id, overlap, labeled: answers >= overlap, answers, skips: 0, updated: 1 }
}

fn ids(ids: &[u64]) -> BTreeSet<LabelRequestId> {
    ids.iter().copied().map(LabelRequestId).collect()
}

fn tasks(of: &[(u64, Task)]) -> Tasks {
    let mut tasks = Tasks::new();
    for (request, task) in of {
        tasks.entry(LabelRequestId(*request)).or_default().push(task.clone());
    }
    tasks
}

fn imported(push: &Push) -> Vec<u64> {
    push.import.iter().map(|request| request.0).collect()
}

fn change(request: u64, task: u64, overlap: u32, labeled: bool) -> Change {
    Change { request: LabelRequestId(request), task, overlap, labeled }
}

// ------------------------------------------------------------ from here to there

#[test]
fn the_most_urgent_requests_get_tasks_as_far_as_there_is_room() {
    let mut world = World::of(&CLASSES.replace("[label_studio]", "[label_studio]\nahead = 3"));
    world.ask(&[0.1, 0.9, 0.5, 0.9, 0.2]);
    let push = push(world.project(), &Tasks::new(), &ids(&[]), false);
    assert_eq!((imported(&push), push.waiting), (vec![2, 4, 3], 5));
    let there = tasks(&[(2, task(10, 2, 0)), (4, task(11, 2, 2))]);
    world.submit(4, "label-studio:1 a", 0, Channel::LabelStudio, "1-abc/x");
    world.submit(4, "label-studio:2 b", 0, Channel::LabelStudio, "1-abc/y");
    assert_eq!(world.request(4).state, LabelState::Resolved);
    assert_eq!(imported(&super::super::plan::push(world.project(), &there, &ids(&[2, 4]), false)), [3, 5]);
}

#[test]
fn a_request_that_had_a_task_is_not_given_another() {
    let mut world = World::of(CLASSES);
    world.ask(&[0.1, 0.9]);
    assert_eq!(imported(&push(world.project(), &Tasks::new(), &ids(&[1]), false)), [2]);
    assert_eq!(vanished(world.project(), &Tasks::new(), &ids(&[1])), [LabelRequestId(1)]);
    world.command(LabelCommand::Withdraw { request: LabelRequestId(1), reason: String::new() });
    assert!(vanished(world.project(), &Tasks::new(), &ids(&[1])).is_empty());
}

#[test]
fn overlap_is_what_is_there_and_what_is_wanted_beside() {
    let mut world = World::of(&CLASSES.replace("overlap = 2", "overlap = [2, 3]"));
    world.ask(&[0.5]);
    let there = |overlap, answers| tasks(&[(1, task(10, overlap, answers))]);
    let changes = |world: &World, tasks: &Tasks| push(world.project(), tasks, &ids(&[1]), false).change;
    assert_eq!(changes(&world, &there(2, 0)), []);
    // Somebody has answered on the command line: one answer less is wanted there.
    world.submit(1, "ada", 0, Channel::Command, "");
    assert_eq!(changes(&world, &there(2, 0)), [change(1, 10, 1, false)]);
    world.submit(1, "label-studio:1 a", 1, Channel::LabelStudio, "1-abc/x");
    // They do not agree, so a third is wanted. The task counts as done there until it is told otherwise.
    assert_eq!(changes(&world, &there(1, 1)), [change(1, 10, 2, false)]);
    assert_eq!(changes(&world, &there(2, 1)), []);
    // An annotation there that counts for nothing here takes no answer's place.
    assert_eq!(changes(&world, &there(2, 2)), [change(1, 10, 3, false)]);
    world.submit(1, "label-studio:2 b", 1, Channel::LabelStudio, "1-abc/y");
    assert_eq!(changes(&world, &there(3, 2)), [change(1, 10, 2, true)]);
    assert_eq!(changes(&world, &there(2, 2)), []);
}

#[test]
fn who_has_a_sample_here_is_waited_for() {
    let mut world = World::of(&CLASSES.replace("overlap = 2", "overlap = 1"));
    world.ask(&[0.5]);
    let annotator = world.join("ada");
    world.command(LabelCommand::Take { request: LabelRequestId(1), annotator });
    let there = tasks(&[(1, task(10, 1, 0))]);
    assert_eq!(push(world.project(), &there, &ids(&[1]), false).change, [change(1, 10, 0, true)]);
    world.command(LabelCommand::Release { request: LabelRequestId(1), annotator });
    let closed = tasks(&[(1, task(10, 0, 0))]);
    assert_eq!(push(world.project(), &closed, &ids(&[1]), false).change, [change(1, 10, 1, false)]);
}

#[test]
fn tasks_of_withdrawn_requests_are_closed_and_go_when_nobody_touched_them() {
    let mut world = World::of(CLASSES);
    world.ask(&[0.5, 0.5]);
    world.submit(2, "label-studio:1 a", 0, Channel::LabelStudio, "1-abc/x");
    for request in [1, 2] {
        world.command(LabelCommand::Withdraw { request: LabelRequestId(request), reason: String::new() });
    }
    let there = tasks(&[(1, task(10, 2, 0)), (2, task(11, 2, 1))]);
    let now = push(world.project(), &there, &ids(&[1, 2]), false);
    assert_eq!((now.change, now.delete), (vec![change(1, 10, 0, true), change(2, 11, 1, true)], vec![]));
    let tidy = push(world.project(), &there, &ids(&[1, 2]), true);
    assert_eq!((tidy.change, tidy.delete), (vec![change(2, 11, 1, true)], vec![(LabelRequestId(1), 10)]));
}

#[test]
fn a_task_that_is_there_twice_goes_or_is_asked_no_more() {
    let mut world = World::of(CLASSES);
    world.ask(&[0.5]);
    let there = tasks(&[(1, task(10, 2, 0)), (1, task(11, 2, 0)), (1, task(12, 2, 1))]);
    let push = push(world.project(), &there, &ids(&[1]), false);
    assert_eq!((push.delete, push.change), (vec![(LabelRequestId(1), 11)], vec![change(1, 12, 1, true)]));
}

#[test]
fn a_paused_project_asks_nothing_there() {
    let mut world = World::of(CLASSES);
    world.ask(&[0.5, 0.5]);
    let project = world.project().id;
    world.command(LabelCommand::MoveProject { project, to: ProjectState::Paused });
    let there = tasks(&[(1, task(10, 2, 0))]);
    let push = push(world.project(), &there, &ids(&[1]), false);
    assert_eq!((imported(&push), push.change), (vec![], vec![change(1, 10, 0, true)]));
}

// ------------------------------------------------------------ from there to here

fn said(id: u64, by: &str, class: u32, updated: i64) -> Annotation {
    Annotation {
        id,
        external: format!("{MARK}{id}"),
        annotator: by.to_owned(),
        updated,
        cancelled: false,
        label: Ok(Label::Class(class)),
        took_ms: 1,
        shown: None,
    }
}

/// Plans, carries the plan out, and plans again: nothing may be left to do. Answers the plan.
fn follow(world: &mut World, annotations: &[Annotation]) -> Vec<Step> {
    let steps = pull(&world.core.state.labels, world.request(1), annotations, MARK);
    for step in steps.clone() {
        carry_out(world, step);
    }
    let rest = pull(&world.core.state.labels, world.request(1), annotations, MARK);
    let rest: Vec<Step> = rest.into_iter().filter(|step| !matches!(step, Step::Complain { .. })).collect();
    assert_eq!(rest, [], "after {steps:?}");
    steps
}

fn carry_out(world: &mut World, step: Step) {
    let request = LabelRequestId(1);
    match step {
        Step::Submit { annotator, label: Label::Class(class), external, .. } => {
            world.submit(1, &annotator, class, Channel::LabelStudio, &external);
        }
        Step::Submit { label, .. } => panic!("{label:?}"),
        Step::Skip { annotator } => {
            let annotator = world.join(&annotator);
            // Refused where the request is decided all the same.
            let command = LabelCommand::Skip { request, annotator, reason: String::new() };
            let _ = world.core.handle(Now { wall: 6, mono: 6 }, Command::Label(command));
        }
        Step::TakeBack { answer, reason } => {
            world.command(LabelCommand::WithdrawAnswer { request, answer, reason });
        }
        Step::Complain { .. } => {}
    }
}

/// Who says what, as it counts here.
fn counted(world: &World) -> Vec<(String, u32)> {
    let name = |id: AnnotatorId| world.core.state.labels.annotator(id).unwrap().name.clone();
    let class = |label: &Label| if let Label::Class(class) = label { *class } else { panic!() };
    let mut all: Vec<_> = world.request(1).counting().map(|answer| (name(answer.annotator), class(&answer.label))).collect();
    all.sort();
    all
}

fn one() -> World {
    let mut world = World::of(CLASSES);
    world.ask(&[0.5]);
    world
}

fn pairs(of: &[(&str, u32)]) -> Vec<(String, u32)> {
    of.iter().map(|(name, class)| ((*name).to_owned(), *class)).collect()
}

#[test]
fn what_is_heard_of_twice_counts_once() {
    let mut world = one();
    assert_eq!(follow(&mut world, &[said(7, "a", 0, 1)]).len(), 1);
    assert_eq!(follow(&mut world, &[said(7, "a", 0, 1)]), []);
    assert_eq!(follow(&mut world, &[said(7, "a", 0, 9), said(8, "b", 0, 9)]).len(), 1);
    assert_eq!(counted(&world), pairs(&[("a", 0), ("b", 0)]));
    assert_eq!(world.request(1).state, LabelState::Resolved);
}

#[test]
fn edits_revise_and_deletions_take_back() {
    let mut world = one();
    follow(&mut world, &[said(7, "a", 0, 1), said(8, "b", 1, 2)]);
    assert_eq!(world.request(1).state, LabelState::Conflict);
    follow(&mut world, &[said(7, "a", 1, 5), said(8, "b", 1, 2)]);
    assert_eq!((counted(&world), world.request(1).state), (pairs(&[("a", 1), ("b", 1)]), LabelState::Resolved));
    follow(&mut world, &[said(7, "a", 1, 5)]);
    assert_eq!((counted(&world), world.request(1).state), (pairs(&[("a", 1)]), LabelState::Answered));
    let reason = &world.request(1).answers[1].withdrawn.as_ref().unwrap().1;
    assert_eq!(reason, "Label Studio: deleted there");
    follow(&mut world, &[]);
    assert_eq!((counted(&world), world.request(1).state), (pairs(&[]), LabelState::Open));
    // A server that was set back: what is there again counts again.
    follow(&mut world, &[said(7, "a", 1, 5)]);
    assert_eq!(counted(&world), pairs(&[("a", 1)]));
}

#[test]
fn of_several_annotations_of_one_annotator_the_newest_counts() {
    let mut world = one();
    follow(&mut world, &[said(7, "a", 0, 1), said(8, "a", 1, 2)]);
    assert_eq!(counted(&world), pairs(&[("a", 1)]));
    follow(&mut world, &[said(7, "a", 0, 3), said(8, "a", 1, 2)]);
    assert_eq!(counted(&world), pairs(&[("a", 0)]));
    follow(&mut world, &[said(8, "a", 1, 2)]);
    assert_eq!(counted(&world), pairs(&[("a", 1)]));
}

#[test]
fn skips_are_skips_and_may_be_thought_better_of() {
    let mut world = one();
    let skip = |updated| Annotation { cancelled: true, ..said(7, "a", 0, updated) };
    assert_eq!(follow(&mut world, &[skip(1)]), [Step::Skip { annotator: "a".to_owned() }]);
    assert_eq!((world.request(1).skips.len(), counted(&world)), (1, pairs(&[])));
    follow(&mut world, &[said(7, "a", 1, 2)]);
    assert_eq!(counted(&world), pairs(&[("a", 1)]));
    follow(&mut world, &[skip(3)]);
    assert_eq!(counted(&world), pairs(&[]));
    assert_eq!(world.request(1).answers[0].withdrawn.as_ref().unwrap().1, "Label Studio: skipped afterwards");
    follow(&mut world, &[said(7, "a", 1, 4)]);
    assert_eq!(counted(&world), pairs(&[("a", 1)]));
}

#[test]
fn what_is_no_label_is_complained_about_and_never_invented() {
    let mut world = one();
    let wrong = |updated| Annotation { label: Err("no such class".to_owned()), ..said(7, "a", 0, updated) };
    let complaint = Step::Complain { annotation: 7, annotator: "a".to_owned(), why: "no such class".to_owned() };
    assert_eq!(follow(&mut world, &[wrong(1)]), [complaint]);
    follow(&mut world, &[said(7, "a", 0, 2)]);
    follow(&mut world, &[wrong(3)]);
    assert_eq!(counted(&world), pairs(&[]));
    let reason = &world.request(1).answers[0].withdrawn.as_ref().unwrap().1;
    assert_eq!(reason, "Label Studio: changed to what is no label: no such class");
}

#[test]
fn what_somebody_took_back_here_stays_so_until_it_is_changed_there() {
    let mut world = one();
    follow(&mut world, &[said(7, "a", 0, 1)]);
    let (request, answer) = (LabelRequestId(1), world.request(1).answers[0].id);
    world.command(LabelCommand::WithdrawAnswer { request, answer, reason: "spam".to_owned() });
    // Touched there, but not changed.
    assert_eq!(follow(&mut world, &[said(7, "a", 0, 2)]), []);
    assert_eq!(counted(&world), pairs(&[]));
    follow(&mut world, &[said(7, "a", 1, 3)]);
    assert_eq!(counted(&world), pairs(&[("a", 1)]));
}

#[test]
fn answers_from_elsewhere_are_none_of_its_business() {
    let mut world = one();
    world.submit(1, "ada", 0, Channel::Command, "");
    world.submit(1, "a", 0, Channel::LabelStudio, "1-old/7");
    assert_eq!(follow(&mut world, &[]), []);
    assert_eq!(counted(&world), pairs(&[("a", 0), ("ada", 0)]));
    // The same person again, in the project that was made anew.
    follow(&mut world, &[said(3, "a", 1, 1)]);
    assert_eq!(counted(&world), pairs(&[("a", 1), ("ada", 0)]));
}

#[test]
fn an_annotator_who_is_called_otherwise_now_is_the_same() {
    let mut world = one();
    follow(&mut world, &[said(7, "label-studio:3 old@there", 0, 1)]);
    assert_eq!(follow(&mut world, &[said(7, "label-studio:3 new@there", 0, 1)]), []);
    follow(&mut world, &[said(7, "label-studio:3 new@there", 1, 2)]);
    assert_eq!(counted(&world), pairs(&[("label-studio:3 old@there", 1)]));
}

#[test]
fn withdrawn_requests_are_left_alone() {
    let mut world = one();
    follow(&mut world, &[said(7, "a", 0, 1)]);
    world.command(LabelCommand::Withdraw { request: LabelRequestId(1), reason: String::new() });
    assert_eq!(follow(&mut world, &[]), []);
    assert_eq!(follow(&mut world, &[said(8, "b", 0, 1)]), []);
}

mod random {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Annotations of one task at one moment: by four people, with every kind of content.
    fn moment() -> impl Strategy<Value = Vec<Annotation>> {
        let one = (0..6_u64, 0..4_usize, 0..2_u32, 0..8_u8, 0..5_i64).prop_map(|(id, by, class, kind, updated)| {
            let annotation = said(id, ["a", "b", "c", "d"][by], class, updated);
            match kind {
                0 => Annotation { cancelled: true, ..annotation },
                1 => Annotation { label: Err("odd".to_owned()), ..annotation },
                _ => annotation,
            }
        });
        vec(one, 0..6).prop_map(|mut all| {
            all.sort_by_key(|annotation| annotation.id);
            all.dedup_by_key(|annotation| annotation.id);
            all
        })
    }

    /// What should count: of each person's annotations the newest, if it is a label. An annotation stays its first
    /// author's.
    fn expected(world: &World, now: &[Annotation]) -> Vec<(String, u32)> {
        let owner = |annotation: &Annotation| {
            let answers = &world.request(1).answers;
            let known = answers.iter().find(|answer| answer.external == annotation.external);
            known.map_or(annotation.annotator.clone(), |answer| {
                world.core.state.labels.annotator(answer.annotator).unwrap().name.clone()
            })
        };
        let mut all = Vec::new();
        for name in ["a", "b", "c", "d"] {
            let theirs = now.iter().filter(|annotation| owner(annotation) == name);
            let newest = theirs.max_by_key(|annotation| (annotation.updated, annotation.id));
            if let Some(Annotation { cancelled: false, label: Ok(Label::Class(class)), .. }) = newest {
                all.push((name.to_owned(), *class));
            }
        }
        all
    }

    proptest! {
        #[test]
        fn whatever_happens_between_two_looks_what_counts_is_what_is_there(moments in vec(moment(), 1..8)) {
            let mut world = one();
            for now in moments {
                let expected = expected(&world, &now);
                follow(&mut world, &now);
                prop_assert_eq!(counted(&world), expected, "{:?}", now);
            }
        }
    }
}
