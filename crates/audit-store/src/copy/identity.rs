//! Copies what makes a database the log that it is: the names of its logs, its public keys, and the newest
//! checkpoints. Its private keys and the files of checkpoints are on the servers, and stay there.

use diesel::prelude::*;

use super::Log;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{CopyError, StoreError};
use crate::schema::{checkpoints, log_names, signing_keys};

type Name = (i64, String, i64);
type Key = (i64, Vec<u8>, i64, Option<i64>);
type Checkpoint = (i64, i16, i64, i64, String);

/// The copied names and keys.
pub(super) struct Identity {
    names: Vec<Name>,
    keys: Vec<Key>,
}

impl Identity {
    fn read(conn: &mut DbConnection) -> Result<Identity, StoreError> {
        let (names, keys) = (log_names::table.order(log_names::number), signing_keys::table.order(signing_keys::number));
        Ok(Identity { names: names.load(conn)?, keys: keys.load(conn)? })
    }

    /// Copies the names and the keys. The destination may lack some, and has no others.
    pub(super) fn copy(source: &mut DbConnection, target: &mut DbConnection) -> Result<Identity, CopyError> {
        let (wanted, there) = (Identity::read(source)?, Identity::read(target)?);
        let is_same = |(wanted, there): (&Key, &Key)| (wanted.0, &wanted.1, wanted.2) == (there.0, &there.1, there.2);
        let has_others = there.keys.len() > wanted.keys.len() || !wanted.keys.iter().zip(&there.keys).all(is_same);
        if has_others || !wanted.names.starts_with(&there.names) {
            return Err(CopyError::OtherIdentity);
        }
        dialect::write(target, |conn| {
            for (number, name, created_at) in &wanted.names[there.names.len()..] {
                let row = (log_names::number.eq(number), log_names::name.eq(name), log_names::created_at.eq(created_at));
                diesel::insert_into(log_names::table).values(row).execute(conn)?;
            }
            for (index, (number, public_key, created_at, retired_at)) in wanted.keys.iter().enumerate() {
                match there.keys.get(index) {
                    None => {
                        let row = (
                            signing_keys::number.eq(number),
                            signing_keys::public_key.eq(public_key),
                            signing_keys::created_at.eq(created_at),
                            signing_keys::retired_at.eq(retired_at),
                        );
                        diesel::insert_into(signing_keys::table).values(row).execute(conn)?
                    }
                    Some(there) if there.3 != *retired_at => {
                        let key = signing_keys::table.find(number);
                        diesel::update(key).set(signing_keys::retired_at.eq(retired_at)).execute(conn)?
                    }
                    Some(_) => 0,
                };
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(wanted)
    }

    /// Checks that the destination has exactly these names and keys.
    pub(super) fn compare(&self, target: &mut DbConnection) -> Result<(), CopyError> {
        let there = Identity::read(target)?;
        if (&there.names, &there.keys) == (&self.names, &self.keys) { Ok(()) } else { Err(CopyError::OtherIdentity) }
    }
}

/// Copies the checkpoints of the logs, after their entries. A checkpoint of entries that the source got
/// since is left to the next copy, because the destination would be smaller than it.
pub(super) fn copy_checkpoints(source: &mut DbConnection, target: &mut DbConnection, logs: &[Log]) -> Result<(), CopyError> {
    for log in logs {
        let of_log = || {
            checkpoints::table.filter(checkpoints::channel_id.eq(log.channel_id).and(checkpoints::stream.eq(log.stream.number())))
        };
        let wanted: Vec<Checkpoint> = of_log().order(checkpoints::log_name).load(source).map_err(StoreError::from)?;
        let there: Vec<Checkpoint> = of_log().load(target).map_err(StoreError::from)?;
        dialect::write(target, |conn| {
            for (channel_id, stream, log_name, size, note) in wanted.iter().filter(|(.., size, _)| *size <= log.size) {
                let newest = (checkpoints::size.eq(size), checkpoints::note.eq(note));
                match there.iter().find(|there| there.2 == *log_name) {
                    Some((.., size_there, note_there)) if size_there < size || note_there != note && size_there == size => {
                        let row = checkpoints::table.find((channel_id, stream, log_name));
                        diesel::update(row).set(newest).execute(conn)?
                    }
                    Some(_) => 0,
                    None => {
                        let key = (
                            checkpoints::channel_id.eq(channel_id),
                            checkpoints::stream.eq(stream),
                            checkpoints::log_name.eq(log_name),
                        );
                        diesel::insert_into(checkpoints::table).values((key, newest)).execute(conn)?
                    }
                };
            }
            Ok::<_, StoreError>(())
        })?;
    }
    Ok(())
}
