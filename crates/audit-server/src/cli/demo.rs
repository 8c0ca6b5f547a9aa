//! `demo`: a server over the log of a shop that does not exist, to look around in.

use std::path::PathBuf;

use anyhow::Context;
use audit_http::store::Store;
use audit_http::store::domain::{ChannelGrant, ChannelId, NewToken, Role, Stream, Timestamp};
use clap::Args;

use super::serve;
use crate::appender::{Appender, OnRefusal};
use crate::config::{FlagValues, ServeFlags, Settings};
use crate::demo::Shop;
use crate::progress::{self, Unit};
use crate::source::SourceLine;

/// Fill a database of its own with the log of a shop that does not exist, and serve it
///
/// Says which address to open, and with which key. The database is kept: the next demonstration goes on with it.
#[derive(Args)]
pub(super) struct DemoArgs {
    /// Events of the shop, and a tenth as many action logs
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    events: u64,
    /// Directory of the database
    #[arg(long, value_name = "DIRECTORY", default_value = "audit-demo")]
    directory: PathBuf,
    /// Fill the database and end, without serving it
    #[arg(long)]
    fill_only: bool,
    #[command(flatten)]
    serve: ServeFlags,
}

impl DemoArgs {
    /// The settings of the server that are given behind the command.
    pub(super) fn serve(&self) -> &FlagValues {
        &self.serve.0
    }
}

pub(super) fn run(mut settings: Settings, args: &DemoArgs) -> anyhow::Result<()> {
    let directory = args.directory.to_str().context("the name of the directory is no UTF-8")?;
    settings.refuse_dangers()?;
    settings.database_url = format!("sqlite://{}/audit.db", directory.trim_end_matches('/'));
    let store = settings.open_store()?;
    let filled = fill(&store, args.events)?;
    if args.fill_only {
        stdout_line!("{filled}");
        return Ok(());
    }
    store.close();
    drop(store);
    // Not before the address is taken: it could be somebody else's.
    serve::run_and_say(settings, |store, url| {
        let token = NewToken {
            name: "demo".to_owned(),
            role: Role::Admin,
            channels: ChannelGrant::All,
            expires_at: Timestamp::from_micros(Timestamp::now()?.micros() + KEY_MICROS),
        };
        let (_, key) = store.create_token(token)?;
        let key = key.reveal();
        stdout_line!(
            "\n  {filled}\n\n  \
             Open    {url}/docs\n  \
             Key     {key}  (for a day)\n  \
             Ask     curl -s '{url}/api/v1/audit/summary' -H 'Authorization: Token {key}'\n  \
             Done?   Delete the directory `{directory}`.\n"
        );
        Ok(())
    })
}

/// How long the key of a demonstration opens it: a day.
const KEY_MICROS: i64 = 24 * 3_600_000_000;

/// Tells the story, unless there is one.
fn fill(store: &Store, events: u64) -> anyhow::Result<String> {
    let size = |stream| Ok::<i64, anyhow::Error>(store.logs(stream, &ChannelGrant::All)?.iter().map(|head| head.size).sum());
    if size(Stream::Events)? == 0 {
        let bar = progress::bar(Unit::Entries(events))?;
        let mut appender = Appender::new(store, OnRefusal::Stop);
        for (line, records) in (1..).zip(Shop::new(events, Timestamp::now()?)) {
            for record in records? {
                appender.push(SourceLine { file: 0, line, has_own_uuid: true }, record.prepare(store, ChannelId::DEFAULT)?)?;
            }
            bar.inc(1);
        }
        appender.finish()?;
        bar.finish_and_clear();
    }
    let (events, logs) = (size(Stream::Events)?, size(Stream::ActionLogs)?);
    Ok(format!("The log of a shop that does not exist: {events} events, {logs} action logs."))
}
