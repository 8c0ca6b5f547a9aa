//! TLS of the server's own: a certificate and its key from PEM files, read again when asked to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Why the files cannot be used; one sentence that names the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// Of one file.
    #[error("the TLS {what} `{}` cannot be used: {why}", path.display())]
    File {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Of both together.
    #[error("the TLS key `{}` does not belong to the certificate `{}`", key.display(), certificate.display())]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// How long a certificate is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// At that time it is.
    Valid,
    /// At that time it is over.
    Expired,
    /// It begins later.
    NotYetValid,
}

/// A certificate with its key. Clones share them, and what [`Tls::reload`] reads.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Files>);

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// What new connections get.
    current: RwLock<Arc<CertifiedKey>>,
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn load(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let current = RwLock::new(Arc::new(read(certificate, key)?));
        Ok(Tls(Arc::new(Files { certificate: certificate.to_owned(), key: key.to_owned(), current })))
    }

    /// Reads both files again, for new connections; what is open goes on. If they cannot be used, nothing changes.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(read(&self.0.certificate, &self.0.key)?);
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Whether clients will take the certificate's dates, so much later than now.
    #[must_use]
    pub fn validity_in(&self, later: Duration) -> Validity {
        let current = self.0.current();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Its own dates are looked at first; that nobody signed it for this name comes later and is not asked here.
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(current.cert.iter().cloned());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let (Ok(verifier), [own, chain @ ..], Ok(name)) = (verifier, current.cert.as_slice(), ServerName::try_from("localhost"))
        else {
            return Validity::Valid;
        };
        match verifier.verify_server_cert(own, chain, &name, &[], UnixTime::since_unix_epoch(now.saturating_add(later))) {
            Err(rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. })) => Validity::Expired,
            Err(rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. })) => Validity::NotYetValid,
            _ => Validity::Valid,
        }
    }

    /// For the listening socket. actix offers HTTP/1.1 and, as it is built here, nothing else.
    pub(crate) fn server_config(&self) -> Result<rustls::ServerConfig, rustls::Error> {
        let builder = rustls::ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        Ok(builder.with_no_client_auth().with_cert_resolver(self.0.clone()))
    }
}

impl Files {
    fn current(&self) -> Arc<CertifiedKey> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// Named wherever it is used: a default that some other crate installs for the whole process would be a surprise.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let bad_certificate = |why| TlsError::File { what: "certificate", path: certificate.to_owned(), why };
    let bad_key = |why| TlsError::File { what: "key", path: key.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| bad_certificate(pem_fault(&error, "certificate")))?;
    if chain.is_empty() {
        return Err(bad_certificate(pem_fault(&PemError::NoItemsFound, "certificate")));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad_key(pem_fault(&error, "private key")))?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() },
        rustls::Error::InvalidCertificate(fault) => bad_certificate(format!("it is no X.509 certificate ({fault:?})")),
        other => bad_key(other.to_string()),
    })
}

fn pem_fault(error: &PemError, wanted: &str) -> String {
    match error {
        PemError::Io(error) => error.to_string(),
        PemError::NoItemsFound => format!("it holds no {wanted} in PEM"),
        other => format!("it is no PEM: {other}"),
    }
}
