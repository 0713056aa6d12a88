//! Clients that say what Optuna's client says, as fast as they are answered: each with a connection of its own.
//!
//! ```text
//!   life    CreateNewTrial, 5 × SetTrialParameter, 3 × SetTrialIntermediateValue, SetTrialStateValues
//!   reads   GetTrials of what may have changed, as the client's memory of finished trials asks for it
//! ```

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hone_proto::optuna::{
    CreateNewTrialRequest, GetTrialsRequest, SetTrialIntermediateValueRequest, SetTrialParameterRequest,
    SetTrialStateValuesRequest, Trial, TrialState, storage_service_client::StorageServiceClient,
};
use hone_tests::benching::measure::{Samples, cpu_seconds, machine_cpu_seconds};
use tonic::{Response, Status, transport::Channel};

use crate::server::Server;

const PARAMETERS: usize = 5;
const REPORTS: i64 = 3;
const DISTRIBUTION: &str =
    r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}"#;
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_millis(700);

/// What each client does over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Writes a trial's life.
    Live,
    /// The same, and reads what has changed since the trial `after` at its begin and before its end, as samplers and
    /// pruners do.
    LiveAndRead { after: i64 },
    /// Reads what has changed since the trial `after`, while the trials of `open` run.
    Read { after: i64, open: (i64, i64) },
}

/// One measured line.
#[derive(Clone, Debug)]
pub struct Figure {
    pub clients: usize,
    pub calls_per_second: f64,
    /// Processor time of the server per call.
    pub server_us: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// Processors that neither the server nor the clients have used, on average.
    pub others: f64,
}

/// What all clients count together.
#[derive(Default)]
struct Counters {
    calls: AtomicU64,
    sampling: AtomicBool,
    stopping: AtomicBool,
}

/// Lets so many clients work on a study and measures their calls.
///
/// # Errors
/// A call fails.
pub async fn run(server: &Server, study: i64, clients: usize, work: Work, seconds: f64) -> anyhow::Result<Figure> {
    let counters = Arc::<Counters>::default();
    let mut tasks = Vec::with_capacity(clients);
    for _ in 0..clients {
        let client = Client::new(server, study, counters.clone()).await?;
        tasks.push(tokio::spawn(client.work(work)));
    }
    let look = || (Instant::now(), counters.calls.load(Ordering::Relaxed), cpu_seconds(server.pid()), own_and_all());
    tokio::time::sleep(WARM_UP).await;
    counters.sampling.store(true, Ordering::Relaxed);
    let before = look();
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let after = look();
    counters.stopping.store(true, Ordering::Relaxed);
    let mut samples = Samples::default();
    for task in tasks {
        samples.join(task.await??);
    }
    let elapsed = (after.0 - before.0).as_secs_f64();
    let calls = (after.1 - before.1) as f64;
    let server_cpu = after.2 - before.2;
    let others = after.3.1 - before.3.1 - (after.3.0 - before.3.0) - server_cpu;
    Ok(Figure {
        clients,
        calls_per_second: calls / elapsed,
        server_us: 1e6 * server_cpu / calls,
        p50_us: samples.quantile(0.5),
        p99_us: samples.quantile(0.99),
        others: (others / elapsed).max(0.0),
    })
}

fn own_and_all() -> (f64, f64) {
    (cpu_seconds(std::process::id()), machine_cpu_seconds())
}

/// Fills a study with finished trials and begins so many more. Returns the last finished one, and the first and the
/// last of those that run.
///
/// # Errors
/// A call fails.
pub async fn fill(server: &Server, study: i64, finished: u64, open: usize) -> anyhow::Result<(i64, (i64, i64))> {
    let at_once = 32;
    let mut tasks = Vec::new();
    for writer in 0..at_once {
        let mut client = server.client().await?;
        let count = finished / at_once + u64::from(writer < finished % at_once);
        tasks.push(tokio::spawn(async move {
            let mut last = -1;
            for _ in 0..count {
                last = client.create_new_trial(finished_trial(study)).await?.into_inner().trial_id;
            }
            Ok::<i64, Status>(last)
        }));
    }
    let mut last = -1;
    for task in tasks {
        last = last.max(task.await??);
    }
    let counters = Arc::<Counters>::default();
    let mut client = Client::new(server, study, counters).await?;
    let mut running = (i64::MAX, 0);
    for _ in 0..open {
        let trial = client.begin().await?;
        running = (running.0.min(trial), running.1.max(trial));
    }
    Ok((last, running))
}

fn finished_trial(study_id: i64) -> CreateNewTrialRequest {
    let names = || (0..PARAMETERS).map(|at| format!("p{at}"));
    let trial = Trial {
        state: TrialState::Complete.into(),
        values: vec![0.5],
        datetime_start: "2026-01-01 00:00:00.000000".to_owned(),
        datetime_complete: "2026-01-01 00:00:01.000000".to_owned(),
        params: names().map(|name| (name, 0.5)).collect(),
        distributions: names().map(|name| (name, DISTRIBUTION.to_owned())).collect(),
        intermediate_values: (1..=REPORTS).map(|step| (step, 1.0 / step as f64)).collect::<HashMap<_, _>>(),
        ..Trial::default()
    };
    CreateNewTrialRequest { study_id, template_trial: Some(trial), template_trial_is_none: false }
}

struct Client {
    storage: StorageServiceClient<Channel>,
    study: i64,
    meter: Meter,
    /// The greatest finished trial that was read, and the trials that were read before they had finished.
    read_up_to: i64,
    unfinished: BTreeSet<i64>,
}

struct Meter {
    counters: Arc<Counters>,
    /// Microseconds of each call.
    samples: Samples,
}

impl Meter {
    async fn time<T>(&mut self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
        let start = Instant::now();
        let answer = call.await?.into_inner();
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        if self.counters.sampling.load(Ordering::Relaxed) {
            self.samples.add(start.elapsed().as_secs_f64() * 1e6, 1);
        }
        Ok(answer)
    }
}

impl Client {
    async fn new(server: &Server, study: i64, counters: Arc<Counters>) -> anyhow::Result<Client> {
        let meter = Meter { counters, samples: Samples::default() };
        Ok(Client { storage: server.client().await?, study, meter, read_up_to: -1, unfinished: BTreeSet::new() })
    }

    async fn work(mut self, work: Work) -> Result<Samples, Status> {
        while !self.meter.counters.stopping.load(Ordering::Relaxed) {
            match work {
                Work::Live => self.live(false).await?,
                Work::LiveAndRead { after } => {
                    self.read_up_to = self.read_up_to.max(after);
                    self.live(true).await?;
                }
                Work::Read { after, open: (first, last) } => {
                    (self.read_up_to, self.unfinished) = (after, (first..=last).collect());
                    self.read().await?;
                }
            }
        }
        Ok(self.meter.samples)
    }

    async fn live(&mut self, reads: bool) -> Result<(), Status> {
        if reads {
            self.read().await?;
        }
        let trial_id = self.begin().await?;
        for step in 1..=REPORTS {
            let intermediate_value = 1.0 / step as f64;
            let request = SetTrialIntermediateValueRequest { trial_id, step, intermediate_value };
            self.meter.time(self.storage.set_trial_intermediate_value(request)).await?;
        }
        if reads {
            self.read().await?;
        }
        let values = vec![1.0 / (1.0 + trial_id as f64)];
        let request = SetTrialStateValuesRequest { trial_id, state: TrialState::Complete.into(), values };
        self.meter.time(self.storage.set_trial_state_values(request)).await?;
        Ok(())
    }

    /// Makes a trial and gives it its parameters.
    async fn begin(&mut self) -> Result<i64, Status> {
        let request = CreateNewTrialRequest { study_id: self.study, template_trial: None, template_trial_is_none: true };
        let trial_id = self.meter.time(self.storage.create_new_trial(request)).await?.trial_id;
        for parameter in 0..PARAMETERS {
            let request = SetTrialParameterRequest {
                trial_id,
                param_name: format!("p{parameter}"),
                param_value_internal: 1.0 / (1.0 + trial_id as f64),
                distribution: DISTRIBUTION.to_owned(),
            };
            self.meter.time(self.storage.set_trial_parameter(request)).await?;
        }
        Ok(trial_id)
    }

    /// Asks for what may have changed, and remembers what has finished.
    async fn read(&mut self) -> Result<(), Status> {
        let request = GetTrialsRequest {
            study_id: self.study,
            included_trial_ids: self.unfinished.iter().copied().collect(),
            trial_id_greater_than: self.read_up_to,
        };
        for trial in self.meter.time(self.storage.get_trials(request)).await?.trials {
            if matches!(trial.state(), TrialState::Running | TrialState::Waiting) {
                self.unfinished.insert(trial.trial_id);
            } else {
                self.unfinished.remove(&trial.trial_id);
                self.read_up_to = self.read_up_to.max(trial.trial_id);
            }
        }
        Ok(())
    }
}
