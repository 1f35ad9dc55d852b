//! TLS of our own. The certificates beside this file are for localhost and vouch for nothing else; `authority.pem` has signed both.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::app::{Database, Engine};
use crate::process::Process;

const AUTHORITY: &str = include_str!("tls/authority.pem");
const FIRST: [&str; 2] = [include_str!("tls/first.pem"), include_str!("tls/first.key")];
const SECOND: [&str; 2] = [include_str!("tls/second.pem"), include_str!("tls/second.key")];

async fn connect(address: &str, protocol: &str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    stream
}

fn certificate(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn answered(mut stream: TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut told = String::new();
    // However the end of the stream is told, the answer has come before it.
    let _ = stream.read_to_string(&mut told).await;
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_encrypted_and_certificates_change_while_they_go_on() {
    let database = Database::empty(Engine::Sqlite).await;
    let folder = database.folder();
    let (certificate_file, key_file, config) = (folder.join("tls.pem"), folder.join("tls.key"), folder.join("tls.toml"));
    let install = |[certificate, key]: [&str; 2]| {
        fs::write(&certificate_file, certificate).unwrap();
        fs::write(&key_file, key).unwrap();
    };
    install(FIRST);
    let files = format!("tls_certificate = '{}'\ntls_key = '{}'", certificate_file.display(), key_file.display());
    fs::write(&config, format!("[http]\nheader_timeout_s = 1\n{files}")).unwrap();
    let environment = [("BRANCHWISE_CONFIG", config.to_str().unwrap())];
    let server = Process::start(&database.url, &environment);
    let address = server.address();
    let first = connect(&address, "http/1.1").await;
    let old = certificate(&first);
    assert!(old == CertificateDer::from_pem_slice(FIRST[0].as_bytes()).unwrap());
    assert!(answered(connect(&address, "http/1.1").await).await.starts_with("HTTP/1.1 200"));
    connect(&address, "h2").await;

    let started = Instant::now();
    let mut silent = TcpStream::connect(&address).await.unwrap();
    let cut = tokio::time::timeout(Duration::from_secs(10), silent.read(&mut [0; 8])).await;
    assert!(cut.is_ok() && started.elapsed() > Duration::from_millis(800), "a handshake has the time of headers");
    let mut clear = TcpStream::connect(&address).await.unwrap();
    clear.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut told = Vec::new();
    let _ = clear.read_to_end(&mut told).await;
    assert!(!told.starts_with(b"HTTP"), "nothing is said in the clear");

    install(SECOND);
    server.signal("HUP");
    server.wait_for("the certificate was read again");
    let new = certificate(&connect(&address, "http/1.1").await);
    assert!(new == CertificateDer::from_pem_slice(SECOND[0].as_bytes()).unwrap());
    install(["no certificate", "no key"]);
    server.signal("HUP");
    server.wait_for("the certificate stays as it was");
    assert!(answered(connect(&address, "http/1.1").await).await.starts_with("HTTP/1.1 200"));
    server.signal("TERM");
    assert!(server.ended().0.success());

    let (status, lines) = Process::start(&database.url, &environment).ended();
    assert_eq!(status.code(), Some(1));
    assert!(lines.len() == 1 && lines[0].contains("http.tls_certificate"), "{lines:#?}");
    install([FIRST[0], SECOND[1]]);
    let (status, lines) = Process::start(&database.url, &environment).ended();
    assert!(status.code() == Some(1) && lines.len() == 1 && lines[0].contains("http.tls_key"), "{lines:#?}");
}
