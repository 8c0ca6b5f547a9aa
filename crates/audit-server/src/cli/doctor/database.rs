//! Checks of the database and its contents.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use audit_http::store::domain::{ChannelGrant, Role, Stream, Timestamp};
use audit_http::store::{Inspection, OpenError};

use super::{CheckContext, Finding};
use crate::config::Settings;

/// The directory of an embedded database, and its nearest ancestor that exists.
pub(super) fn directories(settings: &Settings) -> Option<(PathBuf, PathBuf)> {
    let file = settings.store_config().file().ok()??;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let absolute = std::path::absolute(&directory).ok()?;
    let existing = absolute.ancestors().find(|path| path.exists())?.to_owned();
    Some((directory, existing))
}

/// Creates and removes a file, because permissions alone do not show a full or read-only disk.
pub(super) fn directory(context: &CheckContext) -> Finding {
    if context.is_on_a_server() {
        return Finding::Good("not used: the database is on a server".to_owned());
    }
    let Some((directory, existing)) = directories(&context.settings) else {
        return Finding::bad("no directory of the database's path exists", "audit-server config show");
    };
    let name = directory.display();
    let path = existing.join(format!(".audit-server-doctor.{}", std::process::id()));
    if let Err(error) = std::fs::File::create_new(&path).and_then(|_| std::fs::remove_file(&path)) {
        let mend = format!("chown \"$(id -un)\" '{0}' && chmod u+rwx '{0}', or give another --data-dir", existing.display());
        return Finding::bad(format!("cannot write to `{}`: {error}", existing.display()), mend);
    }
    if !directory.exists() {
        return Finding::Note(format!("`{name}` does not exist yet: the first start creates it"));
    }
    match mode(&directory) {
        Some(mode) if mode & 0o007 != 0 => {
            // Another check looks at the files themselves. Every user may be allowed to use the
            // directory on purpose, as with /tmp.
            let advice = "give the database a directory of its own with mode 700, so that others cannot look into it";
            Finding::Note(format!("`{name}` can be written, but every user can look into it (mode {mode:o}): {advice}"))
        }
        _ => Finding::Good(format!("`{name}` can be written and is private")),
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

/// Checks whether the database opens with the settings that durability needs; the store reads them
/// back.
pub(super) fn database(context: &CheckContext) -> Finding {
    let location = context.settings.store_config().location().unwrap_or_default();
    match context.inspection() {
        Ok(_) => Finding::Good(format!("`{location}` opens, and keeps what it acknowledges")),
        Err(OpenError::Missing { path }) => Finding::Note(format!("`{path}` does not exist yet: the first start creates it")),
        Err(error @ OpenError::Locked { .. }) => {
            Finding::bad(error.to_string(), format!("end the process that `fuser -v '{location}'` shows"))
        }
        Err(error @ OpenError::NotDurable { .. }) => {
            Finding::bad(error.to_string(), "give a --data-dir on a local disk instead of a network file system")
        }
        Err(error @ OpenError::Unsafe { setting, .. }) => {
            Finding::bad(error.to_string(), format!("ALTER SYSTEM SET {setting} = on, and reload the server's settings"))
        }
        Err(error @ (OpenError::Orphaned { .. } | OpenError::Empty { .. })) => Finding::bad(
            error.to_string(),
            format!("put back `{location}` or its backup: docs/operations.md, When the file is gone"),
        ),
        Err(error @ OpenError::NotOurs { .. }) => Finding::bad(error.to_string(), "give another --data-dir or --database-url"),
        Err(error) if context.is_on_a_server() => {
            Finding::bad(error.to_string(), "psql with the same URL; look at the server's log and its pg_hba.conf")
        }
        Err(error) => Finding::bad(error.to_string(), format!("ls -l '{location}', and put back the database or its backup")),
    }
}

pub(super) fn schema(context: &CheckContext) -> Finding {
    match context.inspection() {
        Ok(Inspection { unknown: Some(migration), is_earlier: true, .. }) => {
            let fault = format!("an older version created the database (this version does not know migration {migration})");
            Finding::bad(fault, "export it with the version that created it, and import it into a new database")
        }
        Ok(Inspection { unknown: Some(migration), .. }) => {
            let fault = format!("a newer version wrote the database (this version does not know migration {migration})");
            Finding::bad(fault, "start that version of audit-server, or a later one")
        }
        Ok(Inspection { pending, .. }) if !pending.is_empty() => {
            Finding::bad(format!("the schema lacks {}", pending.join(", ")), "audit-server migrate")
        }
        Ok(Inspection { locked: true, .. }) => {
            let location = context.settings.store_config().location().unwrap_or_default();
            let fault = "another process keeps the write lock of the database";
            Finding::bad(fault, format!("end the process that `fuser -v '{location}'` shows"))
        }
        // The check of the role reports missing privileges.
        Ok(Inspection { unwritable: Some(why), missing_privileges, .. }) if missing_privileges.is_empty() => {
            let location = context.settings.store_config().location().unwrap_or_default();
            let mend = match context.is_on_a_server() {
                true => "as the owner: audit-server migrate --grant-to the-role".to_owned(),
                false => format!("ls -l '{location}'; df -h '{location}'; findmnt -T '{location}'"),
            };
            Finding::bad(format!("the database cannot be written: {why}"), mend)
        }
        Ok(_) => Finding::Good("the schema is that of this version, and a trial write succeeded".to_owned()),
        Err(_) => Finding::Note("not checked: no database opens".to_owned()),
    }
}

/// Checks the role. The guards of PostgreSQL are privileges, which do not bind a superuser or an
/// owner.
pub(super) fn role(context: &CheckContext) -> Finding {
    if !context.is_on_a_server() {
        let guards = "an embedded database has none: its triggers guard the log, and a user who can write the file can drop them";
        return Finding::Good(guards.to_owned());
    }
    let Ok(Inspection { excess_privileges, missing_privileges, .. }) = context.inspection() else {
        return Finding::Note("not checked: no database opens".to_owned());
    };
    if !missing_privileges.is_empty() {
        let mend = "as the owner: audit-server migrate --grant-to the-role";
        return Finding::bad(format!("it lacks privileges: {}", missing_privileges.join(", ")), mend);
    }
    let mend = "CREATE ROLE audit_app LOGIN, then as the owner: audit-server migrate --grant-to audit_app; connect as audit_app";
    match excess_privileges.join(", ") {
        none if none.is_empty() => Finding::Good(
            "it can read and append, and cannot change or delete entries; it could append false ones, move heads and change \
             the search index (docs/operations.md, Roles)"
                .to_owned(),
        ),
        excess_privileges if context.settings.production => {
            Finding::bad(format!("{excess_privileges}: it could change or delete entries of the log"), mend)
        }
        excess_privileges => Finding::Note(format!("{excess_privileges}: it could change or delete entries of the log. {mend}")),
    }
}

/// Names what this command does not check, so that an operator does not rely on it.
pub(super) fn contents(context: &CheckContext) -> Finding {
    if !context.has_current_database() {
        return Finding::Note("not checked: there is no database of this version that can be written".to_owned());
    }
    let text = "not checked: whether entries, heads of logs, the search index and tokens are as the server wrote them. A person \
                who can write to the database can change them, and no check here would notice; compare with a backup. \
                `audit-server rebuild` rebuilds the index from the log";
    Finding::Note(text.to_owned())
}

pub(super) fn administrator(context: &CheckContext) -> Finding {
    if !context.has_current_database() {
        return Finding::Note(
            "not checked: there is no database of this version that can be written; the first start creates the key".to_owned(),
        );
    }
    let mend = "audit-server token create --name admin --role admin --channels '*'";
    let now = match Timestamp::now() {
        Ok(now) => now,
        Err(error) => return Finding::bad(error.to_string(), "timedatectl set-ntp true"),
    };
    match context.settings.open_existing_store().and_then(|store| Ok(store.tokens()?)) {
        Ok(tokens) => {
            let valid = tokens
                .iter()
                .filter(|token| token.role == Role::Admin && token.channels == ChannelGrant::All && token.is_valid_at(now));
            match valid.count() {
                0 if context.settings.admin_token.is_some() => Finding::Note("the next start uses the configured key".to_owned()),
                0 => Finding::bad("no valid admin key for all channels exists", mend),
                count => Finding::Good(format!("{count} valid admin key(s) for all channels")),
            }
        }
        Err(error) => Finding::bad(format!("the tokens cannot be read: {error:#}"), "audit-server token list"),
    }
}

/// An index follows its log within a second. If it lags for longer, it waits for a server or is
/// stuck.
const INDEX_PATIENCE: Duration = Duration::from_secs(60);

/// Reports a lag only as a note, because queries are exact without the index and a server can work.
pub(super) fn search_index(context: &CheckContext) -> Finding {
    if !context.has_current_database() {
        return Finding::Note("not checked: there is no database of this version that can be written".to_owned());
    }
    let lags = context.settings.open_existing_store().and_then(|store| {
        let lags = [Stream::Events, Stream::ActionLogs].map(|stream| store.index_lags(stream));
        Ok((store.now()?, lags.into_iter().collect::<Result<Vec<_>, _>>()?.concat()))
    });
    let (now, lags) = match lags {
        Ok(found) => found,
        Err(error) => return Finding::Note(format!("not checked: {error:#}")),
    };
    let last = now.micros() - i64::try_from(INDEX_PATIENCE.as_micros()).unwrap_or(i64::MAX);
    let behind: Vec<_> = lags.iter().filter(|lag| lag.oldest.is_some_and(|oldest| oldest.micros() < last)).collect();
    let Some(oldest) = behind.iter().filter_map(|lag| lag.oldest).min() else {
        return Finding::Good("it is complete for every log".to_owned());
    };
    let (logs, entries) = (behind.len(), behind.iter().map(|lag| lag.entries).sum::<i64>());
    Finding::Note(format!(
        "{entries} entries of {logs} log(s) are not indexed, the first of {oldest}: queries are exact, but slower. A running server \
         indexes them within minutes; if it does not, its log says why (docs/operations.md, An index that is behind)"
    ))
}

/// The time of the first version: 2026-11-01. No entry is older.
const EARLIEST: Duration = Duration::from_secs(1_793_491_200);

/// Compares the clock with the log. The time of a log never goes back: if the clock is before the
/// last entry, all new entries get that entry's time.
pub(super) fn clock(context: &CheckContext) -> Finding {
    let mend = "timedatectl set-ntp true";
    let now = match Timestamp::now() {
        Ok(now) => now,
        Err(error) => return Finding::bad(error.to_string(), mend),
    };
    if SystemTime::now() < SystemTime::UNIX_EPOCH + EARLIEST {
        return Finding::bad(format!("the clock says {now}, which is before this program was made"), mend);
    }
    if !context.has_current_database() {
        return Finding::Good(format!("{now}"));
    }
    let last = context.settings.open_existing_store().ok().and_then(|store| {
        let logs = store.channels(ChannelGrant::All);
        let heads = [logs.clone().events().states(), logs.action_logs().states()];
        heads.into_iter().flatten().flatten().filter_map(|head| head.recorded_at).max()
    });
    match last {
        Some(last) if last > now => Finding::bad(format!("the clock says {now}, but the log has an entry of {last}"), mend),
        _ => Finding::Good(format!("{now}")),
    }
}
