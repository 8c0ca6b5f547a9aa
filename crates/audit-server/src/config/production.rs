//! Settings with which others could read the events or a key. In production mode the server refuses
//! them; in development mode it warns.

use std::net::ToSocketAddrs;
use std::path::Path;

use audit_http::store::without_secrets;

use super::list::{LISTEN, PRODUCTION, TLS_CERT, TLS_KEY, TRUSTED_PROXIES};
use super::sources::{SettingError, SettingSource};
use super::{Settings, list};

impl Settings {
    /// All dangers, each with a remedy.
    pub(crate) fn dangers(&self) -> Vec<SettingError> {
        let mut dangers = Vec::new();
        let api = &self.server.api;
        if self.tls.is_none() && api.trusted_proxies.is_local() && !is_loopback(&self.server.listen) {
            let why = format!(
                "other machines could reach it, and keys and events would cross the network unencrypted; give {} and --{}, or name the proxy in front of it with {}, or listen on 127.0.0.1",
                TLS_CERT.names(),
                TLS_KEY.flag(),
                TRUSTED_PROXIES.names()
            );
            dangers.push(SettingError::bad(&LISTEN, &self.server.listen, &why));
        }
        if api.trusted_proxies.is_everybody() {
            let why = format!("{} trusts every address: name the addresses of the proxies", TRUSTED_PROXIES.names());
            dangers.push(SettingError::other(why));
        }
        let database = self.store_config().file().ok().flatten();
        let has_password =
            self.database_url_from == SettingSource::File && without_secrets(&self.database_url) != self.database_url;
        let has_secret = has_password || self.admin_token_from == Some(SettingSource::File);
        let settings_file = self.file.as_deref().filter(|_| has_secret);
        let files = [
            ("database", database.as_deref()),
            ("signing key file", Some(self.signing.key_file.as_path())),
            ("TLS key", self.tls.as_ref().map(|tls| tls.key.as_path())),
            ("settings file (it holds a key or a password)", settings_file),
        ];
        dangers.extend(files.into_iter().filter_map(|(what, path)| open_to_others(what, path?)));
        dangers
    }

    /// Refuses the first danger in production mode.
    pub(crate) fn refuse_dangers(&self) -> Result<(), SettingError> {
        match self.dangers().into_iter().next().filter(|_| self.production) {
            Some(danger) => Err(danger.in_production()),
            None => Ok(()),
        }
    }

    /// Advice in production mode, for settings that are accepted but could be better.
    pub(crate) fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if self.admin_token_from == Some(SettingSource::Flag) {
            let variable = list::ADMIN_TOKEN.variable();
            advice
                .push(format!("the admin key is given as a flag, which other users of the machine can see: give it as {variable}"));
        }
        if self.database_url_from == SettingSource::Flag && without_secrets(&self.database_url) != self.database_url {
            let variable = list::DATABASE_URL.variable();
            advice.push(format!(
                "the database's password is given as a flag, which other users of the machine can see: give the URL as {variable}"
            ));
        }
        if self.server.api.public_url.as_deref().is_some_and(|url| url.starts_with("http://")) {
            let names = list::PUBLIC_URL.names();
            advice.push(format!("{names} begins with http://: a client that follows links in answers sends its key unencrypted"));
        }
        advice
    }
}

impl SettingError {
    /// Adds why a setting is refused that works in other modes.
    pub(crate) fn in_production(self) -> SettingError {
        SettingError { text: format!("{} (refused because {} is on)", self, PRODUCTION.names()), ..self }
    }
}

/// Whether all addresses on which the server would listen belong to this machine alone. A name
/// without an address now may get any address later.
fn is_loopback(listen: &str) -> bool {
    let addresses = listen.to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    !addresses.is_empty() && addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
}

/// A missing file gets the right mode when it is created, or another check reports it.
#[cfg(unix)]
fn open_to_others(what: &str, path: &Path) -> Option<SettingError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let name = path.display();
    let why = format!("the {what} `{name}` is open to every user of this machine (mode {mode:o}): run `chmod o-rwx '{name}'`");
    (mode & 0o007 != 0).then(|| SettingError::other(why))
}

#[cfg(not(unix))]
fn open_to_others(_: &str, _: &Path) -> Option<SettingError> {
    None
}
