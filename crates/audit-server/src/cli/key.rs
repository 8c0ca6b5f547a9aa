//! `key`: shows and changes the keys that sign checkpoints. Running servers notice a change within
//! seconds.

use audit_http::store::SigningKey;
use audit_http::store::domain::{ChannelGrant, Timestamp};
use clap::{Args, Subcommand};

use crate::config::Settings;

/// Show, add and retire the keys that sign checkpoints
#[derive(Args)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Show the log name, the keys, and the verifier key of each log
    Show,
    /// Add a key to the key file and the database
    ///
    /// The old and the new key both sign until `key retire` ends that. Give the new verifier keys to those
    /// who verify, and the key file to the other servers that sign.
    Rotate,
    /// Retire a key: it signs no more, and its private key is removed from the key file
    Retire {
        /// Its number, as `key show` lists it
        number: i64,
    },
}

pub(super) fn run(settings: &Settings, args: KeyArgs) -> anyhow::Result<()> {
    let store = settings.open_existing_store()?;
    match args.command {
        KeyCommand::Show => {
            let name = store.log_name()?;
            stdout_line!("log name  {}", name.as_deref().unwrap_or("none: the first start of a server gives one"));
            stdout_line!("key file  {}", settings.signing.key_file.display());
            for key in store.signing_keys(&settings.signing)? {
                stdout_line!("key {}     {}", key.number, description(&key));
            }
            for key in store.verifier_keys(&ChannelGrant::All)?.into_iter().chain(store.root_verifier_keys()?) {
                stdout_line!("{key}");
            }
        }
        KeyCommand::Rotate => {
            let number = store.rotate_key(&settings.signing)?;
            stdout_line!("key {number} signs from now on, together with the keys before it");
            stderr_line!(
                "copy `{}` to the other servers that sign; when all who verify have the new verifier keys, retire the old key",
                settings.signing.key_file.display()
            );
        }
        KeyCommand::Retire { number } => {
            store.retire_key(&settings.signing, number)?;
            stdout_line!("key {number} is retired: running servers sign without it within seconds");
        }
    }
    Ok(())
}

fn description(key: &SigningKey) -> String {
    let time = |at: Option<Timestamp>| at.map_or("at an unknown time".to_owned(), |at| at.to_string());
    let held = if key.is_held { "in the key file" } else { "not in the key file" };
    match key.retired_at {
        Some(at) => format!("made {}, retired {at}", time(key.created_at)),
        None => format!("made {}, signs, {held}", time(key.created_at)),
    }
}
