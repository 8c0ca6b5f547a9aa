//! Checks of the keys that sign, and of the newest checkpoints.

use audit_http::store::SigningKey;

use super::{CheckContext, Finding};

/// Compares the key file with the keys of the database, and the logs with their newest checkpoints.
pub(super) fn signing(context: &CheckContext) -> Finding {
    if !context.has_current_database() {
        return Finding::Note("not checked: there is no database of this version that can be written".to_owned());
    }
    let signing = &context.settings.signing;
    let found = context
        .settings
        .open_existing_store()
        .and_then(|store| Ok((store.log_name()?, store.signing_keys(signing)?, store.refusals(signing)?)));
    let (name, keys, refusals) = match found {
        Ok(found) => found,
        Err(error) => {
            return Finding::bad(format!("{error:#}"), "as the fault says; a lost or damaged key file comes from its copy");
        }
    };
    if let Some(first) = refusals.first() {
        let others = if refusals.len() > 1 { format!(" (and {} more logs)", refusals.len() - 1) } else { String::new() };
        return Finding::bad(
            format!("{first}{others}"),
            "put the newest copy of the database back, or `audit-server log new-origin`",
        );
    }
    let Some(name) = name else { return Finding::Note("the first start of a server gives the logs a name and a key".to_owned()) };
    let signs = |key: &&SigningKey| key.retired_at.is_none();
    let file = signing.key_file.display();
    match keys.iter().filter(signs).find(|key| !key.is_held) {
        Some(key) => Finding::Note(format!(
            "`{file}` lacks key {} of the logs {name}: a server with these settings appends and does not sign; if this one must sign, \
             copy the file of a server that does",
            key.number
        )),
        None => Finding::Good(format!("`{file}` has the {} key(s) of the logs {name}", keys.iter().filter(signs).count())),
    }
}
