//! `serve`: opens the store, takes the address, makes sure that an administrator exists, and
//! answers until a signal ends it.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use audit_http::store::Store;
use audit_http::store::domain::{ChannelGrant, NewToken, Role, Timestamp, Token, TokenKey};
use audit_http::{Server, Tls, Witnessing};

use super::launch;
use crate::config::Settings;
use crate::{allocator, limits, metrics, shutdown};

/// The time for which a stop waits for the threads of the server, which drop what they hold a little
/// after it ended.
const PATIENCE_WITH_WORKERS: Duration = Duration::from_secs(2);

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    run_and_say(settings, |_, _| Ok(()))
}

/// Serves, and calls `ready` after the server took the address.
pub(super) fn run_and_say(mut settings: Settings, ready: impl FnOnce(&Store, &str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    settings.refuse_dangers()?;
    // With a wrong clock every append would be refused.
    Timestamp::now()?;
    let tls = settings.tls.as_ref().map(|files| Tls::load(&files.certificate, &files.key)).transpose()?;
    settings.server.tls.clone_from(&tls);
    let (metrics, recorder) = metrics::start()?;
    settings.server.api.metrics = Some(metrics);
    limits::raise();
    allocator::return_free_memory();
    let store = settings.open_store_to_serve()?;
    // This comes before the key is created: a start that fails because the port is in use should
    // not use up the only time that the key is shown.
    let server = Server::bind(store.clone(), settings.server.clone())?;
    ready(&store, &launch::url(&settings, server.address()))?;
    match settings.admin_token.clone() {
        Some(key) => {
            store.ensure_admin(key)??;
        }
        None => make_key_unless_there_is_one(&store)?,
    }
    // It ends with this function: the store is not kept open by a witness that takes its time.
    let witnessing = Witnessing::start(&store, &settings.server.api.witnesses).context("a witness cannot be asked")?;
    let tls_in_use = tls.clone();
    let asked = shutdown::asked(tls.map(|tls| move || reload(&tls))).context("signals cannot be watched")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the server cannot be started")?;
    launch::say(&settings, &store, server.address());
    tls_in_use.iter().for_each(look_at_dates);
    // The task ends with the runtime.
    drop(runtime.spawn(metrics::upkeep(recorder)));
    let ended = runtime.block_on(server.run(asked)).context("the server broke down");
    drop(witnessing);
    if !store.close_database(PATIENCE_WITH_WORKERS) {
        tracing::warn!("a read did not end with the server, so the database was not closed; the next start does that");
    }
    ended?;
    tracing::info!("stopped");
    Ok(())
}

/// Reloads the files. New connections get the new certificate, if it can be used.
fn reload(tls: &Tls) {
    match tls.reload() {
        Ok(()) => {
            tracing::info!("the TLS certificate was read again");
            look_at_dates(tls);
        }
        Err(error) => tracing::error!(%error, "the server keeps its old TLS certificate"),
    }
}

/// Warns about dates that clients refuse now or soon, and updates the end of the certificate in
/// `/metrics`.
fn look_at_dates(tls: &Tls) {
    if let Some(concern) = tls.concern() {
        tracing::warn!("{concern}: {}", concern.mend());
    }
    metrics::certificate_expires(tls.expires_at());
}

/// Creates a key if no admin of all channels exists, because no other token can manage the server.
/// The key goes to stdout and nowhere else: many people keep and read logs.
fn make_key_unless_there_is_one(store: &Store) -> anyhow::Result<()> {
    let (tokens, now) = (store.tokens()?, Timestamp::now()?);
    let administers = |token: &Token| token.role == Role::Admin && token.channels == ChannelGrant::All && token.is_valid_at(now);
    if tokens.iter().any(administers) {
        return Ok(());
    }
    let (name, why) = if tokens.is_empty() {
        ("first start", "First start: this is the key of the administrator.")
    } else {
        ("start without an administrator", "No administrator of all channels has a valid key: this is a new one.")
    };
    let token = NewToken { name: name.to_owned(), role: Role::Admin, channels: ChannelGrant::All, expires_at: None };
    let (token, key) = store.create_token(token)?;
    show(why, &key).with_context(|| {
        format!(
            "the administrator's key (token {}) could not be shown; create another one with `audit-server token create`",
            token.id
        )
    })
}

fn show(why: &str, key: &TokenKey) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(
        stdout,
        "\n  {why}\n\n      {}\n\n  \
         It is shown only this once and is not stored. Requests carry it as `Authorization: Token KEY`;\n  \
         applications get keys of their own with `audit-server token create`.\n",
        key.reveal()
    )?;
    stdout.flush()
}
