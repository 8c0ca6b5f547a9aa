//! Where in a text a needle may be: a filter before the automaton.
//!
//! Of each needle, the filter knows three neighbouring characters, the rarest ones. It looks up every
//! second pair of characters of the text in a table, the third character if the pair is one of a
//! needle, and the whole needle if all three are. An automaton for all needles looks at each
//! character instead, and each of its steps waits for the one before.

/// The most frequent pairs of characters in JSON and in logs, the most frequent first.
const BY_FREQUENCY: &[u8] = b"\":,\"  :\"er\",cose, onre^^ates in' steite\"mentorurthtia00: amentidehveleidrsnalol\"omrlceancttt\
    ioelalgiust_asocneartoubostpllsscagesiacrodohtndowd\"headpsueexodhuraimeedpot\"malieatre ethailprispicbachshrdni";

/// The pair starts the three characters of a needle.
const FIRST: u8 = 1;
/// The pair ends the three characters of a needle.
const SECOND: u8 = 2;
/// One character of the pair is a needle by itself.
const ALONE: u8 = 4;

/// Pairs that are looked up at once.
const CHUNK_BYTES: usize = 16;

/// The filter for a set of needles.
#[derive(Clone)]
pub(super) struct Triples {
    needles: Vec<Vec<u8>>,
    pairs: Box<[u8; 1 << 16]>,
    /// For each hash of three characters, the number of its group, from 1.
    hashes: Box<[u8; HASHES]>,
    /// Needles with such three characters: the number of each, and where the three are in it.
    groups: Vec<Vec<(usize, usize)>>,
    /// Needles that are known by their first character alone.
    alone: Vec<usize>,
}

/// Hashes of three characters.
const HASHES: usize = 1 << 13;

impl std::fmt::Debug for Triples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Triples")
    }
}

impl Triples {
    /// Builds the filter for needles in lower case. A needle of fewer than three characters counts
    /// by its first character alone, and so does any needle after the first 250 groups.
    pub(super) fn new<'a>(needles: impl Iterator<Item = &'a [u8]>) -> Triples {
        let mut filter = Triples {
            needles: needles.map(<[u8]>::to_vec).collect(),
            pairs: Box::new([0; 1 << 16]),
            hashes: Box::new([0; HASHES]),
            groups: Vec::new(),
            alone: Vec::new(),
        };
        for number in 0..filter.needles.len() {
            let needle = &filter.needles[number];
            let triples = needle.windows(3).enumerate();
            let rarest =
                triples.min_by_key(|(_, triple)| frequency(triple)).map(|(at, triple)| (at, [triple[0], triple[1], triple[2]]));
            match (rarest, needle.first().copied()) {
                (Some((at, triple)), _) if filter.add(number, at, triple) => {}
                (_, Some(first)) => {
                    filter.alone.push(number);
                    filter.add_alone(first);
                }
                _ => {}
            }
        }
        filter
    }

    fn add(&mut self, number: usize, at: usize, [a, b, c]: [u8; 3]) -> bool {
        let group = &mut self.hashes[hash(a, b, c)];
        if *group == 0 {
            let Some(next) = u8::try_from(self.groups.len() + 1).ok().filter(|next| *next <= 250) else { return false };
            *group = next;
            self.groups.push(Vec::new());
        }
        self.groups[usize::from(*group) - 1].push((number, at));
        for (first, second, mark) in [(a, b, FIRST), (b, c, SECOND)] {
            for first in cases(first) {
                for second in cases(second) {
                    self.pairs[usize::from(u16::from_le_bytes([first, second]))] |= mark;
                }
            }
        }
        true
    }

    fn add_alone(&mut self, alone: u8) {
        for (other, alone) in (0..=u8::MAX).flat_map(|other| cases(alone).map(|alone| (other, alone))) {
            for pair in [[alone, other], [other, alone]] {
                self.pairs[usize::from(u16::from_le_bytes(pair))] |= ALONE;
            }
        }
    }

    /// Whether a needle in the text satisfies a condition, which gets its number and its range.
    pub(super) fn any(&self, text: &[u8], mut is_found: impl FnMut(usize, usize, usize) -> bool) -> bool {
        let (chunks, rest) = text.as_chunks::<CHUNK_BYTES>();
        for (number, chunk) in chunks.iter().enumerate() {
            let mut marks = self.marks(chunk);
            while marks != 0 {
                let pair = marks.trailing_zeros() as usize / 8;
                if self.is_place(text, number * CHUNK_BYTES + 2 * pair, &mut is_found) {
                    return true;
                }
                marks &= !(0xFF << (8 * pair));
            }
        }
        let start = text.len() - rest.len();
        (start..text.len().saturating_sub(1)).step_by(2).any(|at| self.is_place(text, at, &mut is_found))
    }

    /// The marks of the pairs of a chunk, one in each byte.
    fn marks(&self, chunk: &[u8; CHUNK_BYTES]) -> u64 {
        let (pairs, _) = chunk.as_chunks::<2>();
        let mark = |pair: usize| u64::from(self.pairs[usize::from(u16::from_le_bytes(pairs[pair]))]) << (8 * pair);
        (mark(0) | mark(1) | mark(2) | mark(3)) | (mark(4) | mark(5) | mark(6) | mark(7))
    }

    /// Whether a needle at a pair satisfies the condition.
    fn is_place(&self, text: &[u8], at: usize, is_found: &mut impl FnMut(usize, usize, usize) -> bool) -> bool {
        let mark = self.pairs[usize::from(u16::from_le_bytes([text[at], text[at + 1]]))];
        let mut is_needle = |number: usize, from: Option<usize>| {
            let Some(from) = from else { return false };
            let needle = &self.needles[number];
            let is_there = text.get(from..from + needle.len()).is_some_and(|found| found.eq_ignore_ascii_case(needle));
            is_there && is_found(number, from, from + needle.len())
        };
        let mut has_triple = |start: usize| {
            let group = text.get(start..start + 3).map_or(0, |triple| self.hashes[hash(triple[0], triple[1], triple[2])]);
            group > 0
                && self.groups[usize::from(group) - 1].iter().any(|(number, offset)| is_needle(*number, start.checked_sub(*offset)))
        };
        (mark & FIRST != 0 && has_triple(at))
            || (mark & SECOND != 0 && at > 0 && has_triple(at - 1))
            || (mark & ALONE != 0
                && self.alone.iter().any(|number| is_needle(*number, Some(at)) || is_needle(*number, Some(at + 1))))
    }
}

/// A hash that is the same for upper and lower case.
fn hash(a: u8, b: u8, c: u8) -> usize {
    let [a, b, c] = [a, b, c].map(|byte| usize::from(byte | 0x20));
    (a * 1013 + b * 89 + c * 7) % HASHES
}

fn cases(byte: u8) -> [u8; 2] {
    [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]
}

/// How frequent the pairs of a triple are.
fn frequency(triple: &[u8]) -> usize {
    let (known, _) = BY_FREQUENCY.as_chunks::<2>();
    let of = |pair: &[u8]| known.iter().rev().position(|known| known == pair).map_or(0, |place| 10 + place);
    triple.windows(2).map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_needle_is_found_at_each_offset_in_either_case() {
        let needles = ["password", "ssn", "@", "%6", "\\u006"];
        let filter = Triples::new(needles.iter().map(|needle| needle.as_bytes()));
        for needle in needles.iter().flat_map(|needle| [needle.to_string(), needle.to_uppercase().replace('U', "u")]) {
            for before in 0..40 {
                for after in 1..20 {
                    let text = format!("{}{needle}{}", "x".repeat(before), "y".repeat(after));
                    let is_there = |_: usize, from: usize, to: usize| (from, to) == (before, before + needle.len());
                    assert!(filter.any(text.as_bytes(), is_there), "{text}");
                }
            }
        }
        assert!(!filter.any(b"a text about nothing, with http://example.com/ and 42 words or so", |_, _, _| true));
    }
}
