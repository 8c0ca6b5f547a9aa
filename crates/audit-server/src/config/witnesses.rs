//! The witnesses that are asked to cosign the root log: those with a URL in a file of C2SP tlog-policy. It is
//! the file that verifiers use, so the two never differ.

use std::path::PathBuf;

use audit_http::Witness;
use audit_http::store::domain::log::Policy;

use super::setting::{Scope, Setting};
use super::sources::{SettingError, Sources};

pub(super) const WITNESS_POLICY: Setting = Setting {
    key: "witness_policy",
    value_name: "FILE",
    help: "File with a policy (C2SP tlog-policy): each witness of it that has a URL is asked to cosign the root log; docs/operations.md says how [default: none is asked]",
    accepts: || "a file of C2SP tlog-policy whose witnesses have http or https URLs".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

/// The largest number of witnesses: each has a thread.
const WITNESSES_MAX: usize = 32;

/// Reads the witnesses.
pub(super) fn witnesses(sources: &Sources) -> Result<Vec<Witness>, SettingError> {
    let Some(path) = sources.get(&WITNESS_POLICY, |text| (!text.is_empty()).then(|| PathBuf::from(text)))? else {
        return Ok(Vec::new());
    };
    let read = std::fs::read_to_string(&path).map_err(|error| format!("the file cannot be read: {error}"));
    read.and_then(|text| of_policy(&text)).map_err(|why| SettingError::bad(&WITNESS_POLICY, &path.to_string_lossy(), &why))
}

fn of_policy(text: &str) -> Result<Vec<Witness>, String> {
    let policy: Policy = text.parse().map_err(|error| format!("the file is not a policy: {error}"))?;
    let witness = |of: &audit_http::store::domain::log::PolicyWitness| {
        let has_host = |scheme: &str| of.url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if !["http://", "https://"].into_iter().any(has_host) {
            return Err(format!(
                "the URL of the witness {} must begin with https:// or http:// and a host (got {})",
                of.name, of.url
            ));
        }
        Ok(Witness { name: of.name.clone(), url: of.url.clone(), key: of.key.clone() })
    };
    let witnesses = policy.witnesses().iter().map(witness).collect::<Result<Vec<_>, _>>()?;
    if witnesses.is_empty() {
        return Err("none of its witnesses has a URL and a key of a kind that is verified here".to_owned());
    }
    if witnesses.len() > WITNESSES_MAX {
        return Err(format!("it has {} witnesses with URLs: at most {WITNESSES_MAX}", witnesses.len()));
    }
    Ok(witnesses)
}
