//! `demo`: serves the log of an imaginary shop, to look around in.

use std::path::PathBuf;

use anyhow::Context;
use audit_http::store::domain::{ActionLogFilter, ChannelGrant, ChannelId, EventFilter, NewToken, Role, Timestamp};
use audit_http::store::{Signing, Store};
use clap::Args;

use super::serve;
use crate::appender::{Appender, OnRefusal};
use crate::config::{FlagValues, ServeFlags, Settings};
use crate::demo::Shop;
use crate::progress::{self, Unit};
use crate::source::SourceLine;

/// Fill a database of its own with the log of an imaginary shop, and serve it
///
/// The command prints the address to open and the key. The database stays, and the next
/// demonstration continues with it.
#[derive(Args)]
pub(super) struct DemoArgs {
    /// Events of the shop; there are a tenth as many action logs
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
    /// The settings of the server that follow the command.
    pub(super) fn serve(&self) -> &FlagValues {
        &self.serve.0
    }
}

pub(super) fn run(mut settings: Settings, args: &DemoArgs) -> anyhow::Result<()> {
    let directory = args.directory.to_str().context("the name of the directory is not UTF-8")?;
    settings.refuse_dangers()?;
    settings.database_url = format!("sqlite://{}/audit.db", directory.trim_end_matches('/'));
    // The key and the checkpoints of another database would be those of a database that this one replaced.
    settings.signing = Signing::new(args.directory.join("signing.key"), args.directory.join("checkpoints"));
    let store = settings.open_store_to_append()?;
    let filled = fill(&store, args.events)?;
    if args.fill_only {
        stdout_line!("{filled}");
        return Ok(());
    }
    store.close();
    drop(store);
    // This comes after the server took the address, because the address could be in use.
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

/// The time after which the key of a demonstration expires: a day.
const KEY_MICROS: i64 = 24 * 3_600_000_000;

/// Fills the log, unless it has entries already.
fn fill(store: &Store, events: u64) -> anyhow::Result<String> {
    let logs = store.channels(ChannelGrant::All);
    let (events_log, action_logs) = (logs.clone().events(), logs.action_logs());
    if events_log.count(&EventFilter::default())? == 0 {
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
    let events = events_log.count(&EventFilter::default())?;
    let logs = action_logs.count(&ActionLogFilter::default())?;
    Ok(format!("The log of a shop that does not exist: {events} events, {logs} action logs."))
}
