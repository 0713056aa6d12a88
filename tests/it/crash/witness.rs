//! Two clients that write down what a coordinator tells them: results that it shows, trials that it accepts.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use hone_proto::v1::{
    self, parameter::Value, study_service_client::StudyServiceClient, trial_service_client::TrialServiceClient,
};
use tokio::{runtime::Builder, sync::watch, time::sleep};
use tonic::transport::{Channel, Endpoint};

/// Before a call that failed is made again.
const AGAIN: Duration = Duration::from_millis(50);
/// Between two trials that are enqueued.
const ENQUEUE: Duration = Duration::from_millis(700);
/// A stream without news for so long may hang on a connection that is gone.
const SILENCE: Duration = Duration::from_secs(5);

/// A result as it was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub state: String,
    pub x: f64,
    pub values: Vec<f64>,
}

/// All that was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// By study and number of the trial.
    pub ended: BTreeMap<(String, u64), Ended>,
    /// Study and number by the value of `x`, as bits: each is asked for once.
    pub enqueued: BTreeMap<u64, (String, u64)>,
}

type Shared = Arc<Mutex<Seen>>;

/// The clients, on a thread of their own.
pub struct Witness {
    seen: Shared,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Witness {
    pub fn start(socket: &Path) -> Witness {
        let (stop, stopping) = watch::channel(false);
        let seen = Shared::default();
        let (path, shared) = (socket.to_owned(), seen.clone());
        let thread = thread::spawn(move || work(&path, &shared, stopping));
        Witness { seen, stop, thread }
    }

    /// What they have written down.
    pub fn stop(self) -> Seen {
        self.stop.send_replace(true);
        self.thread.join().expect("the witness");
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }
}

fn work(socket: &Path, seen: &Shared, mut stopping: watch::Receiver<bool>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::select! {
            () = watch_results(socket.to_owned(), seen) => {}
            () = enqueue_trials(socket.to_owned(), seen) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    });
}

fn channel(socket: &Path) -> Channel {
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).expect("a socket");
    endpoint.connect_timeout(Duration::from_secs(2)).connect_lazy()
}

async fn watch_results(socket: PathBuf, seen: &Shared) {
    let mut client = StudyServiceClient::new(channel(&socket));
    loop {
        let request = v1::WatchStudyRequest { study: "last".to_owned() };
        if let Ok(stream) = client.watch_study(request).await {
            let mut stream = stream.into_inner();
            while let Ok(Ok(Some(update))) = tokio::time::timeout(SILENCE, stream.message()).await {
                note(seen, &update);
            }
        }
        sleep(AGAIN).await;
    }
}

fn note(seen: &Shared, update: &v1::StudyUpdate) {
    let Some(study) = &update.study else { return };
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    for trial in &update.ended {
        let ended = Ended { state: trial.state.clone(), x: x_of(trial), values: trial.values.clone() };
        let before = seen.ended.insert((study.name.clone(), trial.number), ended.clone());
        assert!(
            before.is_none_or(|before| before == ended),
            "trial {} of `{}` has changed after it was shown",
            trial.number,
            study.name
        );
    }
}

/// The parameter `x`.
pub fn x_of(trial: &v1::Trial) -> f64 {
    let value = trial.params.iter().find(|parameter| parameter.name == "x").and_then(|parameter| parameter.value.clone());
    let Some(Value::Float(x)) = value else { panic!("trial {} has no `x`", trial.number) };
    x
}

/// Asks for trials with values of `x` that no sampler draws, each once: without an answer nobody knows whether it is
/// there, so it may be or not.
async fn enqueue_trials(socket: PathBuf, seen: &Shared) {
    let mut client = TrialServiceClient::new(channel(&socket));
    for number in 1_u32.. {
        let x = f64::from(number) / 1_048_576.0;
        if let Some((study, trial)) = enqueue(&mut client, &socket, x).await {
            seen.lock().unwrap_or_else(PoisonError::into_inner).enqueued.insert(x.to_bits(), (study, trial));
        }
        sleep(ENQUEUE).await;
    }
}

/// The study's name and the trial's number; nothing without an answer, or when the study takes no more.
async fn enqueue(client: &mut TrialServiceClient<Channel>, socket: &Path, x: f64) -> Option<(String, u64)> {
    let mut studies = StudyServiceClient::new(channel(socket));
    let study = studies.get_study(v1::GetStudyRequest { study: "last".to_owned() }).await.ok()?.into_inner().name;
    let params = [("x".to_owned(), x.to_string())].into();
    let request = v1::EnqueueTrialRequest { study: study.clone(), params, ..Default::default() };
    let trial = client.enqueue_trial(request).await.ok()?.into_inner();
    Some((study, trial.number))
}
