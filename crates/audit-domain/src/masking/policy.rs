//! A masking policy, ready to be applied.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::dictionary::Dictionary;
use super::names::{Names, TableNames, spelled};
use super::needles::Needles;
use super::rules::{MaskingMode, MaskingRules, MaskingRulesError};
use crate::json::JsonText;

/// Which values are masked before an entry is hashed. A policy is built once; its copies share it.
#[derive(Debug, Clone)]
pub struct MaskingPolicy(Option<Arc<Built>>);

/// The parts of a policy that masks something.
#[derive(Debug)]
pub(super) struct Built {
    label: String,
    standard: Dictionary,
    all: TableNames,
    tables: HashMap<String, TableNames>,
    pub(super) needles: Needles,
    pub(super) masks_unlisted: bool,
}

/// Tables in which a plain `key` is a secret, by their names as content types and in the database,
/// and whether the id of their objects is the same key.
const KEY_TABLES: [(&str, bool); 7] = [
    ("authtoken.token", true),
    ("authtoken.tokenproxy", true),
    ("authtoken_token", true),
    ("otp_totp.totpdevice", false),
    ("otp_totp_totpdevice", false),
    ("otp_hotp.hotpdevice", false),
    ("otp_hotp_hotpdevice", false),
];

impl MaskingPolicy {
    /// The standard policy, `standard/1`.
    #[must_use]
    pub fn standard() -> MaskingPolicy {
        static STANDARD: LazyLock<MaskingPolicy> = LazyLock::new(|| match Built::new("standard/1".to_owned(), None) {
            Ok(built) => MaskingPolicy(Some(Arc::new(built))),
            // Nothing comes from outside here, and every test of masking builds it.
            Err(error) => unreachable!("the standard masking policy: {error}"),
        });
        STANDARD.clone()
    }

    /// The policy that masks nothing: each entry has the bytes that were received.
    #[must_use]
    pub fn none() -> MaskingPolicy {
        MaskingPolicy(None)
    }

    /// Builds the policy of an operator: the standard policy with the changes in the rules.
    ///
    /// # Errors
    ///
    /// [`MaskingRulesError`]: a fault of the rules.
    pub fn from_rules(rules: &MaskingRules) -> Result<MaskingPolicy, MaskingRulesError> {
        rules.check()?;
        let label = format!("{}/{}", rules.name, rules.version);
        Ok(MaskingPolicy(Some(Arc::new(Built::new(label, Some(rules))?))))
    }

    /// The name and the version, as slot 11 shows them: `standard/1`. The policy that masks nothing
    /// has `none`.
    #[must_use]
    pub fn label(&self) -> &str {
        self.0.as_ref().map_or("none", |built| &built.label)
    }

    pub(super) fn built(&self) -> Option<&Built> {
        self.0.as_deref()
    }
}

impl Built {
    fn new(label: String, rules: Option<&MaskingRules>) -> Result<Built, MaskingRulesError> {
        let (mut all, mut tables): (TableNames, HashMap<String, TableNames>) = Default::default();
        for (table, masks_object_id) in KEY_TABLES {
            let names = tables.entry(table.to_owned()).or_default();
            names.mask("key");
            names.masks_object_id = masks_object_id;
        }
        let mut added = Vec::new();
        for (table, listed) in rules.iter().flat_map(|rules| &rules.tables) {
            let is_all = table == "*";
            let names = if is_all { &mut all } else { tables.entry(table.to_lowercase()).or_default() };
            listed.mask.iter().for_each(|name| names.mask(name));
            listed.keep.iter().for_each(|name| names.keep(name));
            added.extend(listed.mask.iter().map(|name| spelled(name)));
        }
        // Whether a needle counts in a table is a question of its names.
        added.sort_unstable();
        added.dedup();
        let needles =
            Needles::new(added.iter().map(String::as_str)).map_err(|error| MaskingRulesError::TooMany(error.to_string()))?;
        let masks_unlisted = rules.is_some_and(|rules| rules.mask == MaskingMode::Allow);
        Ok(Built { label, standard: Dictionary::standard(), all, tables, needles, masks_unlisted })
    }

    /// The name and the version.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The names for a record of a table.
    pub(super) fn names(&self, table_name: Option<&JsonText>) -> Names<'_> {
        let table = table_name.and_then(JsonText::decoded).and_then(|name| self.tables.get(&name.to_text().to_lowercase()));
        Names { standard: &self.standard, all: &self.all, table }
    }
}
