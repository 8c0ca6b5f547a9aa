//! The names of the logs and the public keys of the database: what the checkpoints say about them.

use audit_domain::Timestamp;
use audit_domain::log::{Checkpoint, Note, VerifierKey};
use diesel::prelude::*;

use super::Run;
use super::finding::{Finding, Part};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::guard::{Identity, PublicKey};
use crate::schema::{checkpoints, log_names, signing_keys};

/// A key that was made a moment ago has signed nothing yet.
const NEW_KEY_MICROS: i64 = 60_000_000;

/// Checkpoints of the present name that are looked at for the signature of a key.
const CHECKPOINTS_MAX: i64 = 100;

/// The names and the keys, without those that are no keys.
pub(super) fn identity(conn: &mut DbConnection) -> Result<Identity, StoreError> {
    let names = log_names::table.order(log_names::number).select(log_names::name).load(conn)?;
    let columns = (signing_keys::public_key, signing_keys::created_at, signing_keys::retired_at);
    let rows: Vec<(Vec<u8>, i64, Option<i64>)> = signing_keys::table.order(signing_keys::number).select(columns).load(conn)?;
    let key = |(bytes, created_at, retired_at): (Vec<u8>, i64, Option<i64>)| {
        Some(PublicKey { bytes: bytes.try_into().ok()?, created_at, retired_at })
    };
    Ok(Identity { names, keys: rows.into_iter().filter_map(key).collect() })
}

/// Compares the numbers of names and keys, and each key that signs with the newest checkpoints. A name is
/// compared with its checkpoints in the walk of each log.
pub(super) fn scrub(run: &mut Run<'_>, identity: &Identity) -> Result<(), StoreError> {
    let (names, keys, notes) = run.read(|conn| {
        let names: Vec<i64> = log_names::table.order(log_names::number).select(log_names::number).load(conn)?;
        let keys: Vec<(i64, Vec<u8>)> =
            signing_keys::table.order(signing_keys::number).select((signing_keys::number, signing_keys::public_key)).load(conn)?;
        let of_name = checkpoints::table.filter(checkpoints::log_name.eq(identity.number()));
        let newest = of_name.order((checkpoints::channel_id, checkpoints::stream)).limit(CHECKPOINTS_MAX);
        Ok((names, keys, newest.select(checkpoints::note).load::<String>(conn)?))
    })?;
    if let Some((expected, number)) = (1..).zip(&names).find(|(expected, number)| expected != *number) {
        find(run, Part::LogName { number: *number }, format!("the numbers have a gap before it: {expected} is missing"))?;
    }
    if let Some((expected, (number, _))) = (1..).zip(&keys).find(|(expected, (number, _))| expected != number) {
        find(run, Part::SigningKey { number: *number }, format!("the numbers have a gap before it: {expected} is missing"))?;
    }
    for (number, bytes) in &keys {
        let Ok(bytes) = <[u8; 32]>::try_from(bytes.as_slice()) else {
            find(run, Part::SigningKey { number: *number }, "it does not have 32 bytes".to_owned())?;
            continue;
        };
        let is_active = identity.active().any(|key| key.bytes == bytes);
        let made = identity.keys.iter().find(|key| key.bytes == bytes).map_or(0, |key| key.created_at);
        let is_new = Timestamp::now().is_ok_and(|now| made > now.micros() - NEW_KEY_MICROS && made <= now.micros());
        let may_lack = !is_active || notes.is_empty() || is_new && *number > 1;
        if !may_lack && !notes.iter().any(|note| has_signed(note, &bytes)) {
            let what = "it signs, and none of the newest checkpoints has its signature".to_owned();
            find(run, Part::SigningKey { number: *number }, what)?;
        }
    }
    if notes.is_empty() {
        run.summary.not_covered.push("the log names and the public keys: no checkpoint is signed yet".to_owned());
    }
    Ok(())
}

fn find(run: &mut Run<'_>, part: Part, what: String) -> Result<(), StoreError> {
    run.find(Finding { log: None, part, what })
}

/// Whether a key has signed a note.
fn has_signed(note: &str, key: &[u8; 32]) -> bool {
    let named = note.parse::<Note>().ok().and_then(|note| note.text().parse::<Checkpoint>().ok());
    let verifier = named.and_then(|named| VerifierKey::of_log(named.origin(), key).ok());
    verifier.is_some_and(|verifier| Checkpoint::open(note, &verifier).is_ok())
}
