//! A coordinator with its page, and browsers as far as HTTP goes.

use std::{net::SocketAddr, path::Path, sync::Arc};

use bytes::Bytes;
use hone_coordinator::{Config, Coordinator, StartError, page};
use hone_proto::v1::{self, blob_service_client::BlobServiceClient, label_service_client::LabelServiceClient};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tonic::transport::{Channel, Endpoint};

/// A coordinator in a folder of its own.
pub struct Site {
    data: tempfile::TempDir,
    coordinator: Coordinator,
    config: Config,
    channel: Channel,
}

impl Site {
    /// With a page for this host.
    pub async fn new() -> Site {
        Site::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut page::Config)) -> Site {
        let mut page = plain("127.0.0.1:0");
        change(&mut page);
        Site::start(Some(page), Vec::new()).await.unwrap()
    }

    pub async fn without_page() -> Site {
        Site::start(None, Vec::new()).await.unwrap()
    }

    /// With a page on every address of this host, called `trainer.example.org`.
    pub async fn beyond(change: impl FnOnce(page::Config) -> page::Config) -> Site {
        Site::start(Some(change(plain("0.0.0.0:0"))), vec!["trainer.example.org".to_owned()]).await.unwrap()
    }

    pub async fn try_beyond(change: impl FnOnce(&mut page::Config)) -> Result<Site, StartError> {
        let mut page = plain("0.0.0.0:0");
        change(&mut page);
        Site::start(Some(page), vec!["trainer.example.org".to_owned()]).await
    }

    async fn start(page: Option<page::Config>, names: Vec<String>) -> Result<Site, StartError> {
        let data = tempfile::tempdir().unwrap();
        let config = Config { data: data.path().to_owned(), page, names, build: "test".to_owned(), ..Config::default() };
        Site::start_in(data, config).await
    }

    async fn start_in(data: tempfile::TempDir, config: Config) -> Result<Site, StartError> {
        let coordinator = Coordinator::start(config.clone()).await?;
        let socket = format!("unix:{}", coordinator.socket().display());
        let channel = Endpoint::from_shared(socket).unwrap().connect().await.unwrap();
        Ok(Site { data, coordinator, config, channel })
    }

    /// Another coordinator on the same store.
    pub async fn restarted(self) -> Site {
        let Site { data, coordinator, config, .. } = self;
        coordinator.stop().await.unwrap();
        Site::start_in(data, config).await.unwrap()
    }

    /// Where the page is, as links have it.
    pub fn url(&self) -> &str {
        self.coordinator.page().unwrap()
    }

    pub fn labels(&self) -> LabelServiceClient<Channel> {
        LabelServiceClient::new(self.channel.clone())
    }

    pub fn client_token(&self) -> String {
        self.contact()["token"].as_str().unwrap().to_owned()
    }

    fn contact(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.data.path().join("coordinator.json")).unwrap()).unwrap()
    }

    /// A browser that nobody is known by.
    pub fn browser(&self) -> Browser {
        let authority = self.url().split_once("://").unwrap().1;
        let port = match authority.rsplit_once(':') {
            Some((_, port)) => port.parse().unwrap(),
            None => self.coordinator.page_address().unwrap().port(),
        };
        let roots = self.url().starts_with("https").then(|| self.data.path().join("tls/authority.pem"));
        let encrypted = roots.filter(|_| self.config.page.as_ref().is_some_and(|page| !page.address.ip().is_loopback()));
        Browser {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            authority: encrypted.map(|path| (tls(&path), "trainer.example.org".to_owned())),
            host: authority.to_owned(),
            origin: Some(self.url().to_owned()),
            page: true,
            cookie: None,
            token: None,
            annotator: None,
            known: None,
        }
    }

    /// A browser that trusts an authority, and takes the page to be called so.
    pub fn browser_that_trusts(&self, authority: &Path, name: &str) -> Browser {
        Browser { authority: Some((tls(authority), name.to_owned())), ..self.browser() }
    }

    /// A browser whose annotator has come in.
    pub async fn entered(&self, name: &str, projects: &[&str]) -> Browser {
        let link = self.invite(name, projects).await;
        let mut browser = self.browser();
        assert_eq!(browser.enter(&link).await.status, StatusCode::OK);
        browser
    }

    pub async fn invite(&self, name: &str, projects: &[&str]) -> String {
        self.pass(name, projects, false).await
    }

    pub async fn token(&self, name: &str) -> String {
        self.pass(name, &[], true).await
    }

    async fn pass(&self, name: &str, projects: &[&str], token: bool) -> String {
        let projects = projects.iter().map(ToString::to_string).collect();
        let request = v1::InviteAnnotatorRequest { annotator: name.to_owned(), projects, token, ..Default::default() };
        self.labels().invite_annotator(request).await.unwrap().into_inner().secret
    }

    /// Makes a project out of the rest of its file.
    pub async fn project(&self, name: &str, rest: &str) -> u64 {
        let text = format!("name = \"{name}\"\n{rest}");
        let request = v1::CreateLabelProjectRequest { text, file: "test".to_owned(), request_id: Bytes::new() };
        self.labels().create_label_project(request).await.unwrap().into_inner().id
    }

    pub async fn ask(&self, project: u64, samples: &[(&str, Value)]) {
        let sample = |(name, data): &(&str, Value)| v1::LabelSample {
            sample: (*name).to_owned(),
            data_json: data.to_string(),
            ..v1::LabelSample::default()
        };
        let request = v1::AskLabelsRequest {
            project: project.to_string(),
            samples: samples.iter().map(sample).collect(),
            ..v1::AskLabelsRequest::default()
        };
        self.labels().ask_labels(tokio_stream::once(request)).await.unwrap();
    }

    pub async fn label(&self, project: &str, sample: &str) -> v1::Label {
        let request = v1::GetLabelRequest { request: 0, project: project.to_owned(), sample: sample.to_owned() };
        self.labels().get_label(request).await.unwrap().into_inner()
    }

    /// Keeps bytes; answers their hash.
    pub async fn blob(&self, bytes: &'static [u8]) -> String {
        let chunk = v1::BlobChunk { data: Bytes::from_static(bytes), ..v1::BlobChunk::default() };
        let mut blobs = BlobServiceClient::new(self.channel.clone());
        let hash = blobs.put_blob(tokio_stream::once(chunk)).await.unwrap().into_inner().hash;
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Files of the store that hold one of these texts.
    pub fn files_with(&self, texts: &[String]) -> Vec<String> {
        let (mut found, mut folders) = (Vec::new(), vec![self.data.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let bytes = std::fs::read(&path).unwrap();
                    let holds = |text: &String| bytes.windows(text.len()).any(|window| window == text.as_bytes());
                    if texts.iter().any(holds) {
                        found.push(path.display().to_string());
                    }
                }
            }
        }
        found
    }
}

fn plain(address: &str) -> page::Config {
    page::Config { address: address.parse().unwrap(), insecure: false, url: None, certificate: None, image_sites: Vec::new() }
}

/// What a browser sends.
pub struct Browser {
    address: SocketAddr,
    /// Whom it trusts, and what it takes the page to be called.
    authority: Option<(Arc<rustls::ClientConfig>, String)>,
    pub host: String,
    pub origin: Option<String>,
    /// Whether it sends the header of the page's own calls.
    pub page: bool,
    pub cookie: Option<String>,
    pub token: Option<String>,
    pub annotator: Option<String>,
    /// The mark of a file that it has.
    pub known: Option<String>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Presses the button on the page of a link.
    pub async fn enter(&mut self, link: &str) -> Answer {
        let invite = link.split_once('#').unwrap().1;
        let answer = self.post("/api/v1/session", json!({"invite": invite})).await;
        if answer.status == StatusCode::OK {
            self.cookie = Some(answer.header("set-cookie").split(';').next().unwrap().to_owned());
        }
        answer
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        let page = self.page.then(|| "1".to_owned());
        let token = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let headers = [
            ("origin", &self.origin),
            ("hone-page", &page),
            ("cookie", &self.cookie),
            ("authorization", &token),
            ("hone-annotator", &self.annotator),
            ("if-none-match", &self.known),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = request.body(Full::new(body)).unwrap();
        let stream = TcpStream::connect(self.address).await.unwrap();
        match &self.authority {
            None => exchange(stream, request).await.unwrap(),
            Some((config, name)) => {
                let name = ServerName::try_from(name.clone()).unwrap();
                let stream = tokio_rustls::TlsConnector::from(config.clone()).connect(name, stream).await.unwrap();
                exchange(stream, request).await.unwrap()
            }
        }
    }

    /// A request without encryption, whatever the page wants.
    pub async fn plainly(&self, path: &str) -> Result<Answer, hyper::Error> {
        let request = Request::builder().uri(path).header(header::HOST, &self.host).body(Full::new(Bytes::new())).unwrap();
        exchange(TcpStream::connect(self.address).await.unwrap(), request).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.collect().await?.to_bytes() })
}

/// Writes an authority and a certificate by it, with the key.
pub fn write_certificate(name: &str, authority: &Path, chain: &Path, key: &Path) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (root_key, leaf_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = params.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(params, root_key);
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap();
    std::fs::write(authority, root.pem()).unwrap();
    std::fs::write(chain, leaf.pem()).unwrap();
    std::fs::write(key, leaf_key.serialize_pem()).unwrap();
}

fn tls(authority: &Path) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}
