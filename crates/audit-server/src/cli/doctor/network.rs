//! Checks whether clients can reach the server.

use std::net::TcpListener;

use audit_http::Tls;

use super::super::healthcheck::{TIMEOUT, address_of};
use super::{CheckContext, Finding};

pub(super) fn tls(context: &CheckContext) -> Finding {
    let Some(files) = &context.settings.tls else { return Finding::Good("not used: plain HTTP".to_owned()) };
    let name = files.certificate.display();
    let tls = match Tls::load(&files.certificate, &files.key) {
        Ok(tls) => tls,
        Err(error) => {
            let mend = format!("ls -l '{name}' '{}'; give the right files with --tls-cert and --tls-key", files.key.display());
            return Finding::bad(error.to_string(), mend);
        }
    };
    match (tls.concern(), tls.expires_at()) {
        (Some(concern), _) if concern.is_refused() => Finding::bad(concern.to_string(), concern.mend()),
        (Some(concern), _) => Finding::Note(format!("{concern}: {}", concern.mend())),
        (None, Some(at)) => Finding::Good(format!("`{name}` and its key belong together; it expires at {at}")),
        (None, None) => Finding::Good(format!("`{name}` and its key belong together")),
    }
}

/// Either the address is free, or a server that answers like this one listens there.
pub(super) fn address(context: &CheckContext) -> Finding {
    let settings = &context.settings;
    let listen = &settings.server.listen;
    let mend = "give another address: audit-server --listen 127.0.0.1:8081, or AUDIT_LISTEN, or `listen` in the settings file";
    match TcpListener::bind(listen) {
        Ok(_) => return Finding::Good(format!("{listen} is free; no server is running there")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
        Err(error) => return Finding::bad(format!("cannot listen on {listen}: {error}"), mend),
    }
    let ask = |path| audit_http::probe(address_of(listen).ok()?, settings.tls.is_some(), path, TIMEOUT).ok();
    let is_ours = ask("/healthz").is_some_and(|answer| answer.status == 200 && answer.body.contains(r#"{"status":"ok"}"#));
    match ask("/readyz") {
        Some(answer) if is_ours && answer.status == 200 && answer.body.contains("\"warnings\"") => {
            Finding::Note(format!("a server is running at {listen} and ready, but warns: {}", answer.body.trim()))
        }
        Some(answer) if is_ours && answer.status == 200 => Finding::Good(format!("a server is running at {listen} and ready")),
        Some(answer) if is_ours => {
            let fault = format!("the server at {listen} is not ready: {}", answer.body.trim());
            Finding::bad(fault, "look into its log for `not ready`, repair the database, and start it again")
        }
        _ => Finding::bad(format!("another program listens on {listen}, or a server with other TLS settings"), mend),
    }
}
