//! The client of one witness.

use std::time::Duration;

use audit_store::StoreError;
use audit_store::domain::log::{AddCheckpoint, NodeHash, NoteSignature};
use ureq::Agent;

use super::Witness;

/// The time for one request. A witness flushes its file before it answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of the longest answer that is read: some signature lines.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// The characters of an answer that a message shows.
const SHOWN_CHARS: usize = 200;

/// The media type of the size in a 409.
const SIZE: &str = "text/x.tlog.size";

#[derive(Debug)]
pub(super) struct Client {
    witness: Witness,
    agent: Agent,
}

/// What a witness answers.
#[derive(Debug)]
pub(super) enum Answer {
    Cosigned(NoteSignature),
    /// It has a checkpoint of this size.
    Has(u64),
}

/// The reason why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("it cannot be reached: {0}")]
    Request(#[from] ureq::Error),
    #[error("the checkpoint is not a note: {0}")]
    Own(String),
    #[error("it answered {status}, which means that {meaning}: {said}")]
    Refused { status: u16, meaning: &'static str, said: String },
    #[error("its answer has no cosignature of the key {0}")]
    NoCosignature(String),
    #[error(
        "it has a checkpoint of {witness} entries, and the root log has {own}: an older copy of the database was restored, or \
         another log has the same origin and key"
    )]
    Ahead { witness: u64, own: u64 },
    #[error("another server asked it at the same time")]
    Overtaken,
    #[error(
        "the root log cannot prove that its {own} entries begin with the {witness} that the witness has: see `audit-server verify --deep`"
    )]
    Unproven { witness: u64, own: u64 },
}

impl Client {
    pub(super) fn new(witness: Witness) -> Client {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("audit-server/", env!("CARGO_PKG_VERSION")));
        Client { witness, agent: config.build().into() }
    }

    pub(super) fn witness(&self) -> &Witness {
        &self.witness
    }

    pub(super) fn add_checkpoint(&self, old_size: u64, proof: Vec<NodeHash>, note: &str) -> Result<Answer, Failed> {
        let note: audit_store::domain::log::Note =
            note.parse().map_err(|error: audit_store::domain::log::NoteError| Failed::Own(error.to_string()))?;
        let checkpoint =
            note.text().parse().map_err(|error: audit_store::domain::log::CheckpointTextError| Failed::Own(error.to_string()))?;
        let body = AddCheckpoint { old_size, proof, note, checkpoint }.to_string();
        let url = format!("{}/add-checkpoint", self.witness.url.trim_end_matches('/'));
        let mut response = self.agent.post(&url).content_type("text/plain; charset=utf-8").send(body)?;
        let status = response.status().as_u16();
        let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let is_size = media_type.is_some_and(|value| value.split(';').next().is_some_and(|value| value.trim() == SIZE));
        let said = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
        match status {
            200 => {
                let key = &self.witness.key;
                let is_of_key = |line: &NoteSignature| (line.name(), line.key_id()) == (key.name(), key.id());
                let lines = said.lines().filter_map(|line| line.parse::<NoteSignature>().ok());
                // Unknown keys are ignored, as the specification says.
                let mut of_key = lines.filter(is_of_key);
                of_key.next().map(Answer::Cosigned).ok_or_else(|| Failed::NoCosignature(key.name().to_owned()))
            }
            409 if is_size => {
                let size = said.strip_suffix('\n').and_then(|size| size.parse().ok());
                size.map(Answer::Has).ok_or_else(|| refused(status, &said))
            }
            _ => Err(refused(status, &said)),
        }
    }
}

fn refused(status: u16, said: &str) -> Failed {
    let meaning = match status {
        400 => "it cannot read the request",
        403 => "it does not have the key of the root log",
        404 => "it does not know the root log",
        409 => "it has a checkpoint of another size, and its answer does not say which",
        422 => {
            "the root log does not extend the checkpoint that it has: an older copy of the database was restored, or the log was changed"
        }
        _ => "it cannot answer",
    };
    // The answer is somebody else's text, and a line of the log is one line.
    let said = said.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    Failed::Refused { status, meaning, said: said.trim().to_owned() }
}
