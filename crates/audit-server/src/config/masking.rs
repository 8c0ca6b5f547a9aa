//! The masking policy: one of two names, or a file of rules.

use std::path::{Path, PathBuf};

use audit_http::store::domain::{MaskingPolicy, MaskingRules};

use super::list;
use super::sources::{SettingError, Sources, one_line};

/// The maximum bytes of a file of rules, which is far more than a policy may have names.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A value of the setting `masking`.
enum Masking {
    None,
    Standard,
    Rules(PathBuf),
}

/// Reads the policy.
pub(super) fn policy(sources: &Sources) -> Result<MaskingPolicy, SettingError> {
    match sources.require(&list::MASKING, parse)? {
        Masking::None => Ok(MaskingPolicy::none()),
        Masking::Standard => Ok(MaskingPolicy::standard()),
        Masking::Rules(path) => from_file(&path).map_err(|why| SettingError::bad(&list::MASKING, &path.to_string_lossy(), &why)),
    }
}

fn parse(text: &str) -> Option<Masking> {
    match text {
        "none" => Some(Masking::None),
        "standard" => Some(Masking::Standard),
        _ => text.to_ascii_lowercase().ends_with(".toml").then(|| Masking::Rules(text.into())),
    }
}

fn from_file(path: &Path) -> Result<MaskingPolicy, String> {
    let cannot = |error: &dyn std::fmt::Display| format!("the file cannot be read: {error}");
    let bytes = std::fs::metadata(path).map_err(|error| cannot(&error))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!("the file has {bytes} bytes: at most {FILE_BYTES_MAX}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| cannot(&error))?;
    let rules: MaskingRules =
        toml::from_str(&text).map_err(|error| format!("the file is not a masking policy: {}", one_line(&error.to_string())))?;
    MaskingPolicy::from_rules(&rules).map_err(|error| error.to_string())
}
