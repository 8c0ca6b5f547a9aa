//! `token`: manages keys for people and applications. Changes take effect at once, also on a
//! running server.

use std::io::Write;

use anyhow::{Context, bail};
use audit_http::store::domain::validator::Validate;
use audit_http::store::domain::{ChannelGrant, NewToken, ObjectWriter, Role, Timestamp, Token};
use clap::{Args, Subcommand};

use crate::config::Settings;

/// Create, list and revoke tokens
#[derive(Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    Create(CreateArgs),
    /// List all tokens, also revoked and expired ones; no command can show a key again
    List {
        /// As a JSON array, in the shape of the native API
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token permanently
    Revoke {
        /// Its id, as `token list` shows it
        id: i64,
    },
}

/// Create a token; its key goes to stdout, alone, and is not stored
#[derive(Args)]
struct CreateArgs {
    /// A name for people, to distinguish tokens
    #[arg(long)]
    name: String,
    /// admin (everything), writer (append only) or reader (read only)
    #[arg(long)]
    role: Role,
    /// Channels that it may use: `*`, or a list such as 1,2
    #[arg(long, value_name = "CHANNELS")]
    channels: ChannelGrant,
    /// When it expires, such as 2027-01-01 or 2027-01-01T09:00:00Z [default: never]
    #[arg(long, value_name = "DATE-TIME")]
    expires_at: Option<Timestamp>,
}

pub(super) fn run(settings: &Settings, args: TokenArgs) -> anyhow::Result<()> {
    match args.command {
        TokenCommand::Create(args) => create(settings, args),
        TokenCommand::List { json } => list(settings, json),
        TokenCommand::Revoke { id } => revoke(settings, id),
    }
}

fn create(settings: &Settings, args: CreateArgs) -> anyhow::Result<()> {
    let CreateArgs { name, role, channels, expires_at } = args;
    let now = Timestamp::now()?;
    if let Some(end) = expires_at.filter(|end| *end <= now) {
        bail!("--expires-at must be in the future (got {end})");
    }
    let token = NewToken { name, role, channels, expires_at };
    if let Err(errors) = token.validate() {
        let texts = errors.field_errors().into_iter().flat_map(|(field, errors)| {
            errors.iter().map(move |error| format!("--{field} {}", error.message.as_deref().unwrap_or("cannot be used")))
        });
        bail!(texts.collect::<Vec<_>>().join("; "));
    }
    let store = settings.open_store()?;
    let (token, key) = store.create_token(token)?;
    let end = token.expires_at.map_or("never expires".to_owned(), |end| format!("expires at {end}"));
    stderr_line!("token {} ({}): {}, channels {}, {end}", token.id, token.name, token.role.name(), token.channels.to_list());
    writeln!(std::io::stdout(), "{}", key.reveal())
        .with_context(|| format!("the key could not be written: revoke token {} and create another one", token.id))
}

fn list(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let tokens = settings.open_existing_store()?.tokens()?;
    let text = if json { to_json(&tokens) } else { to_table(&tokens, Timestamp::now()?) };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write the list")
}

fn revoke(settings: &Settings, id: i64) -> anyhow::Result<()> {
    let store = settings.open_existing_store()?;
    let Some(token) = store.tokens()?.into_iter().find(|token| token.id == id) else { bail!("there is no token {id}") };
    if let Some(at) = token.revoked_at {
        bail!("token {id} was revoked at {at}");
    }
    if !store.revoke_token(id, ChannelGrant::All)? {
        bail!("token {id} was revoked meanwhile");
    }
    stderr_line!("token {id} ({}) is revoked", token.name);
    Ok(())
}

fn to_table(tokens: &[Token], now: Timestamp) -> String {
    let state = |token: &Token| match token.revoked_at {
        Some(at) => format!("revoked {at}"),
        None if token.is_valid_at(now) => "valid".to_owned(),
        None => "expired".to_owned(),
    };
    let mut rows = vec![["ID", "NAME", "ROLE", "CHANNELS", "CREATED", "EXPIRES", "STATE"].map(str::to_owned)];
    rows.extend(tokens.iter().map(|token| {
        [
            token.id.to_string(),
            token.name.clone(),
            token.role.name().to_owned(),
            token.channels.to_list(),
            token.created_at.to_string(),
            token.expires_at.map_or("never".to_owned(), |end| end.to_string()),
            state(token),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn to_json(tokens: &[Token]) -> String {
    let mut out = String::from("[");
    for (index, token) in tokens.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        let instant = |at: Option<Timestamp>| at.map_or("null".to_owned(), |at| format!("\"{at}\""));
        let channels = match &token.channels {
            ChannelGrant::All => "\"*\"".to_owned(),
            some => format!("[{}]", some.to_list()),
        };
        let mut object = ObjectWriter::new(&mut out);
        object
            .integer("id", Some(token.id))
            .string("name", &token.name)
            .string("role", token.role.name())
            .raw("channels", &channels)
            .string("created_at", &token.created_at.to_string())
            .raw("expires_at", &instant(token.expires_at))
            .raw("revoked_at", &instant(token.revoked_at));
        object.end();
    }
    out.push_str(if tokens.is_empty() { "]\n" } else { "\n]\n" });
    out
}
