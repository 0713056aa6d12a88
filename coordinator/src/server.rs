//! A running coordinator: store, writer, listeners; start and stop in that order and back.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hone_proto::{
    v1::{
        blob_service_server::BlobServiceServer, client_service_server::ClientServiceServer,
        dataset_service_server::DatasetServiceServer, fleet_service_server::FleetServiceServer,
        label_service_server::LabelServiceServer, sampler_service_server::SamplerServiceServer,
        store_service_server::StoreServiceServer, study_service_server::StudyServiceServer,
        trial_service_server::TrialServiceServer,
    },
    worker::worker_service_server::WorkerServiceServer,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_stream::StreamExt;
use tonic::{
    Request, Status,
    service::interceptor::InterceptedService,
    transport::{Server, server::Router},
};
use tower::layer::util::{Identity, Stack};

use crate::{
    actor::{self, Writer},
    asking::Asking,
    clock::Clock,
    heap,
    histories::Histories,
    holder::{Holder, HolderError},
    katib,
    labels::Labelling,
    labelstudio::{self, Prepared},
    liveness::{Connection, Connections},
    mlflow::{self, Mirror, Parts},
    optuna,
    page::{self, PageError, Settings, Site},
    security::{AuthoriseLayer, Gatekeeper, Listener, SecurityError},
    service::{Services, Stays},
    sessions::Sessions,
    store::{OpenError, Store},
    timings::timings,
    upkeep,
};

/// The largest message: a page of trials with their curves; blobs travel in pieces.
const MAX_MESSAGE: usize = 16 << 20;
/// The largest history that is sent at once.
const MAX_HISTORY: usize = 256 << 20;
/// A unary call that takes longer has lost its caller.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_LIMIT: Duration = Duration::from_secs(10);
/// Streams on one connection: workers use one and a few blobs, clients a handful.
const MAX_STREAMS: u32 = 128;
/// How long open calls may take after the end was asked for.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How a coordinator is started.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Data directory.
    pub data: PathBuf,
    /// Unix socket; `None`: one with a short path in the user's runtime directory.
    pub socket: Option<PathBuf>,
    /// TCP address for gRPC; `None`: the Unix socket only.
    pub listen: Option<SocketAddr>,
    /// Serve `listen` without encryption and without asking who calls. Has to be typed in full.
    pub insecure: bool,
    /// TCP address for Optuna's storage protocol; `None`: it is not served.
    pub optuna: Option<SocketAddr>,
    /// How long running trials of Optuna's clients may go on when their connection is gone; zero: for ever.
    pub optuna_grace: Duration,
    /// Serve it beyond this host too, where nobody is asked who calls. Has to be typed in full.
    pub insecure_optuna: bool,
    /// TCP address for Katib's suggestion protocol; `None`: it is not served.
    pub katib: Option<SocketAddr>,
    /// Serve it beyond this host too. Has to be typed in full.
    pub insecure_katib: bool,
    /// Further names of this host for its certificate.
    pub names: Vec<String>,
    /// The page for annotators; `None`: it is not served.
    pub page: Option<page::Config>,
    /// Mirror studies to an MLflow server; `None`: to none.
    pub mlflow: Option<mlflow::Config>,
    /// Keep label projects in step with a Label Studio server; `None`: with none.
    pub label_studio: Option<labelstudio::Config>,
    /// Shown to workers and users.
    pub build: String,
}

/// Why a coordinator did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Security(#[from] SecurityError),
    #[error(transparent)]
    Holder(#[from] HolderError),
    #[error("cannot listen on `{address}`: {source}; choose another address with `--listen`")]
    Listen {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "Optuna's protocol has no credentials, so `{0}` would be open to everybody; use a loopback address, or `--insecure-optuna`"
    )]
    OptunaBeyondThisHost(SocketAddr),
    #[error("Katib's protocol has no credentials; for pods on other hosts than this one type `--insecure-katib` beside `{0}`")]
    KatibBeyondThisHost(SocketAddr),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Mlflow(#[from] mlflow::ServerError),
    #[error(transparent)]
    LabelStudio(#[from] labelstudio::ServerError),
    #[error(
        "Label Studio's webhooks come unencrypted, with a secret that others could then hear at `{0}`; use a loopback address, or \
         `--insecure-label-studio-hook`"
    )]
    HookBeyondThisHost(SocketAddr),
    #[error("the store has failed: {0}")]
    StoreFailed(String),
}

/// A running coordinator.
pub struct Coordinator {
    services: Services,
    writer: Writer,
    holder: Holder,
    address: Option<SocketAddr>,
    optuna: Option<SocketAddr>,
    katib: Option<SocketAddr>,
    page: Option<SocketAddr>,
    hook: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    servers: Vec<Served>,
}

impl Coordinator {
    /// Opens the store, recovers, listens, and writes `coordinator.json` into the data directory.
    ///
    /// # Errors
    /// The store is held, damaged or cannot be written; the address is taken.
    pub async fn start(config: Config) -> Result<Coordinator, StartError> {
        heap::give_back_what_is_freed();
        let clock = Clock::start();
        let store = tokio::task::block_in_place(|| Store::open(&config.data, timings()))?;
        let store_id = store.id();
        let gatekeeper = Arc::new(Gatekeeper::open(&config.data, &store_id, &config.names)?);
        let listeners = listeners(&config, &gatekeeper).await?;
        let optuna_listener = open_listener(config.optuna, config.insecure_optuna, StartError::OptunaBeyondThisHost).await?;
        let katib_listener = open_listener(config.katib, config.insecure_katib, StartError::KatibBeyondThisHost).await?;
        let page = open_page(&config, &gatekeeper, &store_id).await?;
        let sessions = Sessions::default();
        let writer = tokio::task::block_in_place(|| actor::start(store.clone(), clock, sessions.clone()))?;
        let mirror = mirror(&config, &writer, &store)?;
        let labels = Labelling::new(writer.clone(), store.blobs().clone());
        let label_studio = label_studio(&config, &labels, &writer, &store, &gatekeeper).await?;
        let services = Services {
            labels,
            writer: writer.clone(),
            sessions,
            store,
            stays: Stays::default(),
            asking: Asking::default(),
            histories: Histories::default(),
            gatekeeper,
            build: config.build.clone(),
            store_id,
            mlflow: mirror.as_ref().map(|(_, status)| status.clone()),
            page: page.as_ref().map(|(_, settings)| settings.url.clone()),
            label_studio: label_studio.as_ref().map(|prepared| prepared.status.clone()),
        };
        let address = listeners.iter().find_map(Listener::address);
        let socket = listeners.iter().find_map(|listener| listener.socket().map(Path::to_owned)).unwrap_or_default();
        let (token, page_url) = (services.gatekeeper.client_token(), services.page.as_deref());
        let holder = Holder::write(&config.data, &socket, address, token, config.insecure, &config.build, page_url)?;
        let (stop, stopping) = watch::channel(false);
        let mut servers: Vec<_> = listeners.into_iter().map(|listener| serve(&services, listener, stopping.clone())).collect();
        let optuna_address = optuna_listener.as_ref().and_then(Listener::address);
        servers.extend(optuna_listener.map(|listener| serve_optuna(&services, listener, config.optuna_grace, stopping.clone())));
        let katib = katib_listener.as_ref().and_then(Listener::address);
        servers.extend(katib_listener.map(|listener| serve_katib(listener, stopping.clone())));
        let page_address = page.as_ref().and_then(|(listener, _)| listener.address());
        servers.extend(page.map(|(listener, settings)| serve_page(&services, listener, settings, stopping.clone())));
        if let Some((mirror, _)) = mirror {
            tokio::spawn(run_mirror(mirror, stopping.clone()));
        }
        let hook = label_studio.as_ref().and_then(Prepared::hook);
        if let Some(prepared) = label_studio {
            prepared.run(|| stopped(stopping.clone()));
        }
        upkeep::start(&services, &stopping);
        Ok(Coordinator {
            services,
            writer,
            holder,
            address,
            optuna: optuna_address,
            katib,
            page: page_address,
            hook,
            stop,
            servers,
        })
    }

    /// The Unix socket that this host's commands use.
    pub fn socket(&self) -> &Path {
        self.holder.socket()
    }

    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Where Optuna's storage protocol is served.
    pub fn optuna(&self) -> Option<SocketAddr> {
        self.optuna
    }

    /// Where Katib's suggestion protocol is served.
    pub fn katib(&self) -> Option<SocketAddr> {
        self.katib
    }

    /// Where the page for annotators is.
    pub fn page(&self) -> Option<&str> {
        self.services.page.as_deref()
    }

    /// The address that the page is served on.
    pub fn page_address(&self) -> Option<SocketAddr> {
        self.page
    }

    /// A new join token, for the line that attaches a worker; `None` where nothing listens beyond this host's socket.
    ///
    /// # Errors
    /// When the token cannot be stored.
    pub fn join_token(&self) -> Result<Option<String>, StartError> {
        match self.address {
            Some(_) => Ok(Some(self.services.gatekeeper.new_join_token()?)),
            None => Ok(None),
        }
    }

    /// Waits until somebody needs this coordinator.
    pub async fn wait_for_users(&self) {
        self.services.stays.some().await;
    }

    /// Waits until nobody else needs this coordinator.
    pub async fn wait_for_leavers(&self, own: usize) {
        self.services.stays.at_most(own).await;
    }

    /// How the mirror on an MLflow server is; `None` where there is none.
    pub fn mlflow(&self) -> Option<&mlflow::Status> {
        self.services.mlflow.as_ref()
    }

    /// How the connector with Label Studio is; `None` where there is none.
    pub fn label_studio(&self) -> Option<&labelstudio::Status> {
        self.services.label_studio.as_ref()
    }

    /// Where Label Studio's webhooks are heard.
    pub fn label_studio_hook(&self) -> Option<SocketAddr> {
        self.hook
    }

    /// Waits until everything that is durable now is mirrored, or the MLflow server cannot be reached. Answers how many
    /// trials are missing there, and why.
    pub async fn mirrored(&self) -> Option<(u64, String)> {
        let status = self.services.mlflow.as_ref()?;
        // The writer tells its head after its answers; a view comes after both.
        self.writer.view().await.ok()?;
        // Not held over the wait: the writer waits for its readers.
        let head = *self.writer.head().borrow();
        let trouble = status.reached(head).await;
        let view = self.writer.view().await.ok()?;
        trouble.map(|reason| (status.behind(&view.state), reason))
    }

    /// Waits until the store has failed for good. Never returns while it works.
    pub async fn failed(&self) -> String {
        self.writer.failed().await
    }

    /// Ends calls, writes what is left, closes the store.
    ///
    /// # Errors
    /// When the store had failed.
    pub async fn stop(self) -> Result<(), StartError> {
        self.stop.send_replace(true);
        self.services.sessions.close_all();
        for server in self.servers {
            let abort = server.abort_handle();
            if tokio::time::timeout(STOP_GRACE, server).await.is_err() {
                abort.abort();
            }
        }
        let failure = self.writer.failure();
        self.writer.stop().await;
        drop(self.holder);
        failure.map_or(Ok(()), |reason| Err(StartError::StoreFailed(reason)))
    }
}

fn mirror(config: &Config, writer: &Writer, store: &Store) -> Result<Option<(Mirror, mlflow::Status)>, StartError> {
    let Some(config) = config.mlflow.clone() else { return Ok(None) };
    let (blobs, directory) = (store.blobs().clone(), store.directory().to_owned());
    Ok(Some(Mirror::new(config, Parts { writer: writer.clone(), blobs, store: store.id(), directory })?))
}

/// Ended in the middle of whatever it does: it looks for that at its next start.
async fn run_mirror(mirror: Mirror, stopping: watch::Receiver<bool>) {
    tokio::select! {
        () = mirror.run() => {}
        () = stopped(stopping) => {}
    }
}

async fn label_studio(
    config: &Config,
    labels: &Labelling,
    writer: &Writer,
    store: &Store,
    gatekeeper: &Gatekeeper,
) -> Result<Option<Prepared>, StartError> {
    let Some(config) = &config.label_studio else { return Ok(None) };
    let listener = match config.hook {
        Some(address) if !address.ip().is_loopback() && !config.insecure_hook => {
            return Err(StartError::HookBeyondThisHost(address));
        }
        Some(address) => {
            let bound = TcpListener::bind(address).await;
            Some(bound.map_err(|source| StartError::Listen { address: address.to_string(), source })?)
        }
        None => None,
    };
    let (writer, samples, directory) = (writer.clone(), labels.samples().clone(), store.directory().to_owned());
    let parts = labelstudio::Parts { writer, samples, store: store.id(), directory, key: gatekeeper.client_token().to_owned() };
    Ok(Some(Prepared::new(config, parts, listener)?))
}

async fn listeners(config: &Config, gatekeeper: &Arc<Gatekeeper>) -> Result<Vec<Listener>, StartError> {
    let socket = config.socket.clone().unwrap_or_else(|| crate::holder::default_socket(&config.data));
    let listen_error = |address: String| move |source| StartError::Listen { address, source };
    let mut listeners = vec![Listener::unix(&socket).await.map_err(listen_error(socket.display().to_string()))?];
    if let Some(address) = config.listen {
        let bound = match (config.insecure, address.ip().is_loopback()) {
            (true, _) => Listener::insecure(address).await,
            (false, true) => Listener::loopback(address).await,
            (false, false) => Listener::tls(address, gatekeeper).await,
        };
        listeners.push(bound.map_err(listen_error(address.to_string()))?);
    }
    Ok(listeners)
}

/// A listener for a protocol without credentials: for this host alone, unless the operator has typed otherwise in full.
async fn open_listener(
    address: Option<SocketAddr>,
    insecure: bool,
    refusal: impl FnOnce(SocketAddr) -> StartError,
) -> Result<Option<Listener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    if !address.ip().is_loopback() && !insecure {
        return Err(refusal(address));
    }
    let listener = Listener::insecure(address).await;
    listener.map(Some).map_err(|source| StartError::Listen { address: address.to_string(), source })
}

async fn open_page(
    config: &Config,
    gatekeeper: &Arc<Gatekeeper>,
    store: &str,
) -> Result<Option<(Listener, Settings)>, StartError> {
    let Some(page) = &config.page else { return Ok(None) };
    let failed = |source| StartError::Listen { address: page.address.to_string(), source };
    let listener = page::bind(page, gatekeeper).await?.map_err(failed)?;
    let settings = Settings::new(page, listener.address().unwrap_or(page.address), &config.names, store)?;
    Ok(Some((listener, settings)))
}

type Served = JoinHandle<Result<(), tonic::transport::Error>>;

fn serve(services: &Services, listener: Listener, stopping: watch::Receiver<bool>) -> Served {
    tokio::spawn(router(services).serve_with_incoming_shutdown(listener.into_incoming(), stopped(stopping)))
}

fn serve_optuna(services: &Services, listener: Listener, grace: Duration, stopping: watch::Receiver<bool>) -> Served {
    let connections = Connections::default();
    let given_up = optuna::give_up_what_is_left(services.writer.clone(), connections.clone(), grace);
    let incoming = listener.into_incoming().map(move |accepted| accepted.map(|stream| connections.watch(stream)));
    let serving = optuna_router(services).serve_with_incoming_shutdown(incoming, stopped(stopping));
    tokio::spawn(async move {
        tokio::select! {
            served = serving => served,
            () = given_up => Ok(()),
        }
    })
}

/// Nobody is asked who calls: the service computes, and knows nothing of the store.
fn serve_katib(listener: Listener, stopping: watch::Receiver<bool>) -> Served {
    let (reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(async move {
        for name in ["", katib::HEALTH] {
            reporter.set_service_status(name, tonic_health::ServingStatus::Serving).await;
        }
    });
    let router = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_LIMIT))
        .tcp_nodelay(true)
        .add_service(health)
        .add_service(katib::server());
    tokio::spawn(router.serve_with_incoming_shutdown(listener.into_incoming(), stopped(stopping)))
}

fn serve_page(services: &Services, listener: Listener, settings: Settings, stopping: watch::Receiver<bool>) -> Served {
    let Services { labels, store, gatekeeper, .. } = services.clone();
    let site = Site::new(labels, store, gatekeeper, settings);
    tokio::spawn(async move {
        page::serve(site, listener, stopping).await;
        Ok(())
    })
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Nobody is asked who calls: Optuna's clients have nothing to say to that.
fn optuna_router(services: &Services) -> Router {
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_LIMIT))
        .tcp_nodelay(true)
        .add_service(InterceptedService::new(optuna::server(services), note_call))
}

/// A connection that carries calls is not silent.
fn note_call(request: Request<()>) -> Result<Request<()>, Status> {
    if let Some(connection) = request.extensions().get::<Connection>() {
        drop(connection.call());
    }
    Ok(request)
}

fn router(services: &Services) -> Router<Stack<AuthoriseLayer, Identity>> {
    let (reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(async move { reporter.set_service_status("", tonic_health::ServingStatus::Serving).await });
    let reflection =
        tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(hone_proto::DESCRIPTORS).build_v1();
    let s = services;
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_LIMIT))
        .max_concurrent_streams(Some(MAX_STREAMS))
        .tcp_nodelay(true)
        .layer(AuthoriseLayer::new(services.gatekeeper.clone()))
        .add_service(health)
        .add_optional_service(reflection.ok())
        .add_service(
            StudyServiceServer::new(s.clone()).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
        )
        .add_service(
            TrialServiceServer::new(s.clone()).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
        )
        .add_service(FleetServiceServer::new(s.clone()).max_encoding_message_size(MAX_MESSAGE))
        .add_service(BlobServiceServer::new(s.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(
            ClientServiceServer::new(s.clone()).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
        )
        .add_service(
            SamplerServiceServer::new(s.clone()).max_decoding_message_size(MAX_HISTORY).max_encoding_message_size(MAX_MESSAGE),
        )
        .add_service(DatasetServiceServer::new(s.clone()).max_encoding_message_size(MAX_MESSAGE))
        .add_service(
            LabelServiceServer::new(s.clone()).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
        )
        .add_service(optuna::server(s))
        .add_service(StoreServiceServer::new(s.clone()).max_encoding_message_size(MAX_MESSAGE))
        .add_service(
            WorkerServiceServer::new(s.clone()).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
        )
}
