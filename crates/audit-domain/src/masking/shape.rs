//! Values that are secrets by their form: keys with a known prefix, JWTs, PEM blocks, the
//! credentials of `Authorization` headers and of URLs.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::Regex;

/// The needle of each form, and a pattern for the text from the needle on. If the pattern has a
/// group, the group is the secret, otherwise all of it.
const SHAPES: [(&str, &str); 53] = [
    ("ghp_", r"ghp_[A-Za-z0-9]{36,255}"),
    ("gho_", r"gho_[A-Za-z0-9]{36,255}"),
    ("ghu_", r"ghu_[A-Za-z0-9]{36,255}"),
    ("ghs_", r"ghs_[A-Za-z0-9]{36,255}"),
    ("ghr_", r"ghr_[A-Za-z0-9]{36,255}"),
    ("github_pat_", r"github_pat_[A-Za-z0-9_]{36,255}"),
    ("glpat-", r"glpat-[A-Za-z0-9_-]{20,}"),
    ("glrt-", r"glrt-[A-Za-z0-9_-]{20,}"),
    ("gldt-", r"gldt-[A-Za-z0-9_-]{20,}"),
    ("glcbt-", r"glcbt-[A-Za-z0-9_-]{20,}"),
    ("sk-or-v1-", r"sk-or-v1-[A-Za-z0-9]{32,}"),
    ("sk-svcacct-", r"sk-svcacct-[A-Za-z0-9_-]{20,}"),
    ("gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    ("gocspx-", r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    ("atatt3x", r"ATATT3x[A-Za-z0-9_=-]{50,}"),
    ("dapi", r"(dapi[a-f0-9]{32})(?:[^0-9A-Za-z]|\z)"),
    ("lin_api_", r"lin_api_[A-Za-z0-9]{30,}"),
    ("dckr_pat_", r"dckr_pat_[A-Za-z0-9_-]{20,}"),
    ("rubygems_", r"rubygems_[a-f0-9]{48}"),
    ("shpca_", r"shpca_[a-fA-F0-9]{32}"),
    ("shppa_", r"shppa_[a-fA-F0-9]{32}"),
    ("xkeysib-", r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    ("glsa_", r"glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}"),
    ("tskey-", r"tskey-[a-z]+-[A-Za-z0-9-]{20,}"),
    ("sntrys_", r"sntrys_[A-Za-z0-9+/=_-]{40,}"),
    ("pscale_tkn_", r"pscale_tkn_[A-Za-z0-9_.-]{30,}"),
    ("hooks.slack.com/services/", r"hooks\.slack\.com/services/(T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,})"),
    ("xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("xapp-", r"xapp-[A-Za-z0-9-]{20,}"),
    ("sk_live_", r"sk_live_[A-Za-z0-9]{16,}"),
    ("sk_test_", r"sk_test_[A-Za-z0-9]{16,}"),
    ("rk_live_", r"rk_live_[A-Za-z0-9]{16,}"),
    ("rk_test_", r"rk_test_[A-Za-z0-9]{16,}"),
    ("whsec_", r"whsec_[A-Za-z0-9+/]{16,}=*"),
    ("sk-ant-", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("sk-proj-", r"sk-proj-[A-Za-z0-9_-]{20,}"),
    ("sk-", r"sk-[A-Za-z0-9]{32,}"),
    ("hvs.", r"hvs\.[A-Za-z0-9_-]{24,}"),
    ("age-secret-key-", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"),
    ("akia", r"(AKIA[0-9A-Z]{16})(?:[^0-9A-Za-z]|\z)"),
    ("aiza", r"AIza[A-Za-z0-9_-]{35}"),
    ("ya29.", r"ya29\.[A-Za-z0-9_-]{20,}"),
    ("npm_", r"npm_[A-Za-z0-9]{36}"),
    ("pypi-", r"pypi-[A-Za-z0-9_-]{50,}"),
    ("hf_", r"hf_[A-Za-z0-9]{30,}"),
    ("dop_v1_", r"dop_v1_[a-f0-9]{64}"),
    ("shpat_", r"shpat_[a-fA-F0-9]{32}"),
    ("shpss_", r"shpss_[a-fA-F0-9]{32}"),
    ("sg.", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("eyj", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+){0,2}"),
    ("basic ", r"(?i:basic) +([A-Za-z0-9+/_-]{6,}={0,2})"),
    ("bearer ", r"(?i:bearer) +([A-Za-z0-9._~+/-]{12,}=*)"),
    ("token ", r"(?i:token) +([0-9a-f]{40})(?:[^0-9A-Za-z]|\z)"),
];

/// How the labels of blocks end that are published: certificates, public keys, signatures.
const PUBLIC_BLOCKS: [&[u8]; 8] = [
    b"CERTIFICATE",
    b"PUBLIC KEY",
    b"PUBLIC KEY BLOCK",
    b"CERTIFICATE REQUEST",
    b"CRL",
    b"PARAMETERS",
    b"SIGNATURE",
    b"SIGNED MESSAGE",
];

/// The needle of a PEM block.
pub(super) const PEM_NEEDLE: &str = "-----begin ";

/// The forms, ready to be compared.
#[derive(Debug, Clone)]
pub(super) struct Shapes(Vec<Regex>);

impl Shapes {
    /// Compiles the patterns of this file.
    pub(super) fn new() -> Result<Shapes, regex::Error> {
        let anchored = |pattern: &str| Regex::new(&format!(r"(?-u)\A(?:{pattern})"));
        SHAPES.iter().map(|(_, pattern)| anchored(pattern)).collect::<Result<_, _>>().map(Shapes)
    }

    /// The needles, in the order of their numbers.
    pub(super) fn needles() -> impl Iterator<Item = &'static str> {
        SHAPES.iter().map(|(needle, _)| *needle)
    }

    /// What people call a form: the first characters of a key, or a word.
    pub(super) fn label(shape: usize) -> &'static str {
        match SHAPES[shape].0 {
            "eyj" => "jwt",
            needle => needle.trim_end(),
        }
    }

    /// Whether the secret may have a slash, which some programs escape in JSON.
    pub(super) fn may_be_escaped(&self, shape: usize) -> bool {
        SHAPES[shape].1.contains("/")
    }

    /// Finds the secret of a form whose needle is at an offset.
    pub(super) fn find(&self, shape: usize, text: &[u8], at: usize) -> Option<(usize, usize)> {
        if at > 0 && is_key_byte(text[at - 1]) && !is_escape(text, at) {
            return None;
        }
        let found = self.0.get(shape)?.captures(&text[at..])?;
        let secret = found.get(1).or(found.get(0))?;
        let (from, to) = (at + secret.start(), at + secret.end());
        let is_secret = match SHAPES[shape].0 {
            "basic " => is_basic(&text[from..to]),
            "bearer " => is_token(&text[from..to]),
            _ => true,
        };
        is_secret.then_some((from, to))
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Whether the byte before an offset ends an escape, such as the `n` of `\n` or the digits of `%3D`.
pub(super) fn is_escape(text: &[u8], at: usize) -> bool {
    let before = |distance: usize| at.checked_sub(distance).and_then(|at| text.get(at)).copied();
    before(2) == Some(b'\\') || before(3) == Some(b'%') || (before(6) == Some(b'\\') && before(5) == Some(b'u'))
}

/// Whether the parameter of a `Basic` header is one: in base64, a name and a password.
fn is_basic(parameter: &[u8]) -> bool {
    let end = parameter.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let decoded = STANDARD_NO_PAD.decode(&parameter[..end]).or_else(|_| URL_SAFE_NO_PAD.decode(&parameter[..end]));
    decoded.is_ok_and(|pair| pair.contains(&b':') && pair.iter().all(|byte| *byte >= b' '))
}

/// Whether the parameter of a `Bearer` header is one: not a word, nor several.
fn is_token(parameter: &[u8]) -> bool {
    const WORD_BYTES_MAX: usize = 24;
    let capitals = parameter.iter().skip(1).filter(|byte| byte.is_ascii_uppercase()).count();
    let is_mixed = capitals > 2 && parameter.iter().any(u8::is_ascii_lowercase);
    is_mixed || parameter.iter().any(u8::is_ascii_digit) || parameter.len() > WORD_BYTES_MAX
}

/// Finds the content of a PEM block whose first dashes are at an offset: what is between its first
/// and its last line, or the rest of the text. What is published is not a secret.
pub(super) fn pem(text: &[u8], at: usize) -> Option<(usize, usize)> {
    const LABEL_BYTES_MAX: usize = 64;
    let label = &text[at + PEM_NEEDLE.len()..];
    let dashes = memchr::memmem::find(&label[..label.len().min(LABEL_BYTES_MAX)], b"-----")?;
    let (label, from) = (&label[..dashes], at + PEM_NEEDLE.len() + dashes + 5);
    let is_public = PUBLIC_BLOCKS.iter().any(|public| label.ends_with(public));
    if is_public || text[from..].starts_with(super::edits::MASK.as_bytes()) {
        return None;
    }
    let to = memchr::memmem::find(&text[from..], b"-----END").map_or(text.len(), |end| from + end);
    (from < to).then_some((from, to))
}

/// Finds the password of a URL whose `@` is at an offset: `scheme://user:password@`. A password may
/// have an `@` of its own, which the range that was found before ends at.
pub(super) fn url_password(text: &[u8], at: usize, before: Option<(usize, usize)>) -> Option<(usize, usize)> {
    const USER_BYTES_MAX: usize = 1024;
    let floor = at.saturating_sub(USER_BYTES_MAX);
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>/?#@".contains(byte);
    let stop = floor + text[floor..at].iter().rposition(is_end)?;
    if let Some((from, to)) = before
        && text[stop] == b'@'
        && to == stop
    {
        return Some((from, at));
    }
    if !(text[..=stop].ends_with(b"://") || text[..=stop].ends_with(b":\\/\\/")) {
        return None;
    }
    let from = stop + 2 + memchr::memchr(b':', &text[stop + 1..at])?;
    (from < at && &text[from..at] != super::edits::MASK.as_bytes()).then_some((from, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_needle_starts_its_pattern() {
        let shapes = Shapes::new().unwrap();
        assert_eq!(shapes.0.len(), SHAPES.len());
        for (needle, pattern) in SHAPES {
            let spelled = pattern.replace("(?i:", "").replace(['(', ')', '\\'], "").to_lowercase();
            assert!(spelled.starts_with(needle.trim_end()), "{needle} {pattern}");
        }
    }

    #[test]
    fn basic_is_a_name_and_a_password() {
        assert!(is_basic(b"dXNlcjpwYXNz") && is_basic(b"dXNlcjpwYXM="));
        assert!(!is_basic(b"authentication") && !is_basic(b"Information"));
    }

    #[test]
    fn a_password_of_a_url_may_have_an_at_sign() {
        let text = b"see postgres://u:p@ss@host/a@b";
        let first = url_password(text, 18, None);
        assert_eq!(first, Some((17, 18)));
        assert_eq!(url_password(text, 21, first), Some((17, 21)));
        assert_eq!(url_password(text, 28, Some((17, 21))), None);
        for other in ["mail me:x@y", "https://host/a:b@c", "https://user@host", "git@host:x@y"] {
            let at = other.rfind('@').unwrap();
            assert_eq!(url_password(other.as_bytes(), at, None), None, "{other}");
        }
    }
}
