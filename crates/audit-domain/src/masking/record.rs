//! Masks the members of a new event or action log.

use std::collections::HashSet;

use super::edits::MASK;
use super::explain::{MaskedValue, MaskingRule};
use super::names::Names;
use super::pointer::Pointers;
use super::policy::{Built, MaskingPolicy};
use super::prefilter::may_have_secret;
use super::walk::{Rules, Walk};
use crate::action::Action;
use crate::action_log::NewActionLog;
use crate::event::NewEvent;
use crate::json::{JsonText, ObjectWriter, push_array};
use crate::limits::{EVENT_BYTES_ADDED_MAX, EVENT_BYTES_MAX};
use crate::object::ObjectId;
use crate::outcome::Outcome;
use crate::user::User;

/// Bytes by which masking may lengthen a record, with the list of pointers. Only a record with thousands of secrets
/// of a few characters grows by more.
const GROWTH_BYTES_MAX: usize = 256 * 1024;

/// Bytes by which masking may lengthen the largest record: half of what an export may add, so that
/// an import accepts it.
const GROWTH_OF_LARGEST_BYTES: usize = EVENT_BYTES_ADDED_MAX / 2;

/// Bytes of slot 11 without its pointers.
const SLOT_BYTES: usize = 128;

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
        let users = [&self.user, &self.impersonator].map(|user| user.as_ref().map(User::json));
        let texts = [
            &self.table_name,
            &self.correlation_id,
            &self.source,
            &self.remote_addr,
            &self.url,
            &self.description,
            &self.query_params,
            &self.post_data,
            &self.headers,
            &self.content,
            &self.extra,
            &self.masked,
        ];
        let names = [self.action.as_ref().map(Action::json), self.outcome.as_ref().map(Outcome::json)];
        let object_id = self.object_id.as_ref().map(ObjectId::json);
        masking.bound_growth(texts.into_iter().map(Option::as_ref).chain(users).chain(names).chain([object_id]));
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
        let texts = [&self.logger_name, &self.app_name, &self.correlation_id, &self.trace, &self.extra, &self.masked];
        masking.bound_growth(texts.into_iter().map(Option::as_ref).chain([Some(&self.message)]));
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
    /// Bytes by which the record may still grow.
    growth_left: usize,
    /// What is masked and why, if somebody asks.
    explained: Option<Vec<MaskedValue>>,
}

impl<'p> Masking<'p> {
    fn new(built: &'p Built, table_name: Option<&JsonText>) -> Masking<'p> {
        Masking { built, names: built.names(table_name), pointers: Pointers::default(), growth_left: 0, explained: None }
    }

    /// Sets how far the record may grow: up to the largest record, and a little more.
    fn bound_growth<'m>(&mut self, members: impl Iterator<Item = Option<&'m JsonText>>) {
        let bytes: usize = members.flatten().map(|member| member.as_str().len()).sum();
        let largest = EVENT_BYTES_MAX + GROWTH_OF_LARGEST_BYTES - SLOT_BYTES;
        self.growth_left = largest.saturating_sub(bytes).min(GROWTH_BYTES_MAX);
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
        if edits.len() == 0 && !self.pointers.is_full() {
            self.pointers.end();
            return None;
        }
        let growth = edits.growth() + self.pointers.found_bytes();
        if self.pointers.is_full() || growth > self.growth_left {
            return Some(self.whole(name));
        }
        self.growth_left -= growth;
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
