//! The file of the private keys: one on each line, the text of C2SP signed-note. Only its owner may read
//! it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use audit_domain::log::SignerKey;

use crate::error::OpenError;
use crate::private_file::{make_directory_of, write, write_new};

/// Reads the keys of a file. A missing file has no keys.
pub(crate) fn read(path: &Path) -> Result<Vec<SignerKey>, OpenError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(path, format!("cannot be read: {error}"))),
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let key = |(number, line): (usize, &str)| {
        line.trim().parse().map_err(|error| failed(path, format!("has a line {} that {error}", number + 1)))
    };
    let keys: Vec<SignerKey> = lines.map(key).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(failed(path, "has no key: put the file of the backup back".to_owned())) } else { Ok(keys) }
}

/// Makes the file of the first key. Another process may have made it: then this fails.
pub(super) fn create(path: &Path, key: &SignerKey) -> Result<(), OpenError> {
    let made = make_directory_of(path).and_then(|()| write_new(path, text_of(std::slice::from_ref(key)).as_bytes()));
    made.map_err(|error| failed(path, format!("cannot be made: {error}")))
}

/// Puts keys in place of those in the file, all at once: after a crash it has either.
pub(super) fn replace(path: &Path, keys: &[SignerKey]) -> Result<(), OpenError> {
    write(path, text_of(keys).as_bytes()).map_err(|error| failed(path, format!("cannot be written: {error}")))
}

/// Removes a file that was made for nothing.
pub(super) fn remove(path: &Path) -> Result<(), OpenError> {
    fs::remove_file(path).map_err(|error| failed(path, format!("cannot be removed: {error}")))
}

fn text_of(keys: &[SignerKey]) -> String {
    keys.iter().map(|key| key.to_secret_text() + "\n").collect()
}

fn failed(path: &Path, why: String) -> OpenError {
    OpenError::SigningKey { path: path.display().to_string(), why }
}
