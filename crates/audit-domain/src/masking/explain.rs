//! What a policy would mask in a record, and why: for a check before the policy is used.

use std::fmt;

use super::policy::MaskingPolicy;
use super::record::Masking;
use crate::action_log::NewActionLog;
use crate::event::NewEvent;

/// A value that a policy masks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaskedValue {
    /// Where it is, as RFC 6901 writes it, from the root of the native shape.
    pub pointer: String,
    /// Why it is masked. A text with several secrets is listed once for each rule.
    pub rule: MaskingRule,
}

/// Why a value is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaskingRule {
    /// The name of the value, or a name in its text, is that of a secret: the listed name, such as
    /// `password` or `api key`.
    Name(String),
    /// The text has the form of a secret: `jwt`, `pem`, `card`, `url password`, or the first characters
    /// of a key, such as `ghp_`.
    Form(&'static str),
    /// The policy masks everything that no rule keeps.
    Unlisted,
    /// The member has more secrets than slot 11 can list, so it is masked as a whole.
    WholeMember,
}

impl fmt::Display for MaskingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaskingRule::Name(name) => write!(f, "name `{name}`"),
            MaskingRule::Form(form) => write!(f, "form `{form}`"),
            MaskingRule::Unlisted => f.write_str("not in `keep`"),
            MaskingRule::WholeMember => f.write_str("more secrets than can be listed"),
        }
    }
}

impl NewEvent {
    /// Lists what [`NewEvent::mask`] would mask, without masking it.
    ///
    /// ```
    /// use audit_domain::{MaskingPolicy, NewEvent, ParseMode};
    ///
    /// let text = r#"{"action":"LOGIN","post_data":{"password":"hunter2"},"url":"/x?api_key=a1"}"#;
    /// let event = NewEvent::parse(text, ParseMode::NATIVE)?;
    /// let found = event.explain_masking(&MaskingPolicy::standard());
    /// let lines: Vec<String> = found.iter().map(|value| format!("{}: {}", value.pointer, value.rule)).collect();
    /// assert_eq!(lines, ["/url: name `api key`", "/post_data/password: name `password`"]);
    /// # Ok::<(), audit_domain::InputError>(())
    /// ```
    #[must_use]
    pub fn explain_masking(&self, policy: &MaskingPolicy) -> Vec<MaskedValue> {
        let Some(built) = policy.built() else { return Vec::new() };
        let mut masking = Masking::explaining(built, self.table_name.as_ref());
        self.clone().mask_members(&mut masking);
        masking.explained()
    }
}

impl NewActionLog {
    /// Lists what [`NewActionLog::mask`] would mask, as [`NewEvent::explain_masking`] does.
    #[must_use]
    pub fn explain_masking(&self, policy: &MaskingPolicy) -> Vec<MaskedValue> {
        let Some(built) = policy.built() else { return Vec::new() };
        let mut masking = Masking::explaining(built, None);
        self.clone().mask_members(&mut masking);
        masking.explained()
    }
}
