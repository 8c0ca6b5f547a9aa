//! What a store that signs does when it opens a database: the first one gives the logs their name and
//! their key.

use audit_domain::log::SignerKey;
use audit_domain::{Clock, draw_bytes};
use diesel::prelude::*;

use super::key_file;
use crate::config::Signing;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::guard::{Files, Guard, Identity};
use crate::private_file::private_directories;
use crate::schema::{log_names, signing_keys};

/// The state of a store that signs when it starts.
pub(super) struct Established {
    pub(super) identity: Identity,
    pub(super) held: Vec<SignerKey>,
    pub(super) guard: Guard,
}

/// Reads the identity of the database, the key file and the checkpoints, and makes what is missing in a
/// new database.
pub(super) fn establish(conn: &mut DbConnection, place: &str, signing: &Signing, clock: &Clock) -> Result<Established, OpenError> {
    let failed = |error: StoreError| OpenError::from_database(place, error.to_string());
    let files = Files::read(&signing.checkpoints)?;
    let mut identity = Identity::read(conn).map_err(failed)?;
    refuse_other_name(&identity, signing)?;
    if let (None, Some((_, checkpoint, _))) = (identity.name(), files.checkpoints().next()) {
        let (path, origin) = (signing.checkpoints.display().to_string(), checkpoint.origin().to_owned());
        return Err(OpenError::NotTheDatabase { database: place.to_owned(), path, origin });
    }
    let mut held = key_file::read(&signing.key_file)?;
    if identity.active().next().is_none() {
        let made = held.is_empty();
        let key = first_key(&identity, signing, held)?;
        let name = identity.name().unwrap_or(key.verifier().name()).to_owned();
        if made {
            key_file::create(&signing.key_file, &key)?;
        }
        let is_first = register(conn, &name, &key, clock).map_err(failed)?;
        if made && !is_first {
            key_file::remove(&signing.key_file)?;
        }
        held = if made && !is_first { Vec::new() } else { vec![key] };
        identity = Identity::read(conn).map_err(failed)?;
        refuse_other_name(&identity, signing)?;
    }
    let made = private_directories().create(&signing.checkpoints);
    made.map_err(|error| OpenError::Checkpoints { path: signing.checkpoints.display().to_string(), why: error.to_string() })?;
    let guard = Guard::start(&signing.checkpoints, files, &identity);
    Ok(Established { identity, held, guard })
}

/// Refuses a name in the configuration that is not that of the database.
fn refuse_other_name(identity: &Identity, signing: &Signing) -> Result<(), OpenError> {
    match (&signing.log_name, identity.name()) {
        (Some(given), Some(name)) if given != name && identity.names.first() != Some(given) => {
            let why = format!("the logs of the database have the name {name}: leave the setting out, or give that name");
            Err(OpenError::LogName { given: given.clone(), why })
        }
        _ => Ok(()),
    }
}

/// The key of a database that has none: that of the file, or a new one.
fn first_key(identity: &Identity, signing: &Signing, held: Vec<SignerKey>) -> Result<SignerKey, OpenError> {
    let path = || signing.key_file.display().to_string();
    let mut held = held.into_iter();
    if let Some(key) = held.next() {
        let name = signing.log_name.as_deref().or(identity.names.first().map(String::as_str));
        let why = match name {
            _ if held.next().is_some() => "has several keys, and the database has none: leave the one that shall sign".to_owned(),
            Some(name) if name != key.verifier().name() => {
                format!("has the key of {}, and the logs of the database have the name {name}", key.verifier().name())
            }
            _ => return Ok(key),
        };
        return Err(OpenError::SigningKey { path: path(), why });
    }
    let drawn = |error: audit_domain::RandomError| OpenError::SigningKey { path: path(), why: error.to_string() };
    let name = match signing.log_name.as_deref().or(identity.name()) {
        Some(name) => name.to_owned(),
        None => format!("audit.local/{:016x}", u64::from_be_bytes(draw_bytes().map_err(drawn)?)),
    };
    let of_name = |why: &str| OpenError::LogName { given: name.clone(), why: why.to_owned() };
    if name.starts_with('/') || name.ends_with('/') || name.chars().any(char::is_control) {
        return Err(of_name("a name begins and ends with a character other than `/`, and has no control characters"));
    }
    SignerKey::new(&name, &draw_bytes().map_err(drawn)?).map_err(|error| of_name(&error.to_string()))
}

/// Registers the name and the first key, unless another server did it first. Returns whether this one
/// did.
fn register(conn: &mut DbConnection, name: &str, key: &SignerKey, clock: &Clock) -> Result<bool, StoreError> {
    dialect::write_again_if_taken(conn, |conn| {
        let identity = Identity::read(conn)?;
        if identity.active().next().is_some() {
            return Ok(false);
        }
        if identity.name().is_none() {
            add_name(conn, 1, name, clock)?;
        }
        add_key(conn, &identity, key, clock)?;
        Ok(true)
    })
}

pub(crate) fn add_name(conn: &mut DbConnection, number: i64, name: &str, clock: &Clock) -> Result<(), StoreError> {
    let now = clock.now()?.micros();
    let row = (log_names::number.eq(number), log_names::name.eq(name), log_names::created_at.eq(now));
    diesel::insert_into(log_names::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn add_key(conn: &mut DbConnection, identity: &Identity, key: &SignerKey, clock: &Clock) -> Result<(), StoreError> {
    let row = (
        signing_keys::number.eq(identity.keys.len() as i64 + 1),
        signing_keys::public_key.eq(key.verifier().public_bytes().to_vec()),
        signing_keys::created_at.eq(clock.now()?.micros()),
    );
    diesel::insert_into(signing_keys::table).values(row).execute(conn)?;
    Ok(())
}
