//! How a store signs.

use std::path::PathBuf;

/// How a store signs the checkpoints of its logs.
#[derive(Debug, Clone)]
pub struct Signing {
    /// The file of the private keys, one on each line, in the text of C2SP signed-note. The first store
    /// that signs in a database makes it.
    pub key_file: PathBuf,
    /// The directory of the newest checkpoints that this store signed or saw, one file for each log. It is
    /// of no use in the backups of the database.
    pub checkpoints: PathBuf,
    /// The name of the logs: the first part of their origins. Only the first store that signs in a
    /// database needs it, and without it takes `audit.local/` and a random id.
    pub log_name: Option<String>,
}

impl Signing {
    /// Signs with the keys of a file, and keeps checkpoints in a directory.
    #[must_use]
    pub fn new(key_file: impl Into<PathBuf>, checkpoints: impl Into<PathBuf>) -> Signing {
        Signing { key_file: key_file.into(), checkpoints: checkpoints.into(), log_name: None }
    }

    /// Sets the name of the logs.
    #[must_use]
    pub fn log_name(mut self, name: impl Into<String>) -> Signing {
        self.log_name = Some(name.into());
        self
    }
}
