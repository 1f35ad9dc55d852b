//! TLS, where no proxy does it: the certificate and the key of files, read anew when asked.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::HttpConfig;

/// What connections are encrypted with.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: ArcSwap<ServerConfig>,
}

impl Tls {
    /// From the files of the configuration; None: none are configured. Errors: one line that says which file does not do.
    pub fn try_new(http: &HttpConfig) -> Result<Option<Self>, String> {
        let (Some(certificate), Some(key)) = (http.tls_certificate.clone(), http.tls_key.clone()) else { return Ok(None) };
        let acceptor = ArcSwap::new(read(&certificate, &key)?);
        Ok(Some(Self { certificate, key, acceptor }))
    }

    /// Reads the files again. Errors: as above; connections go on as before.
    pub fn reload(&self) -> Result<(), String> {
        self.acceptor.store(read(&self.certificate, &self.key)?);
        Ok(())
    }

    /// For the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.acceptor.load_full())
    }
}

fn read(certificate: &PathBuf, key: &PathBuf) -> Result<Arc<ServerConfig>, String> {
    let unread = |path: &PathBuf, what: &str, why: String| format!("{what}: {}: {why}", path.display());
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| unread(certificate, "http.tls_certificate", error.to_string()))?;
    if chain.is_empty() {
        return Err(unread(certificate, "http.tls_certificate", "holds no certificate in PEM".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unread(key, "http.tls_key", error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let config = config.and_then(|config| config.with_no_client_auth().with_single_cert(chain, private));
    let mut config = config.map_err(|error| unread(key, "http.tls_key", error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
