//! The walk through the JSON text of a member: which values are secrets, by their names and by
//! their texts.
//!
//! The walk keeps its open objects and arrays in a list, so that nesting does not use the stack. It
//! calls itself only for JSON inside a string, which it follows to a fixed depth.

use super::card::each_card;
use super::dictionary::{Noun, Secret, is_form};
use super::edits::Edits;
use super::explain::{MaskedValue, MaskingRule};
use super::frame::{Context, Frame};
use super::layers::{end_of_string, has_percent_escape, is_json};
use super::message::{is_mark, is_message};
use super::name::Name;
use super::names::Names;
use super::needles::Needles;
use super::pairs::{Role, elements};
use super::pointer::Pointers;
use super::text::{Cause, each_secret};
use super::value::Range;
use super::view::View;
use super::words::{is_count, is_directory, is_masked, is_placeholder, is_secret_number, is_stated_secret};

/// Texts inside texts that the walk follows: JSON in a string, percent escapes.
const LAYERS_MAX: u8 = 4;

/// What the walk needs to know for one member.
#[derive(Clone, Copy)]
pub(super) struct Rules<'p> {
    pub(super) names: Names<'p>,
    pub(super) needles: &'p Needles,
    /// Whether everything is masked that is not listed.
    pub(super) masks_unlisted: bool,
}

/// The state of the walk through one member.
pub(super) struct Walk<'p, 'o> {
    rules: Rules<'p>,
    edits: Edits,
    pointers: &'o mut Pointers,
    /// Why each value was replaced, if somebody asks: where, its pointer and the rule.
    reasons: Option<Vec<(usize, MaskedValue)>>,
    /// The rules of the value that is read.
    causes: Vec<MaskingRule>,
    /// Whether the member is that of a request, in which `pwd` is a password and not the directory of a shell.
    is_request: bool,
}

/// A value of the text that is walked: where it is, and in what.
struct Place<'a, 'v> {
    view: &'a View<'v>,
    /// The number of texts around this one, and how many of them are JSON strings.
    layer: u8,
    strings: u8,
}

impl<'p, 'o> Walk<'p, 'o> {
    /// Walks through a member whose pointer is `/name`, and returns what is to be replaced.
    pub(super) fn member(text: &str, name: &str, rules: Rules<'p>, pointers: &'o mut Pointers) -> Edits {
        Walk::through(text, name, rules, pointers, None).0
    }

    /// The same walk, which also lists why each value is replaced.
    pub(super) fn explain(text: &str, name: &str, rules: Rules<'p>, pointers: &'o mut Pointers) -> (Edits, Vec<MaskedValue>) {
        let (edits, mut reasons) = Walk::through(text, name, rules, pointers, Some(Vec::new()));
        reasons.sort_by_key(|(at, _)| *at);
        (edits, reasons.into_iter().map(|(_, value)| value).collect())
    }

    fn through(
        text: &str,
        name: &str,
        rules: Rules<'p>,
        pointers: &'o mut Pointers,
        reasons: Option<Vec<(usize, MaskedValue)>>,
    ) -> (Edits, Vec<(usize, MaskedValue)>) {
        let view = View::of_member(text);
        let is_request = ["query_params", "post_data", "headers"].contains(&name);
        let mut walk = Walk { rules, edits: Edits::default(), pointers, reasons, causes: Vec::new(), is_request };
        walk.pointers.start(name);
        let root = Context { is_id: ["user", "impersonator"].contains(&name), ..Context::default() };
        walk.json(&Place { view: &view, layer: 0, strings: 0 }, root);
        walk.edits.arrange();
        (walk.edits, walk.reasons.unwrap_or_default())
    }

    /// Notes why a value is replaced, if somebody asks.
    fn note(&mut self, rule: impl FnOnce(&Rules<'p>) -> MaskingRule) {
        if self.reasons.is_some() {
            self.causes.push(rule(&self.rules));
        }
    }

    /// Notes that a name is the reason.
    fn note_name(&mut self, name: &[u8]) {
        self.note(|rules| MaskingRule::Name(rules.names.entry(name).unwrap_or_default()));
    }

    fn json(&mut self, place: &Place<'_, '_>, root: Context) {
        let text = place.view.bytes();
        let (mut frames, mut at): (Vec<Frame>, usize) = (Vec::new(), 0);
        while let Some(byte) = text.get(at) {
            at = match byte {
                b'{' | b'[' => {
                    let outer = frames.last().map_or(root, |frame| frame.inside(text));
                    let is_object = *byte == b'{';
                    if let Some(frame) = frames.last_mut() {
                        frame.has_brackets = true;
                    }
                    frames.push(Frame { is_object, start: at, awaits_key: is_object, outer, current: outer, ..Frame::default() });
                    at + 1
                }
                b'}' | b']' => {
                    self.close(place, &mut frames, at + 1);
                    at + 1
                }
                b',' => {
                    if let Some(frame) = frames.last_mut() {
                        frame.awaits_key = frame.is_object;
                        frame.index += 1;
                    }
                    at + 1
                }
                b'"' => {
                    let end = end_of_string(text, at);
                    self.string(place, &mut frames, (at, end), root);
                    end
                }
                b' ' | b'\n' | b'\r' | b'\t' | b':' => at + 1,
                _ => {
                    let length = text[at..].iter().position(|byte| b",]} \n\r\t".contains(byte)).unwrap_or(text.len() - at);
                    let context = frames.last().map_or(root, |frame| frame.current);
                    self.pair(place, &mut frames, (at, at + length));
                    self.found(place, &frames, |walk| walk.bare(place, (at, at + length), context));
                    at + length.max(1)
                }
            };
            if self.pointers.is_full() {
                return;
            }
        }
    }

    /// Reads a string: a key, or a value.
    fn string(&mut self, place: &Place<'_, '_>, frames: &mut [Frame], range: Range, root: Context) {
        let content = (range.0 + 1, range.1.saturating_sub(1).max(range.0 + 1));
        let Some(frame) = frames.last_mut() else {
            return self.found(place, &[], |walk| walk.value(place, range, root));
        };
        if frame.is_object && frame.awaits_key {
            frame.awaits_key = false;
            frame.key = Some(content);
            frame.current = self.context(place.view.string(content.0, content.1).bytes(), content, frame.outer);
            return;
        }
        let mut context = frame.current;
        if !frame.is_object {
            let raw = &place.view.bytes()[content.0..content.1];
            let named = if raw.starts_with(b"--") { self.rules.names.secret(raw).filter(|secret| !secret.is_stated) } else { None };
            let before = std::mem::replace(&mut frame.option, named.map(|secret| (content, secret)));
            if let Some((named_by, secret)) = before.filter(|_| !raw.starts_with(b"-")) {
                context = Context { secret: Some(secret), named_by, ..context };
            }
        }
        self.pair(place, frames, range);
        self.found(place, frames, |walk| walk.value(place, range, context));
    }

    /// Remembers the name or a value of a pair.
    fn pair(&mut self, place: &Place<'_, '_>, frames: &mut [Frame], range: Range) {
        let is_nested = frames.len() > 1 && frames.iter().rev().nth(1).is_some_and(|frame| !frame.is_object);
        let Some(frame) = frames.last_mut() else { return };
        let role = match frame.key {
            Some((from, to)) if frame.is_object => Role::of_member(&place.view.bytes()[from..to]),
            _ if !frame.is_object && is_nested => Role::of_element(frame.index),
            _ => Role::Other,
        };
        match role {
            Role::Name if place.view.bytes()[range.0] == b'"' => {
                let name = (range.0 + 1, range.1 - 1);
                frame.pair.name = self.rules.names.secret(place.view.string(name.0, name.1).bytes()).map(|secret| (name, secret));
            }
            Role::Value if !frame.current.is_kept => frame.pair.values.push((frame.key, range)),
            _ => {}
        }
    }

    /// Ends an object or an array, before an offset.
    fn close(&mut self, place: &Place<'_, '_>, frames: &mut Vec<Frame>, end: usize) {
        self.end_pair(place, frames);
        if let Some(closed) = frames.pop()
            && !(closed.is_object || closed.has_brackets)
        {
            self.pair(place, frames, (closed.start, end));
        }
    }

    /// Masks the values of a pair whose name is that of a secret.
    fn end_pair(&mut self, place: &Place<'_, '_>, frames: &mut Vec<Frame>) {
        let Some(frame) = frames.last_mut() else { return };
        let pair = std::mem::take(&mut frame.pair);
        let Some((name, secret)) = pair.name.filter(|_| frame.is_object || frame.index == 1) else { return };
        for (key, value) in pair.values {
            if let Some(frame) = frames.last_mut() {
                frame.key = key;
            }
            if place.view.bytes()[value.0] != b'[' {
                self.found(place, frames, |walk| walk.value_of_pair(place, value, secret, name));
                continue;
            }
            for (index, element) in elements(place.view.bytes(), value) {
                frames.push(Frame { index, ..Frame::default() });
                self.found(place, frames, |walk| walk.value_of_pair(place, element, secret, name));
                frames.pop();
                if self.pointers.is_full() {
                    return;
                }
            }
        }
    }

    /// Masks a string or a number whose name is that of a secret.
    fn value_of_pair(&mut self, place: &Place<'_, '_>, (from, to): Range, secret: Secret, name: Range) {
        let is_masked = match place.view.bytes()[from] {
            b'"' if self.is_secret_text(secret, place.view.string(from + 1, to - 1).bytes()) => {
                self.whole(place, (from, to));
                true
            }
            b'-' | b'0'..=b'9' if is_secret_number(secret, &place.view.bytes()[from..to]) => {
                self.edits.push_value(place.view.origin(from), place.view.origin(to), place.strings);
                true
            }
            _ => false,
        };
        if is_masked {
            self.note_name(place.view.string(name.0, name.1).bytes());
        }
    }

    /// What the name of a member says about its value.
    fn context(&self, key: &[u8], range: Range, outer: Context) -> Context {
        let name = Name::new(key);
        if self.rules.names.keeps(&name) {
            return Context { is_kept: !self.rules.masks_unlisted, is_listed: true, ..Context::default() };
        }
        let is_member = |secret: &Secret| is_form(&name) || (secret.is_plural && secret.noun != Noun::Group);
        let (secret, named_by) = match self.rules.names.secret_of(&name) {
            Some(secret) => (Some(secret), range),
            None => (outer.secret.filter(is_member), outer.named_by),
        };
        let is_id = name.words().checked_sub(1).is_some_and(|last| [&b"id"[..], b"ids", b"pk"].contains(&name.word(last)));
        Context { secret, named_by, is_kept: false, is_listed: outer.is_listed, is_id }
    }

    /// Runs a step, and adds the pointer of the value if the step replaces something.
    fn found(&mut self, place: &Place<'_, '_>, frames: &[Frame], step: impl FnOnce(&mut Self)) {
        let before = self.edits.len();
        if place.layer == 0 {
            self.causes.clear();
        }
        step(self);
        if place.layer == 0 && self.edits.len() > before {
            self.pointers.push(self.edits.last_from(), frames, place.view);
            if let Some(reasons) = &mut self.reasons {
                let (at, pointer) = (self.edits.last_from(), self.pointers.last());
                for rule in self.causes.drain(..) {
                    let value = MaskedValue { pointer: pointer.clone(), rule };
                    if !reasons.iter().any(|(_, known)| *known == value) {
                        reasons.push((at, value));
                    }
                }
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn bare(&mut self, place: &Place<'_, '_>, (from, to): Range, context: Context) {
        let text = &place.view.bytes()[from..to];
        let is_number = text.first().is_some_and(|byte| *byte == b'-' || byte.is_ascii_digit());
        let is_secret = is_number && context.secret.is_some_and(|secret| is_secret_number(secret, text));
        let is_unlisted = self.rules.masks_unlisted && !context.is_listed && text != b"null";
        let mut is_card = false;
        if is_number && !context.is_kept && !context.is_id {
            each_card(text, |_, _| is_card = true);
        }
        if is_secret || is_unlisted || is_card {
            self.edits.push_value(place.view.origin(from), place.view.origin(to), place.strings);
            let (key, name) = (context.named_by, || place.view.string(context.named_by.0, context.named_by.1));
            match (is_secret, is_card) {
                (true, _) if key.0 < key.1 => self.note_name(name().bytes()),
                (_, true) => self.note(|_| MaskingRule::Form("card")),
                _ => self.note(|_| MaskingRule::Unlisted),
            }
        }
    }

    /// A string, with its quotes.
    fn value(&mut self, place: &Place<'_, '_>, range: Range, context: Context) {
        if context.is_kept {
            return;
        }
        let content = place.view.string(range.0 + 1, range.1.saturating_sub(1).max(range.0 + 1));
        let is_secret = context.secret.is_some_and(|secret| self.is_secret_text(secret, content.bytes()));
        if is_secret || (self.rules.masks_unlisted && !context.is_listed) {
            let (from, to) = context.named_by;
            match is_secret {
                true => self.note_name(place.view.string(from, to).bytes()),
                false => self.note(|_| MaskingRule::Unlisted),
            }
            return self.whole(place, range);
        }
        self.text(&Place { view: &content, layer: place.layer + 1, strings: place.strings + 1 }, context);
    }

    /// Whether a string under the name of a secret is one.
    fn is_secret_text(&self, secret: Secret, text: &[u8]) -> bool {
        // A weak password may be a word of a program: `{"password": "none"}`.
        let is_absent = if secret.noun.is_password() { is_masked(text) || is_mark(text) } else { is_placeholder(text) };
        let is_count = secret.is_plural && is_count(secret, text);
        // What a program may do with secrets, not a secret: `{"permissions": {"secrets": "read"}}`.
        let is_right = secret.is_plural && [&b"read"[..], b"write", b"admin", b"include", b"omit", b"same-origin"].contains(&text);
        let is_option = secret.noun != Noun::Password && is_right;
        let is_path = secret.noun == Noun::Directory && !self.is_request && is_directory(text);
        let is_answer = secret.is_stated && !is_stated_secret(secret, text);
        let is_message = secret.noun != Noun::Phrase && is_message(text);
        !(is_absent || is_count || is_option || is_path || is_answer || is_message)
    }

    /// Replaces the content of a string.
    fn whole(&mut self, place: &Place<'_, '_>, (from, to): Range) {
        let content = place.view.string(from + 1, to.saturating_sub(1).max(from + 1));
        if !is_masked(content.bytes()) {
            self.edits.push(place.view.origin(from + 1), place.view.origin(to - 1));
        }
    }

    /// A decoded text: JSON of its own, or any other.
    fn text(&mut self, place: &Place<'_, '_>, context: Context) {
        let text = place.view.bytes();
        if place.layer < LAYERS_MAX && is_json(text) {
            return self.json(place, Context { secret: None, ..context });
        }
        let Rules { names, needles, .. } = self.rules;
        each_secret(text, &names, needles, |from, to, cause| {
            self.edits.push(place.view.origin(from), place.view.origin(to));
            match cause {
                Cause::Name(from, to) => self.note_name(&text[from..to]),
                Cause::Form(form) => self.note(|_| MaskingRule::Form(form)),
            }
        });
        if place.layer < LAYERS_MAX && has_percent_escape(text) {
            let decoded = place.view.percent_decoded();
            self.text(&Place { view: &decoded, layer: place.layer + 1, strings: place.strings }, context);
        }
    }
}
