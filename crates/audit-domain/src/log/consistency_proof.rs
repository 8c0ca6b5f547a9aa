//! The consistency proof of two trees of a log as one JSON document.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::document::{DocumentError, Object};
use super::node::NodeHash;
use super::trust::write_hashes;
use crate::json::ObjectWriter;

/// Hashes of the longest consistency proof: the height of the largest tree, and one more.
const HASHES_MAX: usize = 65;

/// The proof that a tree of a log begins with all leaves of an older one. Nothing of it is verified:
/// [`Checkpoint::verify_follows`](super::Checkpoint::verify_follows) does that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The size of the older tree.
    pub from: u64,
    /// The size of the newer tree.
    pub to: u64,
    /// The hashes (RFC 9162, 2.1.4).
    pub consistency: Vec<NodeHash>,
}

/// Formats the document, as compact JSON.
impl Display for ConsistencyProof {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.raw("from", &self.from.to_string()).raw("to", &self.to.to_string());
        object.nested("consistency", |out| write_hashes(&self.consistency, out));
        object.end();
        f.write_str(&out)
    }
}

impl FromStr for ConsistencyProof {
    type Err = DocumentError;

    fn from_str(text: &str) -> Result<ConsistencyProof, DocumentError> {
        let document = Object::parse(text, &["from", "to", "consistency"])?;
        Ok(ConsistencyProof {
            from: document.number("from")?,
            to: document.number("to")?,
            consistency: document.hashes("consistency", HASHES_MAX)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_back_and_others_are_refused() {
        let proof = ConsistencyProof { from: 3, to: 9, consistency: vec![NodeHash([7; 32]); 4] };
        let text = proof.to_string();
        assert!(text.starts_with(r#"{"from":3,"to":9,"consistency":["0707"#), "{text}");
        assert_eq!(text.parse(), Ok(proof));
        for (other, why) in [
            (r#"{"from":3,"to":9}"#, "`consistency` is missing"),
            (r#"{"from":3,"to":9,"consistency":[],"size":9}"#, "`size` is unknown: the members are from, to, consistency"),
            (r#"{"from":-1,"to":9,"consistency":[]}"#, "`from` must be an integer from 0 to 18446744073709551615 (got -1)"),
        ] {
            assert_eq!(other.parse::<ConsistencyProof>().unwrap_err().to_string(), why);
        }
    }
}
