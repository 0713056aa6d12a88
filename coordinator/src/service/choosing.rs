//! Choosing and rating samples by what models of a study predict for them.

use std::{pin::Pin, time::Duration};

use hone_data::{
    acquisition::{Acquisition, Noise, Plan, PlanSettings},
    predictions::{
        BatchPlan, Chosen, ChosenBatch, Classes, Committee, Excluded, Layout, MAX_KEPT, Prediction, Wish, choose as choose_batch,
        prediction_of,
    },
};
use hone_proto::v1::{
    ChooseSamplesRequest, ChosenSample, ChosenSamples, CommitteeMember, CommitteeReport, RateSamplesRequest, SampleCommittee,
};
use hone_studies::label::LabelState;
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Code, Status};

use super::{Services, computed, studies::find};
use crate::{
    actor::View,
    convert::status::status,
    scoring::{Absent, Gathering, Member, Site, Wanted, gather, members, rate},
};

/// Candidates for each sample of a batch.
const CANDIDATES: usize = 10;
/// Candidates and drawn rows at least: enough that a small batch can be diverse too.
const LEAST: usize = 1_000;
/// A member that takes longer for a step is left out, where nobody says how long.
const DEADLINE: Duration = Duration::from_secs(600);
/// Samples in one message, and messages on the way.
const PAGE: usize = 1_000;
const PAGES: usize = 4;

/// What a call answers with.
pub(super) type Answers = Pin<Box<dyn Stream<Item = Result<ChosenSamples, Status>> + Send>>;
type Sender = mpsc::Sender<Result<ChosenSamples, Status>>;

/// Chooses a batch.
pub(super) async fn choose(services: &Services, request: ChooseSamplesRequest) -> Result<Answers, Status> {
    let batch = batch_plan(&request)?;
    let view = services.view().await?;
    let (site, members) = committee(services, &view, request.committee.as_ref())?;
    let mut excluded = Excluded::from_bytes(&request.excluded)
        .ok_or_else(|| Status::invalid_argument("`excluded` is not a list of hashes of 16 bytes"))?;
    if !request.asked.is_empty() {
        excluded.extend(asked(services, &request.asked).await?);
    }
    let wish = wish(&request, &batch, excluded)?;
    let names = Workers::new(&view, &members);
    drop(view);
    Ok(answering(async move |sender| {
        let gathering = gather(&site, members, wish, |text| tell(&sender, text)).await?;
        tell(&sender, format!("choosing among {} samples", gathering.gathered.committee.len()));
        let Gathering { gathered, present, absent, is_approximate, rows } = gathering;
        let excluded = gathered.sketches.first().map_or(0, |sketch| sketch.excluded);
        let report = report(&gathered.committee.layout, &names, &present, &absent);
        let report = CommitteeReport {
            approximate: is_approximate,
            rows,
            excluded,
            candidates: gathered.committee.len() as u64,
            ..report
        };
        let chosen = computed(move || choose_batch(&gathered, &batch)).await?;
        let ChosenBatch { samples, refused } = chosen.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let report = CommitteeReport {
            unpredicted: refused.unpredicted as u64,
            duplicates: refused.duplicates as u64,
            near_duplicates: refused.near_duplicates as u64,
            too_dear: refused.too_dear as u64,
            ..report
        };
        send(&sender, report, samples).await;
        Ok(())
    }))
}

/// Rates the open requests of a project.
pub(super) async fn rate_samples(services: &Services, request: RateSamplesRequest) -> Result<Answers, Status> {
    let method = if request.method.is_empty() { Ok(Acquisition::Margin) } else { Acquisition::parse(&request.method) };
    let method = method.map_err(|error| Status::invalid_argument(error.to_string()))?;
    if method.row_wise() != Some(method) || method == Acquisition::Epig {
        let message = format!("`{method}` rates sets of samples, not each by itself; use for example `margin` or `bald`");
        return Err(Status::invalid_argument(message));
    }
    let ids = open_samples(services, &request.project).await?;
    let view = services.view().await?;
    let (site, members) = committee(services, &view, request.committee.as_ref())?;
    let names = Workers::new(&view, &members);
    drop(view);
    let noise = Noise { seed: request.seed, beta: request.beta };
    Ok(answering(async move |sender| {
        let (committee, present, absent) = rate(&site, members, ids, |text| tell(&sender, text)).await?;
        let report = report(&committee.layout, &names, &present, &absent);
        let report = CommitteeReport { candidates: committee.len() as u64, ..report };
        let rated = computed(move || rated(&committee, method, noise)).await??;
        send(&sender, report, rated).await;
        Ok(())
    }))
}

fn rated(committee: &Committee, method: Acquisition, noise: Noise) -> Result<Vec<Chosen>, Status> {
    let scores = committee.score(method, noise).map_err(|error| Status::invalid_argument(error.to_string()))?;
    let rated = (0..).zip(scores).filter(|(_, score)| !score.is_nan());
    let chosen = |(sample, priority): (usize, f64)| Chosen {
        id: committee.ids[sample].clone(),
        priority,
        is_control: false,
        prediction: prediction_of(committee, sample),
    };
    Ok(rated.map(chosen).collect())
}

/// Runs something that tells how far it is, until it is done or nobody listens any more.
fn answering<F>(work: impl FnOnce(Sender) -> F + Send + 'static) -> Answers
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(PAGES);
    let (done, gone) = (work(sender.clone()), sender.clone());
    tokio::spawn(async move {
        tokio::select! {
            result = done => if let Err(status) = result {
                let _ = sender.send(Err(status)).await;
            },
            () = gone.closed() => {}
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

/// A line that is lost where nobody reads fast enough.
fn tell(sender: &Sender, progress: String) {
    let _ = sender.try_send(Ok(ChosenSamples { progress, ..ChosenSamples::default() }));
}

async fn send(sender: &Sender, report: CommitteeReport, samples: Vec<Chosen>) {
    let first = ChosenSamples { report: Some(report), ..ChosenSamples::default() };
    let pages = samples
        .chunks(PAGE)
        .map(|page| ChosenSamples { samples: page.iter().map(sample_to_proto).collect(), ..ChosenSamples::default() });
    for message in std::iter::once(first).chain(pages) {
        if sender.send(Ok(message)).await.is_err() {
            return;
        }
    }
}

/// Who is a member, and where they are read.
fn committee(services: &Services, view: &View, wanted: Option<&SampleCommittee>) -> Result<(Site, Vec<Member>), Status> {
    let Some(wanted) = wanted else { return Err(Status::invalid_argument("`committee` is missing: it names the study")) };
    let study = find(view, &wanted.study)?;
    let trials = wanted.trials.iter().map(|number| {
        u32::try_from(*number).map_err(|_| Status::not_found(format!("study `{}` has no trial {number}", study.spec.name)))
    });
    let chosen = Wanted { pool: wanted.pool.clone(), trials: trials.collect::<Result<_, _>>()?, top: wanted.top as usize };
    let members = members(&view.state, study, &chosen)?;
    let deadline = u64::try_from(wanted.deadline_us).ok().filter(|us| *us > 0).map_or(DEADLINE, Duration::from_micros);
    Ok((Site::new(services.sessions.clone(), services.store.blobs().clone(), deadline), members))
}

fn batch_plan(request: &ChooseSamplesRequest) -> Result<BatchPlan, Status> {
    let wrong = |what: &str, error: &dyn std::fmt::Display| Status::invalid_argument(format!("{what}{error}"));
    let settings = match request.plan_json.as_str() {
        "" => PlanSettings::default(),
        text => serde_json::from_str(text).map_err(|error| wrong("`plan_json` is no plan: ", &error))?,
    };
    let plan = Plan::new(settings).map_err(|error| wrong("", &error))?;
    let count = usize::try_from(request.count).unwrap_or(usize::MAX);
    if count == 0 || count > MAX_KEPT {
        return Err(Status::invalid_argument(format!("`count` is {count}; from 1 to {MAX_KEPT} samples can be chosen")));
    }
    let control = request.control;
    if !(0.0..=1.0).contains(&control) {
        return Err(Status::invalid_argument(format!("`control` is {control}, and must be a share from 0 to 1")));
    }
    Ok(BatchPlan { plan, count, seed: request.seed, control, round: request.round })
}

fn wish(request: &ChooseSamplesRequest, batch: &BatchPlan, excluded: Excluded) -> Result<Wish, Status> {
    let settings = batch.plan.settings();
    let asked = usize::try_from(request.candidates).unwrap_or(usize::MAX);
    let candidates = if asked > 0 { asked } else { batch.count.saturating_mul(CANDIDATES).clamp(LEAST, MAX_KEPT) };
    let sample = batch.control_count().max(LEAST);
    if candidates > MAX_KEPT {
        return Err(Status::invalid_argument(format!("`candidates` is {candidates}; at most {MAX_KEPT} are kept")));
    }
    Ok(Wish {
        acquisitions: settings.method.parts().iter().map(|(acquisition, _)| *acquisition).collect(),
        noise: Noise { seed: request.seed, beta: settings.beta },
        candidates,
        sample,
        excluded,
    })
}

/// Samples that a project asks for, but for those that were withdrawn.
async fn asked(services: &Services, project: &str) -> Result<Excluded, Status> {
    let project = services.labels.project(project).await?;
    let requests = project.requests().filter(|request| request.state != LabelState::Withdrawn);
    Ok(Excluded::of_ids(requests.map(|request| &*request.sample)))
}

/// Samples of a project whose labels are not decided.
async fn open_samples(services: &Services, name: &str) -> Result<Vec<String>, Status> {
    let project = services.labels.project(name).await?;
    let is_open = |state| matches!(state, LabelState::Open | LabelState::Leased | LabelState::Answered);
    let open = project.requests().filter(|request| is_open(request.state));
    let mut ids: Vec<String> = open.map(|request| request.sample.to_string()).collect();
    ids.sort_unstable();
    if ids.is_empty() {
        let message = format!("label project `{}` has no open requests", project.spec.name);
        return Err(status(Code::FailedPrecondition, message, Some("`hone label ask` asks for labels".to_owned())));
    }
    Ok(ids)
}

/// Names of the workers that have members' files.
struct Workers(std::collections::BTreeMap<u32, String>);

impl Workers {
    fn new(view: &View, members: &[Member]) -> Workers {
        let name = |member: &Member| {
            let worker = view.state.worker(member.pool.file.kept_by?)?;
            Some((member.trial, worker.profile.name.clone()))
        };
        Workers(members.iter().filter_map(name).collect())
    }
}

fn report(layout: &Layout, names: &Workers, present: &[Member], absent: &[Absent]) -> CommitteeReport {
    let member = |member: &Member, because: &str| CommitteeMember {
        trial: member.trial.into(),
        file: format!("predictions/{}", member.pool.name),
        state: if member.is_pruned { "pruned" } else { "finished" }.to_owned(),
        value: member.value,
        worker: names.0.get(&member.trial).cloned().unwrap_or_default(),
        absent_because: because.to_owned(),
    };
    let gone = absent.iter().map(|absent| member(&absent.member, &absent.because));
    let class_names = match layout.classes() {
        Some(Classes::Named(names)) => names.clone(),
        Some(Classes::Numbered(_)) | None => Vec::new(),
    };
    CommitteeReport {
        members: present.iter().map(|present| member(present, "")).chain(gone).collect(),
        classes: layout.classes().map_or(0, |classes| classes.len() as u32),
        class_names,
        ..CommitteeReport::default()
    }
}

fn sample_to_proto(chosen: &Chosen) -> ChosenSample {
    let (class, confidence, number) = match chosen.prediction {
        None => (None, 0.0, None),
        Some(Prediction::Class { class, confidence }) => (Some(class as u32), confidence, None),
        Some(Prediction::Number(number)) => (None, 0.0, Some(number)),
    };
    let Chosen { id, priority, is_control, .. } = chosen;
    ChosenSample { sample: id.clone(), priority: *priority, control: *is_control, class, confidence, number }
}
