//! Who gets in, over the real stack: listener, TLS, the layer around every call, and a worker that joins.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use hone_coordinator::security::{AuthoriseLayer, Authority, Caller, Gatekeeper, Listener, Peer, Tokens};
use hone_proto::{
    v1::{
        GetWorkerRequest, ListWorkersRequest, ListWorkersResponse, SetWorkerRequest, Worker,
        fleet_service_client::FleetServiceClient,
        fleet_service_server::{FleetService, FleetServiceServer},
    },
    worker::{
        AuthorityRequest, AuthorityResponse, FromWorker, JoinRequest, JoinResponse, ToWorker, Welcome, to_worker,
        worker_service_client::WorkerServiceClient,
        worker_service_server::{WorkerService, WorkerServiceServer},
    },
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use tokio::{net::UnixStream, sync::mpsc};
use tonic::{
    Code, Request, Response, Status, Streaming,
    metadata::MetadataValue,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity as Pem, Server, ServerTlsConfig},
};

/// The worker's side, as the worker has it: the crates do not depend on each other.
#[path = "../../worker/src/join.rs"]
mod join;
use join::{Identity, JoinError};

const HOUR: i64 = 3_600_000_000;

/// Services that answer who was let in.
#[derive(Clone)]
struct Stub {
    gatekeeper: Arc<Gatekeeper>,
    /// Tokens that came as far as the service.
    tokens: mpsc::UnboundedSender<String>,
}

#[tonic::async_trait]
impl WorkerService for Stub {
    type AttachStream = tokio_stream::Once<Result<ToWorker, Status>>;

    async fn authority(&self, _: Request<AuthorityRequest>) -> Result<Response<AuthorityResponse>, Status> {
        Ok(Response::new(AuthorityResponse { certificate_pem: self.gatekeeper.authority_pem()? }))
    }

    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        self.tokens.send(request.get_ref().token.clone()).unwrap();
        self.gatekeeper.join(request.into_inner()).map(Response::new)
    }

    async fn attach(&self, request: Request<Streaming<FromWorker>>) -> Result<Response<Self::AttachStream>, Status> {
        let caller = request.extensions().get::<Caller>().unwrap();
        let identity = request.extensions().get::<Peer>().unwrap().worker_identity().unwrap_or_default();
        let welcome = Welcome { worker: caller.worker.unwrap_or(0), build: identity, ..Welcome::default() };
        Ok(Response::new(tokio_stream::once(Ok(ToWorker { kind: Some(to_worker::Kind::Welcome(welcome)) }))))
    }
}

#[tonic::async_trait]
impl FleetService for Stub {
    async fn list_workers(&self, _: Request<ListWorkersRequest>) -> Result<Response<ListWorkersResponse>, Status> {
        Ok(Response::new(ListWorkersResponse::default()))
    }

    async fn get_worker(&self, _: Request<GetWorkerRequest>) -> Result<Response<Worker>, Status> {
        Ok(Response::new(Worker::default()))
    }

    async fn set_worker(&self, _: Request<SetWorkerRequest>) -> Result<Response<Worker>, Status> {
        Ok(Response::new(Worker::default()))
    }
}

/// A coordinator's door.
struct Door {
    data: tempfile::TempDir,
    gatekeeper: Arc<Gatekeeper>,
    tokens_seen: mpsc::UnboundedReceiver<String>,
    stub: Stub,
}

impl Door {
    fn new() -> Door {
        Door::with(tempfile::tempdir().unwrap())
    }

    fn with(data: tempfile::TempDir) -> Door {
        let gatekeeper = Arc::new(Gatekeeper::open(data.path(), "store-1", &[]).unwrap());
        let (tokens, tokens_seen) = mpsc::unbounded_channel();
        let stub = Stub { gatekeeper: gatekeeper.clone(), tokens };
        Door { data, gatekeeper, tokens_seen, stub }
    }

    fn serve(&self, listener: Listener) -> Option<SocketAddr> {
        let address = listener.address();
        let server = Server::builder()
            .layer(AuthoriseLayer::new(self.gatekeeper.clone()))
            .add_service(WorkerServiceServer::new(self.stub.clone()))
            .add_service(FleetServiceServer::new(self.stub.clone()));
        tokio::spawn(server.serve_with_incoming(listener.into_incoming()));
        address
    }

    async fn tls(&self) -> String {
        let listener = Listener::tls("127.0.0.1:0".parse().unwrap(), &self.gatekeeper).await.unwrap();
        self.serve(listener).unwrap().to_string()
    }

    fn token(&self) -> String {
        self.gatekeeper.new_join_token().unwrap()
    }

    /// A certificate that only somebody with the authority's key can make.
    fn forge(&self, change: impl FnOnce(&mut CertificateParams)) -> Pem {
        let read = |name: &str| fs::read_to_string(self.data.path().join("tls").join(name)).unwrap();
        let key = KeyPair::from_pem(&read("authority.key")).unwrap();
        sign(&Issuer::from_ca_cert_pem(&read("authority.pem"), key).unwrap(), change)
    }

    fn authority(&self) -> Certificate {
        Certificate::from_pem(self.gatekeeper.authority_pem().unwrap())
    }
}

fn sign(issuer: &Issuer<'_, KeyPair>, change: impl FnOnce(&mut CertificateParams)) -> Pem {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI("spiffe://hone/store-1/worker/9".try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    Pem::from_pem(params.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}

async fn dial(address: &str, authority: Certificate, own: Option<Pem>) -> Result<Channel, tonic::transport::Error> {
    let tls = ClientTlsConfig::new().ca_certificate(authority).domain_name("coordinator.hone");
    let tls = own.into_iter().fold(tls, ClientTlsConfig::identity);
    Endpoint::from_shared(format!("https://{address}")).unwrap().tls_config(tls)?.connect().await
}

async fn list(channel: Channel, bearer: Option<&str>) -> Result<(), Status> {
    let mut request = Request::new(ListWorkersRequest { all: true });
    if let Some(bearer) = bearer {
        let value = MetadataValue::try_from(format!("Bearer {bearer}")).unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    FleetServiceClient::new(channel).list_workers(request).await.map(drop)
}

/// Attaches and returns the worker's number and identity as the coordinator sees them.
async fn attach(channel: Channel) -> Result<(u64, String), Status> {
    let response = WorkerServiceClient::new(channel).attach(tokio_stream::empty()).await?;
    let message = response.into_inner().message().await?.unwrap();
    let Some(to_worker::Kind::Welcome(welcome)) = message.kind else { panic!("{message:?}") };
    Ok((welcome.worker, welcome.build))
}

/// Whether a connection with this certificate gets as far as an answer.
async fn is_let_in(door: &Door, own: Pem) -> bool {
    let address = door.tls().await;
    match dial(&address, door.authority(), Some(own)).await {
        // With TLS 1.3 the client hears of a refused certificate only after its own handshake.
        Ok(channel) => attach(channel).await.is_ok(),
        Err(_) => false,
    }
}

fn refused(error: JoinError) -> String {
    match error {
        JoinError::Refused(message) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_worker_joins_with_a_token_and_attaches_with_its_certificate() {
    let (door, folder) = (Door::new(), tempfile::tempdir().unwrap());
    let address = door.tls().await;
    let identity = join::join(&address, &door.token(), folder.path(), "node").await.unwrap();
    let kept = Identity::load(folder.path()).unwrap().unwrap();
    assert_eq!(kept, identity);
    let channel = || async { join::channel(&address, &kept).unwrap().connect().await.unwrap() };
    let (worker, key) = attach(channel().await).await.unwrap();
    assert_eq!(key, format!("certificate:{worker}"));
    assert_eq!(attach(channel().await).await.unwrap(), (worker, key), "the same worker after a reconnect");
}

#[tokio::test]
async fn who_joins_again_stays_the_same_worker() {
    let (door, folder) = (Door::new(), tempfile::tempdir().unwrap());
    let address = door.tls().await;
    let mut workers = Vec::new();
    for _ in 0..2 {
        let identity = join::join(&address, &door.token(), folder.path(), "node").await.unwrap();
        let channel = join::channel(&address, &identity).unwrap().connect().await.unwrap();
        workers.push(attach(channel).await.unwrap());
    }
    assert_eq!(workers[0], workers[1]);
}

#[tokio::test]
async fn a_token_is_good_for_many_workers_which_are_told_apart() {
    let door = Door::new();
    let (address, token) = (door.tls().await, door.token());
    let mut workers = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let identity = join::join(&address, &token, folder.path(), "node").await.unwrap();
        let channel = join::channel(&address, &identity).unwrap().connect().await.unwrap();
        workers.push(attach(channel).await.unwrap());
    }
    assert_ne!(workers[0], workers[1]);
}

#[tokio::test]
async fn a_certificate_outlives_a_restart_of_the_coordinator() {
    let (door, folder) = (Door::new(), tempfile::tempdir().unwrap());
    let identity = join::join(&door.tls().await, &door.token(), folder.path(), "node").await.unwrap();
    let again = Door::with(door.data);
    let channel = join::channel(&again.tls().await, &identity).unwrap().connect().await.unwrap();
    assert!(attach(channel).await.unwrap().0 > 0);
}

#[tokio::test]
async fn a_worker_certificate_opens_nothing_that_is_for_clients() {
    let (door, folder) = (Door::new(), tempfile::tempdir().unwrap());
    let address = door.tls().await;
    let identity = join::join(&address, &door.token(), folder.path(), "node").await.unwrap();
    let channel = join::channel(&address, &identity).unwrap().connect().await.unwrap();
    assert_eq!(list(channel, None).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn without_a_certificate_there_is_no_session_and_without_a_token_no_answer() {
    let door = Door::new();
    let channel = dial(&door.tls().await, door.authority(), None).await.unwrap();
    assert_eq!(attach(channel.clone()).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(list(channel.clone(), None).await.unwrap_err().code(), Code::Unauthenticated);
    list(channel.clone(), Some(door.gatekeeper.client_token())).await.unwrap();
    let mut worker = WorkerServiceClient::new(channel);
    worker.authority(AuthorityRequest {}).await.unwrap();
}

#[tokio::test]
async fn only_a_certificate_for_clients_of_this_authority_in_date_is_let_in() {
    let door = Door::new();
    assert!(is_let_in(&door, door.forge(|_| {})).await, "the test's own certificates are good");
    let expired = door.forge(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert!(!is_let_in(&door, expired).await);
    let early = door.forge(|params| params.not_before = rcgen::date_time_ymd(3000, 1, 1));
    assert!(!is_let_in(&door, early).await);
    let server = door.forge(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert!(!is_let_in(&door, server).await);
    let nobody = door.forge(|params| params.subject_alt_names.clear());
    assert!(!is_let_in(&door, nobody).await);
    let other_store = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![SanType::URI("spiffe://hone/store-2/worker/9".try_into().unwrap())];
    };
    assert!(!is_let_in(&door, door.forge(other_store)).await);
    assert!(!is_let_in(&door, Door::new().forge(|_| {})).await, "another authority");
}

#[tokio::test]
async fn plaintext_to_the_tls_port_gets_no_answer() {
    let door = Door::new();
    let address = door.tls().await;
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await;
    let answer = match channel {
        Ok(channel) => list(channel, Some(door.gatekeeper.client_token())).await,
        Err(_) => return,
    };
    assert!(matches!(answer.unwrap_err().code(), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled));
}

#[tokio::test]
async fn a_wrong_a_revoked_and_an_expired_token_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let expired = {
        let authority = Authority::open(&data.path().join("tls"), "store-1", HOUR).unwrap();
        Tokens::open(&authority).unwrap().create(HOUR, HOUR).unwrap().0
    };
    let door = Door::with(data);
    let (address, folder) = (door.tls().await, tempfile::tempdir().unwrap());
    let message = refused(join::join(&address, expired.reveal(), folder.path(), "node").await.unwrap_err());
    assert!(message.contains("expired") && message.contains("hint: make a new one"), "{message}");
    let token = door.token();
    let revoked = token.split('.').nth(1).unwrap();
    assert!(door.gatekeeper.revoke_join_token(revoked).unwrap());
    let message = refused(join::join(&address, &token, folder.path(), "node").await.unwrap_err());
    assert!(message.contains("not valid here"), "{message}");
    let mut wrong: Vec<String> = door.token().split('.').map(str::to_owned).collect();
    wrong[2] = "a".repeat(wrong[2].len());
    refused(join::join(&address, &wrong.join("."), folder.path(), "node").await.unwrap_err());
    assert_eq!(Identity::load(folder.path()).unwrap(), None);
}

#[tokio::test]
async fn the_secret_is_never_sent_to_another_coordinator() {
    let (door, mut imposter) = (Door::new(), Door::new());
    let (address, folder) = (imposter.tls().await, tempfile::tempdir().unwrap());
    let error = join::join(&address, &door.token(), folder.path(), "node").await.unwrap_err();
    assert!(matches!(error, JoinError::OtherAuthority { .. }), "{error}");
    assert!(imposter.tokens_seen.try_recv().is_err());
}

#[tokio::test]
async fn a_worker_cannot_pass_itself_off_as_the_coordinator() {
    let door = Door::new();
    let stolen = door.forge(|params| params.subject_alt_names.push(SanType::DnsName("coordinator.hone".try_into().unwrap())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = Server::builder().tls_config(ServerTlsConfig::new().identity(stolen)).unwrap();
    tokio::spawn({ server }.add_service(FleetServiceServer::new(door.stub.clone())).serve_with_incoming(incoming));
    assert!(dial(&address, door.authority(), None).await.is_err());
}

#[tokio::test]
async fn plain_tcp_on_this_host_needs_the_token() {
    let door = Door::new();
    let address = door.serve(Listener::loopback("127.0.0.1:0".parse().unwrap()).await.unwrap()).unwrap();
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    assert_eq!(list(channel.clone(), None).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(attach(channel.clone()).await.unwrap_err().code(), Code::Unauthenticated);
    list(channel, Some(door.gatekeeper.client_token())).await.unwrap();
}

#[tokio::test]
async fn what_the_operator_opened_by_name_is_open() {
    let door = Door::new();
    let address = door.serve(Listener::insecure("127.0.0.1:0".parse().unwrap()).await.unwrap()).unwrap();
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    list(channel.clone(), None).await.unwrap();
    assert_eq!(attach(channel).await.unwrap(), (0, String::new()));
}

#[tokio::test]
async fn the_own_user_needs_no_token_over_the_unix_socket() {
    let door = Door::new();
    let path = door.data.path().join("private/socket");
    door.serve(Listener::unix(&path).await.unwrap());
    let channel = over_unix(&path).await;
    list(channel.clone(), None).await.unwrap();
    attach(channel).await.unwrap();
}

async fn over_unix(path: &Path) -> Channel {
    let path = path.to_owned();
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(hyper_util::rt::TokioIo::new) }
    });
    Endpoint::from_static("http://unix").connect_with_connector(connector).await.unwrap()
}

#[tokio::test]
async fn guessing_closes_the_door_even_for_the_right_token() {
    let door = Door::new();
    let address = door.serve(Listener::loopback("127.0.0.1:0".parse().unwrap()).await.unwrap()).unwrap();
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    for _ in 0..5 {
        assert_eq!(list(channel.clone(), Some("guess")).await.unwrap_err().code(), Code::Unauthenticated);
    }
    let right = list(channel, Some(door.gatekeeper.client_token())).await;
    assert_eq!(right.unwrap_err().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn guessing_join_tokens_closes_the_door_too() {
    let (door, folder) = (Door::new(), tempfile::tempdir().unwrap());
    let address = door.tls().await;
    let good = door.token();
    let wrong = good.replace(good.split('.').nth(2).unwrap(), &"a".repeat(26));
    for _ in 0..5 {
        refused(join::join(&address, &wrong, folder.path(), "node").await.unwrap_err());
    }
    let message = refused(join::join(&address, &good, folder.path(), "node").await.unwrap_err());
    assert!(message.contains("wait a minute"), "{message}");
}

#[tokio::test]
async fn no_secret_is_in_debug_output_or_open_to_others() {
    use std::os::unix::fs::MetadataExt;
    let (door, folder) = (Door::new(), tempfile::tempdir().unwrap());
    let token = door.token();
    let identity = join::join(&door.tls().await, &token, folder.path(), "node").await.unwrap();
    let shown = format!("{:?} {identity:?}", door.gatekeeper);
    let secrets = [door.gatekeeper.client_token(), token.split('.').nth(2).unwrap(), "PRIVATE KEY"];
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    for file in fs::read_dir(door.data.path().join("tls")).unwrap().map(Result::unwrap) {
        assert_eq!(file.metadata().unwrap().mode() & 0o077, 0, "{:?}", file.path());
    }
    assert_eq!(fs::metadata(door.data.path().join("tls")).unwrap().mode() & 0o077, 0);
}
