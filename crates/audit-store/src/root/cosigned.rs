//! The cosignatures of witnesses.

use audit_domain::log::VerifierKey;
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::ROOT;
use crate::schema::cosignatures;

/// The newest cosignature of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// The verifier key of the witness, as text.
    pub witness: String,
    /// The size of the checkpoint of the root log that it cosigned.
    pub size: u64,
    /// When it did, by its own clock: seconds since the epoch.
    pub at: u64,
    /// The checkpoint, without cosignatures.
    pub(crate) note: String,
    /// The line of its signature.
    pub(crate) signature: String,
}

const MICROS: i64 = 1_000_000;

/// Reads the cosignatures of the root log under a log name.
pub(crate) fn cosignatures_of(conn: &mut DbConnection, log_name: i64) -> Result<Vec<Cosignature>, StoreError> {
    use cosignatures as c;
    let of_root = c::table.filter(c::channel_id.eq(ROOT.0).and(c::log_name.eq(log_name))).order(c::witness);
    let rows: Vec<(String, i64, i64, String, String)> =
        of_root.select((c::witness, c::size, c::cosigned_at, c::note, c::signature)).load(conn)?;
    let cosignature = |(witness, size, at, note, signature): (String, i64, i64, String, String)| Cosignature {
        witness,
        size: size.unsigned_abs(),
        at: (at / MICROS).unsigned_abs(),
        note,
        signature,
    };
    Ok(rows.into_iter().map(cosignature).collect())
}

/// Stores a cosignature, unless the database has a newer one of the witness.
pub(crate) fn put_cosignature(conn: &mut DbConnection, log_name: i64, new: &Cosignature) -> Result<(), StoreError> {
    use cosignatures as c;
    let key = (ROOT.0, new.witness.as_str(), log_name);
    let (size, at) = (new.size as i64, (new.at as i64).saturating_mul(MICROS));
    let there: Option<(i64, i64)> = c::table.find(key).select((c::size, c::cosigned_at)).first(conn).optional()?;
    let newest = (c::size.eq(size), c::cosigned_at.eq(at), c::note.eq(&new.note), c::signature.eq(&new.signature));
    match there {
        Some(there) if there >= (size, at) => {}
        Some(_) => drop(diesel::update(c::table.find(key)).set(newest).execute(conn)?),
        None => {
            let row = ((c::channel_id.eq(key.0), c::witness.eq(key.1), c::log_name.eq(log_name)), newest);
            diesel::insert_into(c::table).values(row).execute(conn)?;
        }
    }
    Ok(())
}

impl Cosignature {
    /// Whether a key made it.
    #[must_use]
    pub fn is_of(&self, witness: &VerifierKey) -> bool {
        self.witness == witness.to_string()
    }
}
