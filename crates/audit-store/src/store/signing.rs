//! The keys of a store, its log name, and its checkpoints.

use audit_domain::log::VerifierKey;
use audit_domain::{ChannelGrant, ChannelId, Stream};

use super::new_origin::{NewOrigin, NewOriginError, begin_new_origin};
use super::{Store, logs};
use crate::config::Signing;
use crate::error::StoreError;
use crate::follow::Progress;
use crate::guard::{Files, Guard, Identity};
use crate::log_key::{LogKey, ROOT};
use crate::query;
use crate::root;
use crate::sign::{self, KeyChange, SigningKey, SigningState};
use crate::tree::TreeLag;

impl Store {
    /// The name of the logs: the first part of their origins. `None` until a store signs in the database.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn log_name(&self) -> Result<Option<String>, StoreError> {
        Ok(self.point_read(Identity::read)?.name().map(str::to_owned))
    }

    /// The verifier keys of the logs of some channels: one for each log and key that signs. The name of a
    /// verifier key is the origin of its log.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn verifier_keys(&self, channels: &ChannelGrant) -> Result<Vec<VerifierKey>, StoreError> {
        let (identity, logs) = self.read(|conn| Ok((Identity::read(conn)?, logs(conn)?)))?;
        let mut keys = Vec::new();
        let is_granted = |channel_id| ChannelId::new(channel_id).is_some_and(|channel| channels.allows(channel));
        for log in logs.into_iter().filter(|(channel_id, _)| is_granted(*channel_id)) {
            keys.extend(identity.verifiers(log).map_err(|error| StoreError::Guard(error.to_string()))?);
        }
        Ok(keys)
    }

    /// The verifier keys of the root log: one for each key that signs. None until a store signs in the database.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn root_verifier_keys(&self) -> Result<Vec<VerifierKey>, StoreError> {
        let identity = self.read(Identity::read)?;
        identity.verifiers(ROOT).map_err(|error| StoreError::Guard(error.to_string()))
    }

    /// Whether the store signs, and the logs to which it appends nothing. `None` without
    /// [`StoreConfig::signing`](crate::StoreConfig::signing).
    #[must_use]
    pub fn signing_state(&self) -> Option<SigningState> {
        let (_, signer) = self.0.signer.as_ref()?;
        Some(SigningState { signs: signer.signs(), refusals: signer.guard().refusals() })
    }

    /// The entries of the tree of each log of a stream that no signed checkpoint has yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn checkpoint_lags(&self, stream: Stream) -> Result<Vec<TreeLag>, StoreError> {
        let sizes = self.read(|conn| {
            let identity = Identity::read(conn)?;
            sign::sizes_in_database(conn, identity.number())
        })?;
        let of_stream = sizes.into_iter().filter(|((_, of), ..)| *of == stream);
        Ok(of_stream
            .map(|((channel_id, stream), tree, signed)| TreeLag { channel_id, stream, entries: tree - signed.unwrap_or(0) })
            .collect())
    }

    /// Compares the sizes of all logs with the newest checkpoints in the directory of another program that
    /// signs. Returns a sentence for each log to which that program would append nothing. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`KeyChange::File`] if the directory cannot be read, [`KeyChange::Store`].
    pub fn refusals(&self, signing: &Signing) -> Result<Vec<String>, KeyChange> {
        let files = Files::read(&signing.checkpoints)?;
        let logs_there: Vec<LogKey> = files.checkpoints().map(|(log, ..)| log).collect();
        let guard = Guard::start(&signing.checkpoints, files, &self.read(Identity::read)?);
        for log in logs_there {
            let entries = match ChannelId::new(log.0) {
                Some(channel) => {
                    let states = self.point_read(|conn| query::heads(conn, log.1, &channel.into()))?;
                    states.first().map_or(0, |state| state.size)
                }
                None => self.point_read(root::size)?,
            };
            drop(guard.refusal(log, entries));
        }
        Ok(guard.refusals())
    }

    /// Seals all appended entries and signs the trees, and returns when this is done. An open store that
    /// signs does this by itself a moment after each append.
    ///
    /// # Errors
    ///
    /// As for [`Store::seal`]; [`StoreError::WentBack`] if a log does not extend its newest checkpoint.
    pub fn sign(&self) -> Result<(), StoreError> {
        self.seal()?;
        let Some((_, signer)) = &self.0.signer else { return Ok(()) };
        loop {
            let (mut overtaken, mut failed) = (false, Ok(()));
            signer.steps(&self.0.writers, &signer.sweep()?, &mut |_, outcome| {
                match outcome {
                    Ok(Progress::Done { .. }) => {}
                    Ok(Progress::Overtaken) => overtaken = true,
                    Err(error) => failed = Err(error),
                }
                failed.is_ok()
            });
            failed?;
            if !overtaken {
                return Ok(());
            }
            std::thread::sleep(super::health::OVERTAKEN_PAUSE);
        }
    }

    /// Enters the newest checkpoint of each log that grew into the root log, and signs that. An open store that
    /// signs does this by itself every ten seconds, and when it closes.
    ///
    /// # Errors
    ///
    /// As for [`Store::sign`].
    pub fn sign_root(&self) -> Result<(), StoreError> {
        match &self.0.rooting {
            Some((_, roots)) => roots.enter_and_sign(&self.0.writers),
            None => Ok(()),
        }
    }

    /// Lists the public keys of the database, and which private keys a file has.
    ///
    /// # Errors
    ///
    /// [`KeyChange::Store`], [`KeyChange::File`].
    pub fn signing_keys(&self, signing: &Signing) -> Result<Vec<SigningKey>, KeyChange> {
        Ok(sign::list_keys(&self.read(Identity::read)?, signing)?)
    }

    /// Adds a key to the file and to the database. From then on, servers that have the new file sign with
    /// all keys that are not retired. Returns its number.
    ///
    /// # Errors
    ///
    /// [`KeyChange`].
    pub fn rotate_key(&self, signing: &Signing) -> Result<i64, KeyChange> {
        sign::rotate_key(&self.read(Identity::read)?, &self.0.writers, signing, &self.0.clock)
    }

    /// Retires a key: it signs no more, and its private key is removed from the file.
    ///
    /// # Errors
    ///
    /// [`KeyChange`].
    pub fn retire_key(&self, signing: &Signing, number: i64) -> Result<(), KeyChange> {
        sign::retire_key(&self.read(Identity::read)?, &self.0.writers, signing, &self.0.clock, number)
    }

    /// Begins a new origin, on purpose, after the newest copy of the database was lost: gives the logs
    /// another name, and has their trees start again over all entries that are there. First it appends an
    /// event `AUDIT.ORIGIN` to each channel, which cites the newest checkpoints that are known. Open the
    /// store without [`StoreConfig::signing`](crate::StoreConfig::signing) for this.
    ///
    /// # Errors
    ///
    /// [`NewOriginError`]: run it again.
    pub fn begin_new_origin(&self, signing: &Signing) -> Result<NewOrigin, NewOriginError> {
        begin_new_origin(self, signing, &self.0.clock)
    }
}
