//! Finds known lines after new ones among the lines without a uuid. A file that has grown, or whose
//! import was interrupted, has its known lines first and the new ones after them. Otherwise it is
//! not the file that was imported before.

use crate::source::SourceLine;

/// The outcomes of the lines without a uuid of the current file.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    first_new: Option<SourceLine>,
    found: Option<Repeat>,
}

/// Known lines after a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// The first line that was new.
    pub(crate) first_new: SourceLine,
    /// The first line after it that was known.
    pub(crate) first_known: SourceLine,
    /// How many were known after it.
    pub(crate) known: u64,
}

impl Repeats {
    /// Notes the outcome of a line, in the order of the file. Lines with a uuid of their own do not
    /// count.
    pub(crate) fn note(&mut self, place: SourceLine, is_known: bool) {
        if place.has_own_uuid {
            return;
        }
        match (self.first_new, is_known) {
            (None, false) => self.first_new = Some(place),
            (Some(first_new), true) => {
                let repeat = self.found.get_or_insert(Repeat { first_new, first_known: place, known: 0 });
                repeat.known += 1;
            }
            _ => {}
        }
    }

    /// Takes the repeat of the file; the next file starts again.
    pub(crate) fn take(&mut self) -> Option<Repeat> {
        std::mem::take(self).found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u64) -> SourceLine {
        SourceLine { file: 0, line, has_own_uuid: false }
    }

    fn after(known: &[bool]) -> Option<(u64, u64, u64)> {
        let mut repeats = Repeats::default();
        for (index, known) in known.iter().enumerate() {
            repeats.note(place(index as u64 + 1), *known);
        }
        let found = repeats.take().map(|repeat| (repeat.first_new.line, repeat.first_known.line, repeat.known));
        assert_eq!(repeats.take(), None);
        found
    }

    #[test]
    fn only_known_lines_after_a_new_one_are_a_repeat() {
        for natural in [&[][..], &[true, true], &[false, false], &[true, true, false, false]] {
            assert_eq!(after(natural), None, "{natural:?}");
        }
        assert_eq!(after(&[true, false, false, true, false, true]), Some((2, 4, 2)));
        let mut repeats = Repeats::default();
        repeats.note(place(1), false);
        repeats.note(SourceLine { has_own_uuid: true, ..place(2) }, true);
        assert_eq!(repeats.take(), None, "a client's retry is not a repeat");
    }
}
