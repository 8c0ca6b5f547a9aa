//! What is left out of the search index because it is being erased.

use audit_domain::ErasureRecord;

/// The values that an erasure is about to erase, or none.
pub(crate) struct Erasing<'r>(Option<&'r ErasureRecord>);

impl<'r> Erasing<'r> {
    /// Nothing is being erased.
    pub(crate) const NOTHING: Erasing<'static> = Erasing(None);

    pub(crate) fn new(record: &'r ErasureRecord) -> Erasing<'r> {
        Erasing(Some(record))
    }

    /// The slots of the entry at a position that are being erased.
    pub(crate) fn slots_at(&self, position: i64) -> &'r [u8] {
        let record = self.0.filter(|record| record.next_from(position) == Some(position));
        record.map_or(&[], |record| record.slots.as_slice())
    }
}
