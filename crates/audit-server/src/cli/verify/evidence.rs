//! Recognizes what a file is by its content.

use std::io::{self, BufRead, Chain, Cursor, Read};

use audit_http::store::domain::Members;
use audit_http::store::domain::log::{DOCUMENT_BYTES_MAX, EntryProof, ProofFile};

use crate::lines::Lines;

/// What can be verified.
pub(super) enum Evidence {
    /// The proof of an entry as a JSON document.
    Proof(Box<EntryProof>),
    /// The proof of a leaf in the form of C2SP tlog-proof.
    ProofFile(Box<ProofFile>),
    /// The lines of a bundle, from the first one on.
    Bundle(BundleLines),
}

pub(super) type BundleLines = Lines<Chain<Cursor<Vec<u8>>, Box<dyn BufRead>>>;

/// What the first line of a proof file begins with, in any version.
const PROOF_FILE_START: &[u8] = b"c2sp.org/tlog-proof";

/// Recognizes the content of a file. A bundle is the only kind that may be large, so it is the only one that
/// is not read to its end. The error says why the file is none of them.
pub(super) fn recognize(mut input: Box<dyn BufRead>) -> Result<Evidence, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let mut start = Vec::new();
    input.by_ref().take(DOCUMENT_BYTES_MAX as u64 + 1).read_until(b'\n', &mut start).map_err(unreadable)?;
    if is_header(&start) {
        return Ok(Evidence::Bundle(Lines::up_to(DOCUMENT_BYTES_MAX, Cursor::new(start).chain(input))));
    }
    let room = (DOCUMENT_BYTES_MAX + 1).saturating_sub(start.len());
    input.take(room as u64).read_to_end(&mut start).map_err(unreadable)?;
    if start.len() > DOCUMENT_BYTES_MAX {
        return Err(format!("is not a bundle, and a proof has at most {DOCUMENT_BYTES_MAX} bytes"));
    }
    let is_proof_file = start.starts_with(PROOF_FILE_START);
    let text = String::from_utf8(start).map_err(|_| "is neither a proof nor a bundle: it is not UTF-8".to_owned())?;
    if is_proof_file {
        return text.parse().map(Box::new).map(Evidence::ProofFile).map_err(|error| format!("is not a tlog-proof file: {error}"));
    }
    let proof = text.parse().map(Box::new).map(Evidence::Proof);
    proof.map_err(|error| format!("is neither the JSON of a proof, nor a tlog-proof file, nor a bundle: {error}"))
}

/// Whether a line is that of a bundle: a JSON object with a member `format`.
fn is_header(line: &[u8]) -> bool {
    let members = str::from_utf8(line).ok().and_then(|line| Members::parse_limited(line).ok());
    members.is_some_and(|members| members.last("format").is_some())
}
