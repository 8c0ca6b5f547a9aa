//! The keys or the policy of the person who verifies.

use std::path::Path;

use anyhow::{Context, bail};
use audit_http::store::domain::log::{Checkpoint, KeyKind, Policy, Trust, VerifierKey};

use super::read_text;

/// What the person who verifies trusts.
pub(super) enum Trusted {
    Keys(Vec<VerifierKey>),
    Policy(Policy),
}

/// Bytes of the largest file of keys: some thousand of them. That of a policy is smaller.
const FILE_BYTES_MAX: usize = 1024 * 1024;

impl Trusted {
    pub(super) fn read(vkeys: &[String], policy: Option<&Path>) -> anyhow::Result<Trusted> {
        if let Some(path) = policy {
            let policy = read_text(path, FILE_BYTES_MAX)?.parse();
            return Ok(Trusted::Policy(policy.with_context(|| format!("`{}` is not a policy", path.display()))?));
        }
        if vkeys.is_empty() {
            bail!(
                "give --vkey KEY or --policy FILE: a file is verified with a key that you trust, not with one in the file; \
                 the operator of the server gets the keys from `audit-server key show`, and clients get them from /log/vkey"
            );
        }
        let mut keys = Vec::new();
        for text in vkeys {
            read_keys(text, &mut keys)?;
        }
        Ok(Trusted::Keys(keys))
    }

    /// The trust for the log of a note. The error says that no key of that log was given.
    ///
    /// If a log has several keys, this is the one that signed; if none did, any.
    pub(super) fn of_note(&self, note: &str) -> Result<Trust<'_>, String> {
        let keys = match self {
            Trusted::Policy(policy) => return Ok(policy.into()),
            Trusted::Keys(keys) => keys,
        };
        let origin = note.lines().next().unwrap_or_default();
        let mut of_log = keys.iter().filter(|key| key.name() == origin);
        let signed = of_log.clone().find(|key| Checkpoint::open(note, key).is_ok());
        signed.or(of_log.next()).map(Trust::Key).ok_or_else(|| {
            let names: Vec<&str> = keys.iter().map(VerifierKey::name).collect();
            format!("no key was given for the log {origin}: --vkey has keys of {}", names.join(", "))
        })
    }

    /// Opens the checkpoint of a log.
    pub(super) fn open(&self, note: &str) -> Result<Checkpoint, String> {
        match self.of_note(note)? {
            Trust::Key(key) => Ok(Checkpoint::open(note, key).map_err(|error| error.to_string())?.0),
            Trust::Policy(policy) => Ok(policy.open(note).map_err(|error| error.to_string())?.checkpoint),
        }
    }
}

/// Reads a key, or the keys of a file.
fn read_keys(text: &str, keys: &mut Vec<VerifierKey>) -> anyhow::Result<()> {
    let why_not_a_key = match text.parse::<VerifierKey>() {
        Ok(key) => return push(key, keys),
        Err(why) => why,
    };
    let path = Path::new(text);
    if !path.exists() {
        bail!("--vkey {text} is not a file, and as a key it {why_not_a_key}");
    }
    let lines = read_text(path, FILE_BYTES_MAX)?;
    let before = keys.len();
    for (number, line) in (1..).zip(lines.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let key = line.trim().parse::<VerifierKey>().with_context(|| format!("`{text}` line {number}"))?;
        push(key, keys)?;
    }
    if keys.len() == before {
        bail!("`{text}` has no keys: put one on each line, as /log/vkey answers them");
    }
    Ok(())
}

fn push(key: VerifierKey, keys: &mut Vec<VerifierKey>) -> anyhow::Result<()> {
    if key.kind() != KeyKind::Ed25519 {
        bail!("{} is the key of a witness, not of a log: witnesses go into a policy (--policy FILE)", key.name());
    }
    keys.push(key);
    Ok(())
}
