//! The names of secrets, and the words that make a name something else.

use std::collections::HashMap;
use std::sync::Arc;

use super::name::Name;

/// What kind of secret a name names, as far as the rules for texts depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noun {
    /// A password. In prose, any value after a colon counts.
    Password,
    /// `pwd`, which is also the working directory of a shell.
    Directory,
    /// A header whose value has blanks: `Authorization`, `Cookie`.
    Header,
    /// A group of members, some of which are secret: `credentials`.
    Group,
    /// A password of several words.
    Phrase,
    /// A number or a code that may be in groups with blanks between them.
    Groups,
    /// Anything else. In prose, a value after a colon counts if it looks like a secret.
    Other,
}

impl Noun {
    /// Whether people think of the secret, so that it may be any word.
    pub(super) fn is_password(self) -> bool {
        matches!(self, Noun::Password | Noun::Phrase)
    }
}

/// A name that names a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) noun: Noun,
    /// Whether the name is in the plural, so that a number is a count and an object is a map.
    pub(super) is_plural: bool,
    /// Whether the name makes a statement about the secret, so that only a text is one: `has_password`.
    pub(super) is_stated: bool,
}

/// The names of the standard policy, in lower case, with a blank where a separator may be. Each is
/// also known without its blanks and in the plural.
pub(super) const STANDARD: [(&str, Noun); 70] = [
    ("password", Noun::Password),
    ("passwd", Noun::Password),
    ("passphrase", Noun::Phrase),
    ("pass phrase", Noun::Phrase),
    ("passcode", Noun::Password),
    ("new password", Noun::Password),
    ("old password", Noun::Password),
    ("user password", Noun::Password),
    ("current password", Noun::Password),
    ("confirm password", Noun::Password),
    ("password confirm", Noun::Password),
    ("pg password", Noun::Password),
    ("pwd", Noun::Directory),
    ("mysql pwd", Noun::Password),
    ("secret", Noun::Other),
    ("client secret", Noun::Other),
    ("app secret", Noun::Other),
    ("api secret", Noun::Other),
    ("token", Noun::Other),
    ("access token", Noun::Other),
    ("refresh token", Noun::Other),
    ("id token", Noun::Other),
    ("auth token", Noun::Other),
    ("bearer token", Noun::Other),
    ("session token", Noun::Other),
    ("api token", Noun::Other),
    ("csrf token", Noun::Other),
    ("csrf middleware token", Noun::Other),
    ("xsrf token", Noun::Other),
    ("api key", Noun::Other),
    ("access key", Noun::Other),
    ("private key", Noun::Other),
    ("session key", Noun::Other),
    ("secret key", Noun::Other),
    ("secret access key", Noun::Other),
    ("encryption key", Noun::Other),
    ("signing key", Noun::Other),
    ("master key", Noun::Other),
    ("account key", Noun::Other),
    ("subscription key", Noun::Other),
    ("auth key", Noun::Other),
    ("token key", Noun::Other),
    ("authorization", Noun::Header),
    ("cookie", Noun::Header),
    ("set cookie", Noun::Header),
    ("csrf", Noun::Other),
    ("xsrf", Noun::Other),
    ("jwt", Noun::Other),
    ("bearer", Noun::Other),
    ("credential", Noun::Group),
    ("otp", Noun::Other),
    ("totp", Noun::Other),
    ("totp seed", Noun::Other),
    ("otp seed", Noun::Other),
    ("recovery code", Noun::Groups),
    ("backup code", Noun::Groups),
    ("cvv", Noun::Other),
    ("card number", Noun::Groups),
    ("iban", Noun::Groups),
    ("ssn", Noun::Groups),
    ("cvc", Noun::Other),
    ("social security number", Noun::Groups),
    ("jsessionid", Noun::Other),
    (IN_ONE_WORD, Noun::Other),
    ("phpsessid", Noun::Other),
    ("otp code", Noun::Other),
    ("totp code", Noun::Other),
    ("cc number", Noun::Groups),
    ("amz signature", Noun::Other),
    ("goog signature", Noun::Other),
];

/// The cookie of a session, as Django and others name it. A `session_id` in two words is nearly
/// always a number that people may see.
const IN_ONE_WORD: &str = "sessionid";

/// Words at the end of a name that say only in which form or role the secret is there.
const FORMS: [&[u8]; 37] = [
    b"value",
    b"values",
    b"hash",
    b"hashed",
    b"digest",
    b"raw",
    b"plain",
    b"plaintext",
    b"cleartext",
    b"string",
    b"str",
    b"binary",
    b"header",
    b"old",
    b"new",
    b"current",
    b"previous",
    b"original",
    b"confirm",
    b"confirmation",
    b"again",
    b"repeat",
    b"retype",
    b"encrypted",
    b"encoded",
    b"enc",
    b"base",
    b"b",
    b"hex",
    b"bytes",
    b"env",
    b"input",
    b"default",
    b"before",
    b"after",
    b"pem",
    b"salt",
];

/// Words at the start of a name or before its noun that make it a statement about a secret, or a
/// number.
const STATEMENTS: [&[u8]; 36] = [
    b"is",
    b"are",
    b"has",
    b"have",
    b"had",
    b"was",
    b"no",
    b"non",
    b"not",
    b"needs",
    b"need",
    b"requires",
    b"require",
    b"required",
    b"uses",
    b"use",
    b"allow",
    b"allows",
    b"enable",
    b"enabled",
    b"disable",
    b"disabled",
    b"show",
    b"hide",
    b"can",
    b"should",
    b"must",
    b"missing",
    b"min",
    b"max",
    b"num",
    b"n",
    b"total",
    b"count",
    b"with",
    b"without",
];

/// Those of [`STATEMENTS`] that are about the next word only.
const QUANTITIES: [&[u8]; 14] =
    [b"had", b"was", b"no", b"non", b"not", b"missing", b"min", b"max", b"num", b"n", b"total", b"count", b"with", b"without"];

/// Words directly before `token` that make it a page cursor, a count or an identifier.
const OTHER_TOKENS: [&[u8]; 24] = [
    b"next",
    b"page",
    b"paging",
    b"pagination",
    b"continuation",
    b"continue",
    b"cursor",
    b"sync",
    b"delta",
    b"skip",
    b"prompt",
    b"completion",
    b"input",
    b"output",
    b"reasoning",
    b"cached",
    b"remaining",
    b"used",
    b"max",
    b"min",
    b"num",
    b"total",
    b"idempotency",
    b"elevated",
];

/// A set of names of secrets: in each spelling, what it names, and the name as it was listed.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictionary(HashMap<Box<[u8]>, (Secret, Arc<str>)>);

impl Dictionary {
    /// The names of the standard policy.
    pub(super) fn standard() -> Dictionary {
        let mut names = Dictionary::default();
        for (name, noun) in &STANDARD {
            names.add(name, *noun, name);
        }
        names
    }

    /// Adds a name, with and without its blanks, in the singular and the plural.
    pub(super) fn add(&mut self, name: &str, noun: Noun, listed: &str) {
        let listed: Arc<str> = listed.into();
        let secret = |is_plural| (Secret { noun, is_plural, is_stated: false }, Arc::clone(&listed));
        for spelled in [name.to_owned(), name.replace(' ', "")] {
            self.0.insert(format!("{spelled}s").into_bytes().into(), secret(true));
            self.0.insert(spelled.into_bytes().into(), secret(false));
        }
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds the secret that a name names: its last words, apart from digits and words that say a
    /// form, are in the set, and no word before makes it something else.
    pub(super) fn find(&self, name: &Name) -> Option<Secret> {
        self.entry(name).map(|(_, secret)| secret)
    }

    /// Finds the listed name that a name ends with, and what it names.
    pub(super) fn entry(&self, name: &Name) -> Option<(&str, Secret)> {
        let mut end = name.words();
        loop {
            let entry = |from: usize| {
                let spelled = name.range(from, end);
                let is_split = end - from > 1 && spelled == IN_ONE_WORD.as_bytes();
                Some((from, self.0.get(spelled).filter(|_| !is_split)?))
            };
            let found = (end.saturating_sub(4)..end).rev().find_map(entry);
            if let Some((from, (secret, listed))) = found {
                let is_stated = is_statement(name, from);
                let is_other = is_something_else(name, from, end) || (is_stated && secret.is_plural);
                return (!is_other).then_some((listed, Secret { is_stated, ..*secret }));
            }
            let last = name.word(end.checked_sub(1)?);
            if end == 1 || !(last.iter().all(u8::is_ascii_digit) || FORMS.contains(&last)) {
                return None;
            }
            end -= 1;
        }
    }
}

/// Whether the words before a noun make it a cursor, a public key or token, or a product.
fn is_something_else(name: &Name, noun: usize, end: usize) -> bool {
    let Some(before) = noun.checked_sub(1) else { return false };
    let is_token = name.word(noun).starts_with(b"token");
    let is_public = (0..noun).any(|at| name.word(at) == b"public")
        && (noun..end).any(|at| [&b"key"[..], b"token"].iter().any(|public| name.word(at).starts_with(public)));
    let is_product = name.range(before, noun + 1) == b"1password";
    is_product || is_public || (is_token && OTHER_TOKENS.contains(&name.word(before)))
}

/// Whether the words before a noun make it a flag or a number. A verb may be the first word of
/// several; what says how many is directly before the noun: `no_password`, but not
/// `NO_REPLY_EMAIL_PASSWORD`.
fn is_statement(name: &Name, noun: usize) -> bool {
    let is_verb = |word: &[u8]| STATEMENTS.contains(&word) && !QUANTITIES.contains(&word);
    noun.checked_sub(1).is_some_and(|before| is_verb(name.word(0)) || STATEMENTS.contains(&name.word(before)))
}

/// Whether a name says only a role or a form, so that under the name of a secret its value is the
/// secret: `{"password": {"old": …, "new": …}}`.
pub(super) fn is_form(name: &Name) -> bool {
    const ROLES: [&[u8]; 11] =
        [b"from", b"to", b"text", b"content", b"data", b"secret", b"key", b"array", b"kvlist", b"int", b"double"];
    let says_form = |word: &[u8]| FORMS.contains(&word) || ROLES.contains(&word) || word.iter().all(u8::is_ascii_digit);
    name.words() > 0 && (0..name.words()).all(|at| says_form(name.word(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_last_words() {
        let names = Dictionary::standard();
        let find = |name: &str| names.find(&Name::new(name.as_bytes()));
        let secret = |noun, is_plural| Some(Secret { noun, is_plural, is_stated: false });
        assert_eq!(find("user_password2"), secret(Noun::Password, false));
        assert_eq!(find("X-Api-Key"), secret(Noun::Other, false));
        assert_eq!(find("accessTokens"), secret(Noun::Other, true));
        assert_eq!(find("cookie_header_value"), secret(Noun::Header, false));
        assert_eq!(find("has_password"), Some(Secret { noun: Noun::Password, is_plural: false, is_stated: true }));
        for other in
            ["token_type", "NextToken", "ProcessName", "has_passwords", "value", "", "1", "pass_word_count", "PublicKeyToken"]
        {
            assert_eq!(find(other), None, "{other}");
        }
    }

    #[test]
    fn old_and_new_say_only_a_role() {
        let is_form = |name: &str| is_form(&Name::new(name.as_bytes()));
        assert!(["old", "new_value", "value1", "from"].into_iter().all(is_form));
        assert!(!["id", "type", "expires_at", ""].into_iter().any(is_form));
    }
}
