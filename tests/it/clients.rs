//! Programs that run trials themselves, and others that only want to know what a sampler would choose.

use std::future::Future;

use hone_proto::{
    katib::{self, suggestion_client::SuggestionClient},
    v1::{self, client_service_client::ClientServiceClient},
};
use tonic::{Code, Response, Status, transport::Channel};

use crate::support::{Hone, Place, Running, client::Client, until, wait::LONG};

/// Asks for trials of one study, each request with an id of its own.
struct Asker<'a> {
    client: &'a Client,
    study: &'static str,
    requests: u64,
}

impl Asker<'_> {
    /// Sends again what got no answer.
    fn patiently<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        call: impl Fn(ClientServiceClient<Channel>) -> F,
    ) -> Result<T, Status> {
        until("an answer", LONG, || match self.client.call(call(self.client.clients())) {
            Err(status) if matches!(status.code(), Code::Unavailable | Code::Unknown) => None,
            answer => Some(answer.map(Response::into_inner)),
        })
    }

    fn next_id(&mut self) -> Vec<u8> {
        self.requests += 1;
        [self.requests.to_be_bytes(), self.requests.to_be_bytes()].concat()
    }

    fn open(&mut self, text: &str) {
        let (text, id) = (format!("name = \"{}\"\n{text}", self.study), self.next_id());
        let request = v1::OpenStudyRequest { text, file: "test".to_owned(), request_id: id.into(), ..Default::default() };
        let request = &request;
        self.patiently(|mut calls| async move { calls.open_study(request.clone()).await }).expect("the study is made");
    }

    fn ask_with(&self, id: Vec<u8>, lease_us: i64) -> v1::AskResponse {
        let request = v1::AskRequest { study: self.study.to_owned(), count: 1, lease_us, request_id: id.into() };
        let request = &request;
        self.patiently(|mut calls| async move { calls.ask(request.clone()).await }).expect("an answer")
    }

    fn ask(&mut self) -> v1::AskedTrial {
        let id = self.next_id();
        self.ask_with(id, 0).trials.pop().expect("a trial")
    }

    fn tell_with(&self, id: Vec<u8>, asked: &v1::AskedTrial, value: f64) -> Result<v1::Trial, Status> {
        let request = v1::TellRequest {
            trial: trial_of(asked).id,
            attempt: asked.attempt,
            state: "complete".to_owned(),
            values: vec![value],
            request_id: id.into(),
            ..Default::default()
        };
        let request = &request;
        self.patiently(|mut calls| async move { calls.tell(request.clone()).await })
    }

    fn tell(&mut self, asked: &v1::AskedTrial, value: f64) {
        let id = self.next_id();
        self.tell_with(id, asked, value).expect("the trial ends");
    }

    fn suggest(&self, asked: &v1::AskedTrial, name: &str) -> f64 {
        let range = v1::FloatRange { low: -5.0, high: 5.0, ..Default::default() };
        let request = v1::SuggestParameterRequest {
            trial: trial_of(asked).id,
            attempt: asked.attempt,
            name: name.to_owned(),
            distribution: Some(v1::Distribution { kind: Some(v1::distribution::Kind::Float(range)) }),
        };
        let request = &request;
        let answer = self.patiently(|mut calls| async move { calls.suggest_parameter(request.clone()).await }).expect("a value");
        float(answer.parameter.as_ref())
    }
}

fn trial_of(asked: &v1::AskedTrial) -> &v1::Trial {
    asked.trial.as_ref().expect("the trial")
}

fn float(parameter: Option<&v1::Parameter>) -> f64 {
    match parameter.and_then(|parameter| parameter.value.clone()) {
        Some(v1::parameter::Value::Float(value)) => value,
        other => panic!("{other:?}"),
    }
}

const DECLARED: &str = "objective = { metric = \"loss\", direction = \"minimize\" }\n[search]\nsampler = \"tpe\"\nseed = 3\n\
                        max_trials = 24\n[space]\nx = { float = [-5, 5] }\n";
const OPEN: &str =
    "objective = { metric = \"loss\", direction = \"minimize\" }\n[search]\nsampler = \"tpe\"\nseed = 3\nmax_trials = 24\n";

fn restart(hone: &Hone, coordinator: &mut Running) {
    coordinator.kill();
    *coordinator = hone.serve();
}

/// Runs a study to its end, killing the coordinator after every third trial when asked to. Returns what was tried.
fn run_declared(kills: bool) -> Vec<f64> {
    let place = Place::new();
    let hone = Hone::new(&place);
    let mut coordinator = hone.serve();
    let client = Client::new(&hone.socket());
    let mut asker = Asker { client: &client, study: "declared", requests: 0 };
    asker.open(DECLARED);
    let mut tried = Vec::new();
    for number in 0..24 {
        let asked = asker.ask();
        if kills && number % 3 == 1 {
            restart(&hone, &mut coordinator);
        }
        let x = float(trial_of(&asked).params.first());
        asker.tell(&asked, x * x);
        if kills && number % 3 == 2 {
            restart(&hone, &mut coordinator);
        }
        tried.push(x);
    }
    let id = asker.next_id();
    assert!(asker.ask_with(id, 0).over);
    assert_eq!(client.wait_until_finished("declared", LONG).counts.map(|counts| counts.complete), Some(24));
    tried
}

#[test]
fn a_client_meets_the_same_trials_when_the_coordinator_is_killed() {
    assert_eq!(run_declared(true), run_declared(false));
}

fn run_open(kills: bool) -> Vec<[f64; 2]> {
    let place = Place::new();
    let hone = Hone::new(&place);
    let mut coordinator = hone.serve();
    let client = Client::new(&hone.socket());
    let mut asker = Asker { client: &client, study: "open", requests: 0 };
    asker.open(OPEN);
    let mut tried = Vec::new();
    for number in 0..24 {
        let asked = asker.ask();
        let x = asker.suggest(&asked, "x");
        if kills && number % 4 == 1 {
            restart(&hone, &mut coordinator);
        }
        let y = asker.suggest(&asked, "y");
        assert_eq!((asker.suggest(&asked, "x"), asker.suggest(&asked, "y")), (x, y), "a value that was given stays");
        asker.tell(&asked, x * x + y * y);
        tried.push([x, y]);
    }
    tried
}

#[test]
fn a_space_that_is_defined_as_it_runs_is_searched_and_survives_kills() {
    let tried = run_open(false);
    assert_eq!(run_open(true), tried);
    let norm = |point: &[f64; 2]| point[0].hypot(point[1]);
    let mean = |points: &[[f64; 2]]| points.iter().map(norm).sum::<f64>() / points.len() as f64;
    assert!(mean(&tried[18..]) < 0.7 * mean(&tried[..6]), "{tried:?}");
}

#[test]
fn what_is_sent_again_is_done_once() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let mut coordinator = hone.serve();
    let client = Client::new(&hone.socket());
    let mut asker = Asker { client: &client, study: "again", requests: 0 };
    asker.open(DECLARED);
    let (ask, tell) = (asker.next_id(), asker.next_id());
    let first = asker.ask_with(ask.clone(), 0).trials.pop().expect("a trial");
    restart(&hone, &mut coordinator);
    let again = asker.ask_with(ask, 0).trials.pop().expect("the same trial");
    assert_eq!((trial_of(&again).id, &trial_of(&again).params), (trial_of(&first).id, &trial_of(&first).params));
    asker.tell_with(tell.clone(), &first, 1.0).expect("the trial ends");
    restart(&hone, &mut coordinator);
    assert_eq!(asker.tell_with(tell, &first, 1.0).expect("the answer of then").values, [1.0]);
    let other = asker.next_id();
    assert_eq!(asker.tell_with(other, &first, 2.0).map_err(|status| status.code()), Err(Code::FailedPrecondition));
    assert_eq!(client.counted("again"), 1);
}

#[test]
fn the_trial_of_a_client_that_is_gone_is_anothers() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let client = Client::new(&hone.socket());
    let mut asker = Asker { client: &client, study: "gone", requests: 0 };
    asker.open(DECLARED);
    let (first, second) = (asker.next_id(), asker.next_id());
    let lost = asker.ask_with(first, 100_000).trials.pop().expect("a trial");
    let renew =
        || v1::RenewRequest { held: vec![v1::HeldTrial { trial: trial_of(&lost).id, attempt: lost.attempt }], lease_us: 100_000 };
    until("its lease is over", LONG, || {
        // Looking does not renew it.
        (client.study("gone")?.counts?.waiting == 1).then_some(())
    });
    let over = client.call(client.clients().renew(renew())).expect("an answer").into_inner().over;
    assert_eq!(over.len(), 1);
    let taken = asker.ask_with(second, 0).trials.pop().expect("a trial");
    assert_eq!((trial_of(&taken).id, taken.attempt), (trial_of(&lost).id, 2));
    let late = asker.next_id();
    assert_eq!(asker.tell_with(late, &lost, 9.0).map_err(|status| status.code()), Err(Code::Aborted));
    asker.tell(&taken, 1.0);
    assert_eq!(client.study("gone").and_then(|study| study.best).map(|best| best.values), Some(vec![1.0]));
}

fn experiment() -> katib::Experiment {
    let space = katib::FeasibleSpace { min: "0.01".to_owned(), max: "0.1".to_owned(), ..Default::default() };
    let rate = katib::ParameterSpec {
        name: "rate".to_owned(),
        parameter_type: katib::ParameterType::Double.into(),
        feasible_space: Some(space),
    };
    let objective =
        katib::ObjectiveSpec { r#type: katib::ObjectiveType::Maximize.into(), objective_metric_name: "accuracy".to_owned() };
    let algorithm = katib::AlgorithmSpec { algorithm_name: "tpe".to_owned(), ..Default::default() };
    let spec = katib::ExperimentSpec {
        parameter_specs: Some(katib::experiment_spec::ParameterSpecs { parameters: vec![rate] }),
        objective: Some(objective),
        algorithm: Some(algorithm),
        ..Default::default()
    };
    katib::Experiment { name: "mnist".to_owned(), spec: Some(spec) }
}

#[test]
fn katib_is_served_on_a_listener_of_its_own() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let mut coordinator = hone.serve_with(&["--listen", "127.0.0.1:0", "--katib", "127.0.0.1:0"]);
    let line = coordinator.wait_for_line("Katib's suggestion protocol");
    let address = line.rsplit(' ').next().expect("an address").to_owned();
    let client = Client::new(&hone.socket());
    let channel = client.channel_to(&address);
    let request = katib::GetSuggestionsRequest {
        experiment: Some(experiment()),
        current_request_number: 3,
        total_request_number: 3,
        ..Default::default()
    };
    let answer = client.call(SuggestionClient::new(channel.clone()).get_suggestions(request)).expect("suggestions").into_inner();
    let rates: Vec<f64> =
        answer.parameter_assignments.iter().map(|all| all.assignments[0].value.parse().expect("a number")).collect();
    assert!(rates.len() == 3 && rates.iter().all(|rate| (0.01..=0.1).contains(rate)), "{rates:?}");
    let mut odd = experiment();
    odd.spec.as_mut().expect("a spec").algorithm.as_mut().expect("an algorithm").algorithm_name = "enas".to_owned();
    let request = katib::ValidateAlgorithmSettingsRequest { experiment: Some(odd) };
    let refused = client.call(SuggestionClient::new(channel.clone()).validate_algorithm_settings(request)).unwrap_err();
    assert_eq!((refused.code(), refused.message().contains("enas")), (Code::InvalidArgument, true));
    // Nothing else is served there.
    let studies = hone_proto::v1::study_service_client::StudyServiceClient::new(channel);
    let refused = client.call(async { studies.clone().list_studies(v1::ListStudiesRequest {}).await }).unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}

#[test]
fn katib_is_not_served_to_other_hosts_unless_it_is_typed_in_full() {
    let place = Place::new();
    let refused = Hone::new(&place).run(&["serve", "--listen", "127.0.0.1:0", "--katib", "0.0.0.0:0"]).fails(2);
    assert!(refused.contains("--insecure-katib"), "{refused}");
}
