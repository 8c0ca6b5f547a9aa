//! Masks the members of a new event or action log.

use std::collections::HashSet;

use super::edits::MASK;
use super::explain::{MaskedValue, MaskingRule};
use super::names::Names;
use super::pointer::Pointers;
use super::policy::{Built, MaskingPolicy};
use super::prefilter::may_have_secret;
use super::walk::{Rules, Walk};
use crate::action_log::NewActionLog;
use crate::event::NewEvent;
use crate::json::{JsonText, ObjectWriter, push_array};
use crate::limits::EVENT_BYTES_MAX;
use crate::object::ObjectId;
use crate::user::User;

/// Bytes by which masking may lengthen a member. Only a member with thousands of secrets of a few
/// characters grows by more.
const GROWTH_BYTES_MAX: usize = 128 * 1024;

impl NewEvent {
    /// Replaces the secrets in the event by `"[masked]"`, and returns the value of slot 11: the
    /// policy, and a pointer to each value that was replaced. Returns `None` if there was nothing to
    /// mask. What is not masked stays byte for byte.
    ///
    /// The rules for tables go by `table_name`, so it is filled in before.
    #[must_use]
    pub fn mask(&mut self, policy: &MaskingPolicy) -> Option<JsonText> {
        let built = policy.built()?;
        let mut masking = Masking::new(built, self.table_name.as_ref());
        self.mask_members(&mut masking);
        masking.slot()
    }

    pub(super) fn mask_members(&mut self, masking: &mut Masking<'_>) {
        masking.object_id(&mut self.object_id);
        masking.user("user", &mut self.user);
        masking.user("impersonator", &mut self.impersonator);
        masking.text("remote_addr", &mut self.remote_addr);
        masking.text("url", &mut self.url);
        masking.text("description", &mut self.description);
        masking.values("query_params", &mut self.query_params);
        masking.values("post_data", &mut self.post_data);
        masking.values("headers", &mut self.headers);
        masking.values("content", &mut self.content);
        masking.extra(&mut self.extra);
    }
}

impl NewActionLog {
    /// Replaces the secrets in the record by `"[masked]"`, and returns the value of slot 11, as
    /// [`NewEvent::mask`] does.
    #[must_use]
    pub fn mask(&mut self, policy: &MaskingPolicy) -> Option<JsonText> {
        let built = policy.built()?;
        let mut masking = Masking::new(built, None);
        self.mask_members(&mut masking);
        masking.slot()
    }

    pub(super) fn mask_members(&mut self, masking: &mut Masking<'_>) {
        if let Some(masked) = masking.member("message", &self.message, false) {
            self.message = masked;
        }
        masking.text("trace", &mut self.trace);
        masking.extra(&mut self.extra);
    }
}

/// The masking of one record.
pub(super) struct Masking<'p> {
    built: &'p Built,
    names: Names<'p>,
    pointers: Pointers,
    /// What is masked and why, if somebody asks.
    explained: Option<Vec<MaskedValue>>,
}

impl<'p> Masking<'p> {
    fn new(built: &'p Built, table_name: Option<&JsonText>) -> Masking<'p> {
        Masking { built, names: built.names(table_name), pointers: Pointers::default(), explained: None }
    }

    /// Lists what is masked and why.
    pub(super) fn explaining(built: &'p Built, table_name: Option<&JsonText>) -> Masking<'p> {
        Masking { explained: Some(Vec::new()), ..Masking::new(built, table_name) }
    }

    /// What was masked and why.
    pub(super) fn explained(self) -> Vec<MaskedValue> {
        self.explained.unwrap_or_default()
    }

    fn explain(&mut self, pointer: String, rule: MaskingRule) {
        if let Some(explained) = &mut self.explained {
            explained.push(MaskedValue { pointer, rule });
        }
    }

    /// Masks a member, and returns its new text if something was replaced.
    fn member(&mut self, name: &str, json: &JsonText, masks_unlisted: bool) -> Option<JsonText> {
        let Built { needles, .. } = self.built;
        let text = json.as_str();
        if !masks_unlisted && !self.names.masks_more() && !may_have_secret(text.as_bytes(), &self.names, needles) {
            return None;
        }
        let rules = Rules { names: self.names, needles, masks_unlisted };
        let (edits, mut reasons) = match self.explained {
            Some(_) => Walk::explain(text, name, rules, &mut self.pointers),
            None => (Walk::member(text, name, rules, &mut self.pointers), Vec::new()),
        };
        if self.pointers.is_full() || edits.growth() > GROWTH_BYTES_MAX {
            return Some(self.whole(name));
        }
        if edits.len() == 0 {
            self.pointers.end();
            return None;
        }
        let Some(masked) = edits.apply(text) else { return Some(self.whole(name)) };
        self.pointers.end();
        if let Some(explained) = &mut self.explained {
            explained.append(&mut reasons);
        }
        Some(JsonText::from_trusted(masked))
    }

    /// Masks all of a member that has too many secrets for a list of them. `extra` stays an object.
    fn whole(&mut self, name: &str) -> JsonText {
        self.explain(format!("/{name}"), MaskingRule::WholeMember);
        if name == "extra" {
            self.pointers.end_whole(&format!("/extra/{MASK}"));
            return JsonText::from_trusted(format!("{{\"{MASK}\":\"{MASK}\"}}"));
        }
        self.pointers.end_whole(&format!("/{name}"));
        JsonText::string(MASK)
    }

    /// Masks a text for people or programs, in which the list of readable names does not count.
    fn text(&mut self, name: &str, member: &mut Option<JsonText>) {
        if let Some(masked) = member.as_ref().and_then(|json| self.member(name, json, false)) {
            *member = Some(masked);
        }
    }

    /// Masks a member that holds values by their names.
    fn values(&mut self, name: &str, member: &mut Option<JsonText>) {
        let masks_unlisted = self.built.masks_unlisted;
        if let Some(masked) = member.as_ref().and_then(|json| self.member(name, json, masks_unlisted)) {
            *member = Some(masked);
        }
    }

    fn extra(&mut self, member: &mut Option<JsonText>) {
        self.values("extra", member);
    }

    fn user(&mut self, name: &str, user: &mut Option<User>) {
        let masked = user.as_ref().and_then(|user| self.member(name, user.json(), false));
        if let Some(masked) = masked.and_then(|json| User::from_json(json).ok()) {
            *user = Some(masked);
        }
    }

    /// Masks the id of an object that is its secret. An integer is not.
    fn object_id(&mut self, object_id: &mut Option<ObjectId>) {
        let is_secret = self.names.table.is_some_and(|table| table.masks_object_id);
        let is_id = |id: &ObjectId| id.number().is_some() || id.text().is_some_and(|text| text.as_str() == Some(MASK));
        if is_secret && object_id.as_ref().is_some_and(|id| !is_id(id)) {
            *object_id = Some(ObjectId::from(MASK));
            self.pointers.end_whole("/object_id");
            self.explain("/object_id".to_owned(), MaskingRule::Name("key".to_owned()));
        }
    }

    /// The value of slot 11.
    fn slot(self) -> Option<JsonText> {
        if self.pointers.list().is_empty() {
            return None;
        }
        let mut json = String::new();
        let mut object = ObjectWriter::new(&mut json);
        object.string("policy", self.built.label()).nested("pointers", |out| {
            push_array(out, self.pointers.list(), |pointer, out| {
                out.push('"');
                out.push_str(pointer);
                out.push('"');
            });
        });
        object.end();
        Some(JsonText::from_trusted(json))
    }
}

/// Adds what was masked before this time, in the entry that an import brings. The policy is the
/// one that masked last.
pub(crate) fn with_earlier(now: Option<JsonText>, earlier: Option<JsonText>) -> Option<JsonText> {
    let (Some(now), Some(before)) = (&now, &earlier) else { return now.or(earlier) };
    let pointers = |slot: &JsonText| {
        let [list] = slot.pick(&["pointers"])?;
        Some(JsonText::elements(list?, EVENT_BYTES_MAX).ok()?.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    // The parser refuses a text without a list of pointers.
    let mut all = pointers(before).unwrap_or_default();
    let known: HashSet<String> = all.iter().cloned().collect();
    all.extend(pointers(now).unwrap_or_default().into_iter().filter(|pointer| !known.contains(pointer)));
    let [policy] = now.pick(&["policy"]).unwrap_or_default();
    let mut json = String::new();
    let mut object = ObjectWriter::new(&mut json);
    object.raw("policy", policy.unwrap_or("null"));
    object.nested("pointers", |out| push_array(out, &all, |pointer, out| out.push_str(pointer)));
    object.end();
    Some(JsonText::from_trusted(json))
}
