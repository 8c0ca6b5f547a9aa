//! Offers the root log to witnesses (C2SP tlog-witness) and keeps their cosignatures.
//!
//! Each witness has a thread of its own, so a slow one keeps no other waiting. What a thread knows is in the
//! database: after a restart, and on another server, it continues from there.

mod client;

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use audit_store::domain::log::{NodeHash, VerifierKey};
use audit_store::{Cosignature, Store, StoreError, WeakStore};

use self::client::{Answer, Client, Failed};

/// How often a thread looks whether the root log grew.
const LOOK: Duration = Duration::from_secs(1);

/// A witness is asked again after this time, also if nothing grew: its cosignature says that it still sees
/// this log.
const AGAIN_SECONDS: u64 = 300;

/// The pauses after failures: the first, which doubles, and the longest.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// The age of a cosignature that is worth a warning: twice the time after which a witness is asked again.
const OLD_SECONDS: u64 = 2 * AGAIN_SECONDS;

/// A witness that is asked to cosign the root log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its name, for messages and metrics.
    pub name: String,
    /// Its submission prefix: `https://…` or `http://…`.
    pub url: String,
    /// Its key.
    pub key: VerifierKey,
}

/// The threads that ask witnesses. They end when this is dropped, each after the request that it waits for.
pub struct Witnessing {
    _stop: Vec<Sender<()>>,
}

impl fmt::Debug for Witnessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witnessing").finish_non_exhaustive()
    }
}

impl Witnessing {
    /// Starts a thread for each witness.
    ///
    /// # Errors
    ///
    /// The message of the operating system: a thread cannot be started.
    pub fn start(store: &Store, witnesses: &[Witness]) -> std::io::Result<Witnessing> {
        let mut all = Vec::new();
        for witness in witnesses {
            let (stop, asked) = channel();
            let (store, client) = (store.downgrade(), Client::new(witness.clone()));
            let run = move || run(&store, &client, &asked);
            std::thread::Builder::new().name("audit-witness".to_owned()).spawn(run)?;
            all.push(stop);
        }
        Ok(Witnessing { _stop: all })
    }
}

fn run(store: &WeakStore, client: &Client, asked: &Receiver<()>) {
    let (mut pause, mut failed, mut learned) = (LOOK, None::<String>, None);
    let name = client.witness().name.as_str();
    while asked.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        match step(store, client, &mut learned) {
            Ok(false) => pause = LOOK,
            Ok(true) => {
                if failed.take().is_some() {
                    tracing::info!("the witness {name} cosigns again");
                }
                pause = LOOK;
            }
            Err(error) => {
                let why = error.to_string();
                pause = if failed.is_some() { (pause * 2).min(PAUSE_MAX) } else { PAUSE_MIN };
                // Said once, as long as the reason stays.
                if failed.as_ref() == Some(&why) {
                    tracing::debug!("the witness {name} did not cosign: {why}");
                } else {
                    tracing::warn!("the witness {name} did not cosign the root log: {why}; it is asked again");
                }
                failed = Some(why);
            }
        }
    }
}

/// What a witness is asked.
struct Offer {
    old_size: u64,
    proof: Vec<NodeHash>,
    size: u64,
    note: String,
}

/// Asks a witness if it has to be asked. Returns whether it cosigned. `learned` is the size that the witness
/// said it has.
fn step(store: &WeakStore, client: &Client, learned: &mut Option<u64>) -> Result<bool, Failed> {
    // The second request begins where the witness is. If another server is quicker, the next step comes soon.
    for _ in 0..2 {
        let Some(offer) = store.upgrade().map(|store| prepare(&store, client, learned)).transpose()?.flatten() else {
            return Ok(false);
        };
        // The store may close while the witness takes its time.
        match client.add_checkpoint(offer.old_size, offer.proof, &offer.note)? {
            Answer::Cosigned(signature) => {
                let Some(store) = store.upgrade() else { return Ok(false) };
                store.root_log().add_cosignature(&offer.note, &client.witness().key, &signature)?;
                *learned = Some(offer.size);
                return Ok(true);
            }
            Answer::Has(size) => *learned = Some(size),
        }
    }
    Err(Failed::Overtaken)
}

/// The offer to make now; `None` if the witness has everything.
fn prepare(store: &Store, client: &Client, learned: &mut Option<u64>) -> Result<Option<Offer>, Failed> {
    let root = store.root_log();
    let Some(newest) = root.newest()? else { return Ok(None) };
    let cosigned = root.cosignatures()?.into_iter().find(|cosigned| cosigned.is_of(&client.witness().key));
    let now = seconds_now(store)?;
    let is_current = |cosigned: &Cosignature| cosigned.size >= newest.size() && now.saturating_sub(cosigned.at) < AGAIN_SECONDS;
    if cosigned.as_ref().is_some_and(is_current) {
        return Ok(None);
    }
    let old_size = learned.unwrap_or(cosigned.map_or(0, |cosigned| cosigned.size));
    if old_size > newest.size() {
        *learned = None;
        return Err(Failed::Ahead { witness: old_size, own: newest.size() });
    }
    // Without the proof, the witness would think that the log has another past.
    let proof = newest.consistency_between(old_size, newest.size())?;
    let proof = proof.ok_or(Failed::Unproven { witness: old_size, own: newest.size() })?;
    Ok(Some(Offer { old_size, proof, size: newest.size(), note: newest.note().to_owned() }))
}

fn seconds_now(store: &Store) -> Result<u64, StoreError> {
    Ok((store.now()?.micros() / 1_000_000).unsigned_abs())
}

/// The age of the cosignature of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Age {
    pub(crate) name: String,
    /// In seconds; `None` if it never cosigned.
    pub(crate) seconds: Option<u64>,
}

/// The ages of the newest cosignatures, by witness.
pub(crate) fn ages(store: &Store, witnesses: &[Witness]) -> Result<Vec<Age>, StoreError> {
    if witnesses.is_empty() {
        return Ok(Vec::new());
    }
    let (cosignatures, now) = (store.root_log().cosignatures()?, seconds_now(store)?);
    let age = |witness: &Witness| {
        let newest = cosignatures.iter().find(|cosignature| cosignature.is_of(&witness.key));
        Age { name: witness.name.clone(), seconds: newest.map(|newest| now.saturating_sub(newest.at)) }
    };
    Ok(witnesses.iter().map(age).collect())
}

/// A warning if a witness did not cosign for long. It names none: health checks need no key.
pub(crate) fn warning(ages: &[Age]) -> Option<String> {
    let late = ages.iter().filter(|age| age.seconds.is_none_or(|seconds| seconds >= OLD_SECONDS)).count();
    (late > 0).then(|| {
        format!("{late} of {} witness(es) did not cosign the root log for {} minutes or ever", ages.len(), OLD_SECONDS / 60)
    })
}
