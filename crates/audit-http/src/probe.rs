//! Checks a server on this machine, as a container or an operator does: one GET, no key, no
//! redirects.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::tls::provider;

/// The answer of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeAnswer {
    /// The status of the status line.
    pub status: u16,
    /// The beginning of the body.
    pub body: String,
}

/// The maximum bytes of an answer. The answers of the requested paths are far smaller.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Gets a path from the server that listens on an address. If the server listens on every address,
/// the request goes to the loopback address.
///
/// Over TLS, any certificate is accepted. Its name is that of the public address and not of this
/// address, and the request has no secret. A program that can listen on this address could also
/// answer that all is well.
///
/// # Errors
/// The error of the operating system, or an error that the answer is not HTTP.
pub fn probe(listener: SocketAddr, secure: bool, path: &str, timeout: Duration) -> std::io::Result<ProbeAnswer> {
    let address = SocketAddr::new(reachable(listener.ip()), listener.port());
    let stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = if secure {
        let connection = ClientConnection::new(tls_config().map_err(std::io::Error::other)?, ServerName::from(address.ip()));
        exchange(StreamOwned::new(connection.map_err(std::io::Error::other)?, stream), &request)?
    } else {
        exchange(stream, &request)?
    };
    parse(&answer).ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
}

/// Returns the address at which a server that listens on `address` can be reached.
#[must_use]
pub fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    match stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer) {
        // A TLS connection that ends without a close message is not an error if an answer has
        // arrived.
        Err(error) if answer.is_empty() || error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

fn parse(answer: &[u8]) -> Option<ProbeAnswer> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut words = head.lines().next()?.split(' ');
    let is_http = words.next()?.starts_with("HTTP/1.");
    let status = words.next()?.parse().ok()?;
    is_http.then(|| ProbeAnswer { status, body: body.to_owned() })
}

fn tls_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let verifier = AnyCertificate(provider().signature_verification_algorithms);
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()))
}

/// Accepts every server that holds the key of the certificate that it shows.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
