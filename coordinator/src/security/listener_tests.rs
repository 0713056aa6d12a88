//! Who gets a connection at all.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_stream::StreamExt;

use super::*;

#[tokio::test]
async fn a_process_of_the_same_user_is_local() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::unix(&dir.path().join("private/s")).await.unwrap();
    let path = listener.socket().unwrap().to_owned();
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let mut incoming = listener.into_incoming();
    let mut client = UnixStream::connect(&path).await.unwrap();
    let mut connection = incoming.next().await.unwrap().unwrap();
    assert!(matches!(connection.peer().kind, PeerKind::Local { .. }));
    client.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    connection.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
}

#[tokio::test]
async fn a_process_of_another_user_is_turned_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let other = rustix::process::geteuid().as_raw() + 1;
    let _incoming = Listener::unix_for(&path, other).unwrap().into_incoming();
    let mut client = UnixStream::connect(&path).await.unwrap();
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0, "closed without a word");
}

#[tokio::test]
async fn a_folder_that_others_can_write_to_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o775)).unwrap();
    let error = Listener::unix(&dir.path().join("s")).await.unwrap_err().to_string();
    assert!(error.contains("chmod 700"), "{error}");
}

#[tokio::test]
async fn a_socket_left_by_a_dead_process_is_replaced_and_a_live_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let live = Listener::unix(&path).await.unwrap();
    let error = Listener::unix(&path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop(live);
    assert!(!path.exists());
}

#[tokio::test]
async fn plain_tcp_without_a_wish_is_for_this_host_only() {
    assert!(Listener::loopback("0.0.0.0:0".parse().unwrap()).await.is_err());
    let listener = Listener::loopback("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    let mut incoming = listener.into_incoming();
    let _client = TcpStream::connect(address).await.unwrap();
    assert_eq!(incoming.next().await.unwrap().unwrap().peer().kind, PeerKind::Loopback);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let gatekeeper = Arc::new(Gatekeeper::open(dir.path(), "store", &[]).unwrap());
    let listener = Listener::tls("127.0.0.1:0".parse().unwrap(), &gatekeeper).await.unwrap();
    let address = listener.address().unwrap();
    let mut incoming = listener.into_incoming();
    let (mut silent, mut heard) = (TcpStream::connect(address).await.unwrap(), [0; 1]);
    tokio::select! {
        connection = incoming.next() => panic!("{connection:?}"),
        read = silent.read(&mut heard) => assert_eq!(read.unwrap_or(0), 0),
    }
}

#[tokio::test]
async fn plaintext_on_the_tls_port_never_becomes_a_connection() {
    let dir = tempfile::tempdir().unwrap();
    let gatekeeper = Arc::new(Gatekeeper::open(dir.path(), "store", &[]).unwrap());
    let listener = Listener::tls("127.0.0.1:0".parse().unwrap(), &gatekeeper).await.unwrap();
    let address = listener.address().unwrap();
    let mut incoming = listener.into_incoming();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    tokio::select! {
        connection = incoming.next() => panic!("{connection:?}"),
        read = plain.read_to_end(&mut answer) => drop(read),
    }
    assert!(!answer.windows(4).any(|bytes| bytes == b"HTTP"), "a TLS alert at most");
}
