//! `erase`: erases values of entries, as `POST /api/v1/erasures` does.

use std::time::Duration;

use anyhow::Context;
use audit_http::store::ErasureError;
use audit_http::store::domain::uuid::Uuid;
use audit_http::store::domain::{ChannelId, ErasureOf, NewErasure, Stream};
use clap::Args;

use crate::config::Settings;

/// How long the command waits between two looks at an erasure that goes on.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Erase values of entries: of all events of a user, or of some entries
///
/// First an entry AUDIT.ERASE is appended, which says which positions and slots, and why. Then the values and
/// their salts are erased everywhere. Every proof still verifies. The server may be running.
#[derive(Args)]
pub(super) struct EraseArgs {
    /// The channel
    #[arg(long, value_name = "NUMBER")]
    channel: ChannelId,
    /// The stream: events or action-logs
    #[arg(long, default_value = "events", value_parser = stream)]
    stream: Stream,
    /// Erase values of all events of the user with this id
    #[arg(long, value_name = "ID", conflicts_with = "uuid", required_unless_present = "uuid")]
    user: Option<String>,
    /// Erase values of the entry with this uuid; give it several times for several entries
    #[arg(long, value_name = "UUID")]
    uuid: Vec<Uuid>,
    /// The slots, by name, separated by commas [default: all but subject]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    slots: Vec<String>,
    /// Why. It stays in the log permanently: name nobody
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Show what would be erased, and erase nothing
    #[arg(long)]
    dry_run: bool,
}

fn stream(name: &str) -> Result<Stream, String> {
    Stream::from_name(name).ok_or_else(|| "expected events or action-logs".to_owned())
}

impl EraseArgs {
    fn erasure(&self) -> anyhow::Result<NewErasure> {
        let number = |name: &String| {
            let names: Vec<&str> = self.stream.slot_names().collect();
            let number = self.stream.slot_number(name);
            number.with_context(|| format!("--slots: {name} is not a slot of this stream; slots are {}", names.join(", ")))
        };
        let slots = match self.slots.as_slice() {
            [] => NewErasure::default_slots(self.stream),
            names => names.iter().map(number).collect::<Result<_, _>>()?,
        };
        let of = self.user.clone().map_or_else(|| ErasureOf::Uuids(self.uuid.clone()), ErasureOf::User);
        Ok(NewErasure { stream: self.stream, of, slots, reason: self.reason.clone() })
    }
}

pub(super) fn run(settings: &Settings, args: &EraseArgs) -> anyhow::Result<()> {
    let new = args.erasure()?;
    let (channel, stream) = (args.channel, args.stream);
    let names: Vec<&str> = new.slots.iter().filter_map(|number| stream.slot_name(*number)).collect();
    let what = format!("{} of channel {}, slots {}", stream.name(), channel.get(), names.join(", "));
    if args.dry_run {
        let positions = settings.open_existing_store()?.select_for_erasure(channel, &new).map_err(explained)?;
        match positions.as_slice() {
            [] => stdout_line!("nothing to erase: {what}"),
            [first, .., last] => {
                stdout_line!("would erase values of {} entries at positions {first} to {last}: {what}", positions.len());
            }
            [only] => stdout_line!("would erase values of 1 entry at position {only}: {what}"),
        }
        return Ok(());
    }
    let store = settings.open_existing_store_to_append()?;
    let begun = store.erase(channel, &new, 0).map_err(explained)?;
    let Some((first, _)) = begun.first() else {
        stdout_line!("nothing to erase: {what}");
        return Ok(());
    };
    let entries: i64 = begun.iter().map(|(_, record)| record.entries()).sum();
    stderr_line!("the entry AUDIT.ERASE is at position {}; erasing values of {entries} entries: {what}", first.position);
    while !store.wait_for_erasures(channel, stream, LOOK_AGAIN)? {
        let warnings = store.check()?;
        match warnings.first() {
            Some(warning) => stderr_line!("still erasing: {warning}"),
            None => stderr_line!("still erasing; if this program ends, the next one that opens the database goes on"),
        }
    }
    stdout_line!("erased values of {entries} entries: {what}");
    Ok(())
}

/// The fault in the words of the command line.
fn explained(error: ErasureError) -> anyhow::Error {
    match error {
        ErasureError::Fault(name, what) => anyhow::anyhow!("--{} {what}", if name == "uuids" { "uuid" } else { name }),
        error => error.into(),
    }
}
