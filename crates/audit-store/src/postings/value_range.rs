//! Ranges of the values of a dimension.

use super::term::Dimension;

/// Values of a dimension, as in their terms: from one on, up to another, which is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValueRange {
    pub(crate) from: Vec<u8>,
    pub(crate) to: Option<Vec<u8>>,
}

impl ValueRange {
    /// All values.
    pub(crate) fn whole() -> ValueRange {
        ValueRange { from: Vec::new(), to: None }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.from.is_empty() && self.to.is_none()
    }

    pub(crate) fn has(&self, value: &[u8]) -> bool {
        self.from.as_slice() <= value && self.to.as_deref().is_none_or(|to| value < to)
    }

    /// The half-open range of the terms.
    pub(super) fn terms(&self, dimension: Dimension) -> (Vec<u8>, Vec<u8>) {
        let term = |value: &[u8]| [&[dimension as u8], value].concat();
        let end = self.to.as_deref().map_or_else(|| vec![dimension as u8 + 1], term);
        (term(&self.from), end)
    }
}
