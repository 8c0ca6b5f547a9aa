//! Certificates made on the spot, and a client that trusts just one of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::PATIENCE;

/// A certificate for `localhost` and its key, in two files of a directory.
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    der: CertificateDer<'static>,
}

impl Certificate {
    pub(crate) fn make(directory: &Path, name: &str) -> Certificate {
        Certificate::until(directory, name, 2099)
    }

    /// That ends with a year.
    pub(crate) fn until(directory: &Path, name: &str, year: i32) -> Certificate {
        Certificate::with(directory, name, |params| params.not_after = rcgen::date_time_ymd(year, 12, 31))
    }

    /// That ends some days from now.
    pub(crate) fn for_days(directory: &Path, name: &str, days: u64) -> Certificate {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let end = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now.as_secs() + days * 24 * 60 * 60);
        Certificate::with(directory, name, |params| params.not_after = end)
    }

    /// That begins with a year.
    pub(crate) fn from(directory: &Path, name: &str, year: i32) -> Certificate {
        Certificate::with(directory, name, |params| {
            params.not_before = rcgen::date_time_ymd(year, 1, 1);
            params.not_after = rcgen::date_time_ymd(year + 1, 1, 1);
        })
    }

    fn with(directory: &Path, name: &str, dates: impl FnOnce(&mut rcgen::CertificateParams)) -> Certificate {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        dates(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        let signed = params.self_signed(&key).unwrap();
        let paths = ["crt", "key"].map(|ending| directory.join(format!("{name}.{ending}")));
        fs::write(&paths[0], signed.pem()).unwrap();
        fs::write(&paths[1], key.serialize_pem()).unwrap();
        super::set_mode(&paths[1], 0o600);
        let [certificate, key] = paths;
        Certificate { certificate, key, der: signed.der().clone() }
    }

    pub(crate) fn settings(&self) -> [(&'static str, &Path); 2] {
        [("AUDIT_TLS_CERT", &self.certificate), ("AUDIT_TLS_KEY", &self.key)]
    }

    /// A connection to a server that shows this certificate; offers both versions of HTTP.
    pub(crate) fn connect(&self, address: SocketAddr) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let mut config = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(connection, stream);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }
}

/// Sends a request that ends its connection and returns the whole answer.
pub(crate) fn ask(stream: &mut (impl Read + Write), head: &str) -> std::io::Result<String> {
    stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() => Err(error),
        _ => String::from_utf8(answer).map_err(std::io::Error::other),
    }
}
