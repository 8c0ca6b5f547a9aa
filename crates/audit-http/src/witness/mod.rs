//! A witness for the logs of others (C2SP tlog-witness): it cosigns checkpoints that extend those that it
//! cosigned before, and shows the newest one of each log. It has nothing to do with an audit log of its own.

mod server;

pub use server::WitnessServer;

use std::collections::HashMap;

use audit_store::domain::log::{AddCheckpoint, AddCheckpointRefused, CosignerKey, Note, VerifierKey};
use audit_store::{StoreError, WitnessStore, WitnessedCheckpoint};

/// Bytes of a request that the log of the program shows: the proof and the checkpoint of an honest log fit.
const LOGGED_BYTES: usize = 8 * 1024;

const TEXT: &str = "text/plain; charset=utf-8";
const SIZE: &str = "text/x.tlog.size";

/// A witness: its key, the logs that it knows, and its file.
#[derive(Debug)]
pub struct WitnessService {
    key: CosignerKey,
    logs: Vec<VerifierKey>,
    /// Origins by their SHA-256 in hex, as the paths of monitors have them.
    origins: HashMap<String, String>,
    store: WitnessStore,
}

/// The answer of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reply {
    status: u16,
    media_type: &'static str,
    body: String,
}

impl WitnessService {
    /// Makes a witness of the logs with these keys. The name of a key is the origin of its log, and a log may
    /// have several keys.
    #[must_use]
    pub fn new(key: CosignerKey, logs: Vec<VerifierKey>, store: WitnessStore) -> WitnessService {
        let origins = logs.iter().map(|log| (log.name_hash(), log.name().to_owned())).collect();
        WitnessService { key, logs, origins, store }
    }

    /// Cosigns a checkpoint, unless a rule forbids it. The file has it before this returns.
    fn add_checkpoint(&self, body: &[u8], now: u64) -> Result<Reply, StoreError> {
        let refused = |error: AddCheckpointRefused| {
            let (status, media_type, body) = match &error {
                AddCheckpointRefused::Form(_) | AddCheckpointRefused::Smaller { .. } => (400, TEXT, format!("{error}\n")),
                AddCheckpointRefused::UnknownLog(_) => (404, TEXT, format!("{error}\n")),
                AddCheckpointRefused::Signature(_) => (403, TEXT, format!("{error}\n")),
                AddCheckpointRefused::OtherSize(size) => (409, SIZE, format!("{size}\n")),
                AddCheckpointRefused::Inconsistent { .. } => {
                    // It may be proof of misbehaviour, so it is kept where an operator finds it.
                    tracing::warn!(%error, request = %String::from_utf8_lossy(body.get(..LOGGED_BYTES).unwrap_or(body)).escape_debug(), "a log asked to cosign another past");
                    (422, TEXT, format!("{error}\n"))
                }
            };
            Reply { status, media_type, body }
        };
        let request = match str::from_utf8(body).map_err(|_| AddCheckpointRefused::Form("a request is UTF-8".to_owned())) {
            Ok(text) => text.parse::<AddCheckpoint>(),
            Err(error) => Err(error),
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => return Ok(refused(error)),
        };
        let mut line = String::new();
        let outcome = self.store.update(request.checkpoint.origin(), |latest| {
            let verified = request.verify(&self.logs, latest.map(|latest| (latest.size, latest.root)))?;
            let (note, signature) = self.cosign(verified, now)?;
            line = signature;
            Ok(WitnessedCheckpoint { size: request.checkpoint.size(), root: request.checkpoint.root(), note })
        });
        Ok(match outcome? {
            Ok(_) => Reply { status: 200, media_type: TEXT, body: format!("{line}\n") },
            Err(error) => refused(error),
        })
    }

    /// Adds the cosignature to a note. Returns it, and its line.
    fn cosign(&self, mut note: Note, now: u64) -> Result<(String, String), AddCheckpointRefused> {
        let failed = |why: String| AddCheckpointRefused::Form(format!("the checkpoint cannot be cosigned: {why}"));
        let signature = self.key.cosign(note.text(), now).map_err(|error| failed(error.to_string()))?;
        let line = signature.to_string();
        note.add(signature).map_err(|error| failed(error.to_string()))?;
        Ok((note.to_string(), line))
    }

    /// The newest checkpoint of the log whose origin has this hash.
    fn latest(&self, origin_hash: &str) -> Result<Option<String>, StoreError> {
        let Some(origin) = self.origins.get(origin_hash) else { return Ok(None) };
        Ok(self.store.latest(origin)?.map(|latest| latest.note))
    }
}
