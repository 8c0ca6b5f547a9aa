//! The names of levels.

use crate::json::JsonText;

/// Names of levels (their letters match in either case), the level number, and whether the number
/// says as much as the name.
const NAMES: [(&str, i64, bool); 22] = [
    ("notset", 0, true),
    ("silly", 5, false),
    ("trace", 5, true),
    ("debug", 10, true),
    ("verbose", 15, true),
    ("http", 17, true),
    ("info", 20, true),
    ("informational", 20, true),
    ("information", 20, true),
    ("notice", 25, true),
    ("warn", 30, true),
    ("warning", 30, true),
    ("err", 40, true),
    ("error", 40, true),
    ("crit", 50, true),
    ("critical", 50, true),
    ("fatal", 50, true),
    ("alert", 50, false),
    ("emerg", 50, false),
    ("emergency", 50, false),
    ("panic", 50, false),
    ("severe", 50, false),
];

/// The names of levels that a record may have.
pub fn level_names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _, _)| *name)
}

/// The level that a name means, and whether the number says as much as the name.
pub(super) fn level_of_name(given: &JsonText) -> Option<(i64, bool)> {
    let given = given.decoded()?;
    let name = given.as_str()?;
    let found = NAMES.iter().find(|(known, _, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, level, says_all)| (*level, *says_all))
}
