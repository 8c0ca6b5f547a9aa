//! The last line of a bundle. Without it, the bundle was cut.

use std::fmt::{self, Display, Formatter};

use crate::json::ObjectWriter;
use crate::log::document::{DocumentError, Object, PATH_MAX};
use crate::log::node::NodeHash;
use crate::log::trust::write_hashes;

pub(super) const MEMBERS: &[&str] = &["entries", "right"];

/// Hashes of the longest right frontier: subtrees that grow, and then become smaller.
const RIGHT_MAX: usize = 2 * PATH_MAX;

/// The last line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFooter {
    /// The number of entries in the bundle.
    pub entries: u64,
    /// In a bundle of a range, the hashes of the subtrees after it: those of the nodes of
    /// [`Node::cover(to, size)`](crate::log::Node::cover).
    pub right: Option<Vec<NodeHash>>,
}

impl BundleFooter {
    /// The last line of a bundle of a range.
    #[must_use]
    pub fn range(entries: u64, right: Vec<NodeHash>) -> BundleFooter {
        BundleFooter { entries, right: Some(right) }
    }

    /// The last line of a filtered bundle.
    #[must_use]
    pub fn filtered(entries: u64) -> BundleFooter {
        BundleFooter { entries, right: None }
    }

    /// Reads the last line of a bundle, which has `right` exactly if the bundle is one of a range.
    pub(super) fn read(line: &str, is_range: bool) -> Result<BundleFooter, DocumentError> {
        let line = Object::parse(line, if is_range { MEMBERS } else { &["entries"] })?;
        let right = if is_range { Some(line.hashes("right", RIGHT_MAX)?) } else { None };
        Ok(BundleFooter { entries: line.number("entries")?, right })
    }
}

/// Formats the line, without its line feed.
impl Display for BundleFooter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.raw("entries", &self.entries.to_string());
        if let Some(right) = &self.right {
            object.nested("right", |out| write_hashes(right, out));
        }
        object.end();
        f.write_str(&out)
    }
}
