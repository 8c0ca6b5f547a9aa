//! The rules of an operator: what the standard policy masks besides, and what it leaves.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::names::spelled;

/// The rules of a policy, as the settings file has them.
///
/// ```toml
/// name = "shop"
/// version = 3
///
/// [tables."*"]
/// mask = ["loyalty number"]
///
/// [tables."shop.order"]
/// keep = ["token"]
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskingRules {
    /// The name of the policy, which slot 11 shows: lower-case letters, digits and `-`. `standard`
    /// and `none` are taken.
    pub name: String,
    /// The version of the policy, which changes with its rules.
    #[serde(default = "first_version")]
    pub version: u32,
    /// What happens to names that no rule lists.
    #[serde(default)]
    pub mask: MaskingMode,
    /// The rules by table (`app_label.model`, as in `table_name`); `*` is all tables, and the
    /// records that have none.
    #[serde(default)]
    pub tables: BTreeMap<String, TableMaskingRules>,
}

/// What happens to names that no rule lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskingMode {
    /// Their values stay, apart from secrets.
    #[default]
    Deny,
    /// In `query_params`, `post_data`, `headers`, `content` and `extra`, their values are masked.
    /// Only the names in `keep` stay readable.
    Allow,
}

/// The rules for one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMaskingRules {
    /// Names that are masked as those of the standard policy are: `loyalty number` is also
    /// `loyaltyNumber`, `customer_loyalty_number` and `Loyalty-Number`.
    #[serde(default)]
    pub mask: Vec<String>,
    /// Names that stay readable: the whole name, in any style.
    #[serde(default)]
    pub keep: Vec<String>,
}

/// Why rules are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskingRulesError {
    /// The name cannot be the name of a policy.
    #[error(
        "the name of a masking policy has 1 to 40 lower-case letters, digits and `-`, and is not `standard` or `none` (got {0:?})"
    )]
    Name(String),
    /// A version starts at 1.
    #[error("the version of a masking policy is at least 1 (got 0)")]
    Version,
    /// A listed name has no letter and no digit, or is too long.
    #[error("tables.{table:?}.{list}: a name has 1 to {NAME_CHARS_MAX} characters, with a letter or a digit (got {name:?})")]
    ListedName {
        /// The table.
        table: String,
        /// `mask` or `keep`.
        list: &'static str,
        /// The name.
        name: String,
    },
    /// A name is in both lists of a table.
    #[error("tables.{table:?}: {name:?} is in `mask` and in `keep`; leave it in one of them")]
    Both {
        /// The table.
        table: String,
        /// The name.
        name: String,
    },
    /// The names are too many for one automaton.
    #[error("the masking policy has too many names: {0}")]
    TooMany(String),
}

/// Characters of a listed name.
const NAME_CHARS_MAX: usize = 60;

fn first_version() -> u32 {
    1
}

impl MaskingRules {
    /// Checks everything that can be wrong with the rules.
    ///
    /// # Errors
    ///
    /// [`MaskingRulesError`]: the first fault.
    pub fn check(&self) -> Result<(), MaskingRulesError> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=40).contains(&self.name.len()) && self.name.bytes().all(is_name);
        if !fits || ["standard", "none"].contains(&self.name.as_str()) {
            return Err(MaskingRulesError::Name(self.name.clone()));
        }
        if self.version == 0 {
            return Err(MaskingRulesError::Version);
        }
        self.tables.iter().try_for_each(|(table, rules)| rules.check(table))
    }
}

impl TableMaskingRules {
    fn check(&self, table: &str) -> Result<(), MaskingRulesError> {
        for (list, names) in [("mask", &self.mask), ("keep", &self.keep)] {
            let wrong = |name: &&String| name.chars().count() > NAME_CHARS_MAX || spelled(name).is_empty();
            if let Some(name) = names.iter().find(wrong) {
                return Err(MaskingRulesError::ListedName { table: table.to_owned(), list, name: name.clone() });
            }
        }
        let is_kept = |name: &&String| self.keep.iter().any(|kept| spelled(kept) == spelled(name));
        match self.mask.iter().find(is_kept) {
            Some(name) => Err(MaskingRulesError::Both { table: table.to_owned(), name: name.clone() }),
            None => Ok(()),
        }
    }
}
