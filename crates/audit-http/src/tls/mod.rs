//! The server's own TLS: a certificate and its key from PEM files. The server reads the files again
//! on request.

mod concern;
mod dates;

pub use concern::Concern;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use audit_store::domain::Timestamp;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use dates::Dates;

/// The reason why the files cannot be used, as one sentence that names the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// One file cannot be used.
    #[error("the TLS {what} `{}` cannot be used: {why}", path.display())]
    File {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The fault of the file.
        why: String,
    },
    /// The two files do not belong together.
    #[error("the TLS key `{}` does not belong to the certificate `{}`", key.display(), certificate.display())]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// A certificate with its key. Clones share both, also after [`Tls::reload`].
#[derive(Debug, Clone)]
pub struct Tls(Arc<Files>);

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// The certificate and the key for new connections.
    current: RwLock<Arc<CertifiedKey>>,
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: a file cannot be read, or its certificate and key cannot be used together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let current = RwLock::new(Arc::new(read(certificate, key)?));
        Ok(Tls(Arc::new(Files { certificate: certificate.to_owned(), key: key.to_owned(), current })))
    }

    /// Reads both files again, for new connections. Open connections go on. If the files cannot be
    /// used, nothing changes.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: a file cannot be read, or its certificate and key cannot be used together.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(read(&self.0.certificate, &self.0.key)?);
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Returns the time at which the first certificate of the chain expires, or `None` if the file
    /// does not have readable dates.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.dates().into_iter().map(|(_, dates)| dates.ends).min()
    }

    /// Returns the worst present problem with the dates of the chain. The server's own certificate
    /// comes first, then the certificates above it, which clients check too. Returns `None` if the
    /// clock cannot be right.
    #[must_use]
    pub fn concern(&self) -> Option<Concern> {
        let now = Timestamp::now().ok()?;
        let concerns = self.dates().into_iter().filter_map(|(certificate, dates)| Concern::about(certificate, dates, now));
        concerns.min_by_key(|concern| !concern.is_refused())
    }

    /// Returns the dates of each certificate of the chain, with its name for a sentence.
    fn dates(&self) -> Vec<(String, Dates)> {
        let (chain, path) = (self.0.current(), self.0.certificate.display());
        let named = |index: usize| match index {
            0 => format!("the TLS certificate `{path}`"),
            _ => format!("certificate {} in the chain of `{path}`", index + 1),
        };
        let dates = chain.cert.iter().enumerate().filter_map(|(index, der)| Some((named(index), Dates::parse_der(der)?)));
        dates.collect()
    }

    /// Makes the TLS settings of the listening socket. actix offers HTTP/1.1 and, in this build, no
    /// other protocol.
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

/// Returns the cryptography provider. Every use names it, because a default that another crate
/// installs for the whole process would be a surprise.
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
