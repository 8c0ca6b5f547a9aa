//! The search for needles in a text.
//!
//! The search looks up every second group of three characters in a table, and compares a whole needle
//! only where the table has one. For each needle the table has two neighbouring groups, the rarest:
//! one of them is at an even place wherever the needle is. An automaton for all needles looks at each
//! character instead, and each of its steps waits for the one before.
//!
//! Of a character, the table knows the last five bits, which are the same for upper and lower case.
//! So the table has 32 KiB, and the numbers of four groups are computed at once.

use std::collections::BTreeMap;

/// The most frequent pairs of characters in real records, by the last five bits of each, the most
/// frequent first.
const BY_FREQUENCY: &[u8] =
    b"lbbzzbbler  coseoninreatorebesstittenturl meomocen~~tatoamthpprstp gsogibhooecmott|tveeldeos|ntiz{rldoid\
    {br|ubusngnebutbnalelopsctllodprdbbnz as|rncar}lceiosst_rpanrtgealszhtemrosbbrbscaowtyil||mabpzosindglbe\
    ueadn|mpogbahehubcoapoacextrrbet";

/// Bytes that are looked up at once, and with the rest of the last group.
const STEP_BYTES: usize = 8;
const STEP_REACH: usize = STEP_BYTES + 2;

/// Bytes of a run of digits. Of the fourteen characters or more of a card number, at most seven are
/// before the first run that starts at a step.
const RUN_BYTES: usize = 7;

/// Groups of three characters, by the last five bits of each.
const GROUPS: usize = 1 << 15;

/// What a text may have at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// A needle: its number and its range.
    Needle(usize, usize, usize),
    /// A percent sign, at an offset.
    Percent(usize),
    /// An `@`, at an offset.
    At(usize),
    /// Seven digits or separators in a row as a card number has them, at an offset.
    Digits(usize),
}

/// The search for a set of needles.
#[derive(Clone)]
pub(super) struct Triples {
    needles: Vec<Vec<u8>>,
    /// For each group of three characters, the number of its list, from 1.
    lists_by_group: Box<[u8; GROUPS]>,
    lists: Vec<Vec<Place>>,
}

/// A needle that has a group of three characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    needle: usize,
    /// Where the group is in the needle, plus one.
    start: usize,
    /// The first eight characters of the needle without the bit of their case, and which of them count.
    head: u64,
    mask: u64,
}

/// The bit by which upper and lower case differ, in eight bytes.
const CASE: u64 = 0x2020_2020_2020_2020;

impl Place {
    fn new(number: usize, needle: &[u8], start: usize) -> Place {
        let mask = u64::from_le_bytes(padded(&[0xFF; 8][..needle.len().min(8)])) & !CASE;
        Place { needle: number, start, head: u64::from_le_bytes(padded(needle)) & mask, mask }
    }
}

impl std::fmt::Debug for Triples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Triples")
    }
}

impl Triples {
    /// Builds the search for needles in lower case.
    pub(super) fn new<'a>(needles: impl Iterator<Item = &'a [u8]>) -> Triples {
        let needles: Vec<Vec<u8>> = needles.map(<[u8]>::to_vec).collect();
        let mut by_group: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
        for (number, needle) in needles.iter().enumerate() {
            // A sign is found without the table.
            if needle == b"@" {
                continue;
            }
            let start = (0..needle.len().max(2) - 1).min_by_key(|start| frequency(needle, *start)).unwrap_or(0);
            for start in [start, start + 1] {
                for group in groups(needle, start) {
                    by_group.entry(group).or_default().push(Place::new(number, needle, start));
                }
            }
        }
        let (mut lists, mut lists_by_group) = (Vec::new(), Box::new([0; GROUPS]));
        for (group, list) in by_group {
            let known = lists.iter().position(|known| *known == list).unwrap_or(lists.len());
            if known == lists.len() {
                lists.push(list);
            }
            lists_by_group[group] = u8::try_from(known + 1).unwrap_or(u8::MAX);
        }
        Triples { needles, lists_by_group, lists }
    }

    /// Whether what the text may have at some place satisfies a condition.
    pub(super) fn any(&self, text: &[u8], mut is_found: impl FnMut(Sight) -> bool) -> bool {
        any_step(text, |at, step| self.any_in_step(text, at, step, &mut is_found))
            || memchr::memchr2_iter(b'@', b'%', text)
                .any(|at| is_found(if text[at] == b'@' { Sight::At(at) } else { Sight::Percent(at) }))
    }

    /// Calls back for each needle in a text, in the order of their ends: its number and its range.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(usize, usize, usize)) {
        // The needles whose turn has not come, by their ends: their groups come in another order.
        let mut seen: Vec<(usize, usize, usize)> = Vec::new();
        let mut report = |seen: &mut Vec<(usize, usize, usize)>, end: usize| {
            seen.sort_unstable();
            // A group that has no place of its own in the table finds a needle for each of its lists.
            seen.dedup();
            let ready = seen.partition_point(|(to, ..)| *to <= end);
            seen.drain(..ready).for_each(|(to, from, number)| found(number, from, to));
        };
        any_step(text, |at, step| {
            self.any_in_step(text, at, step, &mut |sight| {
                if let Sight::Needle(number, from, to) = sight {
                    seen.push((to, from, number));
                }
                false
            });
            // A group is in its needle or one character before it, so the next steps see no needle that
            // ends before them.
            if !seen.is_empty() {
                report(&mut seen, at + STEP_BYTES);
            }
            false
        });
        report(&mut seen, text.len());
    }

    #[inline]
    fn any_in_step(&self, text: &[u8], at: usize, step: &[u8; STEP_REACH], is_found: &mut impl FnMut(Sight) -> bool) -> bool {
        let groups = groups_of(step);
        let list = |lane: u32| self.lists_by_group[(groups >> (16 * lane)) as usize % GROUPS];
        let is_listed = list(0) | list(1) | list(2) | list(3) != 0;
        (is_listed | has_run(step)) && self.any_at(text, at, groups, step, is_found)
    }

    #[inline(never)]
    fn any_at(
        &self,
        text: &[u8],
        at: usize,
        groups: u64,
        step: &[u8; STEP_REACH],
        is_found: &mut impl FnMut(Sight) -> bool,
    ) -> bool {
        let any_listed = (0..4).any(|lane| {
            let list = self.lists_by_group[(groups >> (16 * lane)) as usize % GROUPS];
            list != 0 && self.any_in_list(list, text, at + 2 * lane, is_found)
        });
        any_listed || (has_run(step) && is_part_of_card(&step[..RUN_BYTES]) && is_found(Sight::Digits(at)))
    }

    fn any_in_list(&self, list: u8, text: &[u8], at: usize, is_found: &mut impl FnMut(Sight) -> bool) -> bool {
        let lists = &self.lists[usize::from(list) - 1..];
        let lists = if list == u8::MAX { lists } else { &lists[..1] };
        lists.iter().flatten().any(|place| {
            let Some(from) = (at + 1).checked_sub(place.start) else { return false };
            let rest = text.get(from..).unwrap_or_default();
            let head = rest.first_chunk().map_or_else(|| u64::from_le_bytes(padded(rest)), |head| u64::from_le_bytes(*head));
            if head & place.mask != place.head {
                return false;
            }
            let needle = &self.needles[place.needle];
            let is_there = rest.get(..needle.len()).is_some_and(|found| found.eq_ignore_ascii_case(needle));
            is_there && is_found(Sight::Needle(place.needle, from, from + needle.len()))
        })
    }
}

/// Whether a step of a text satisfies a condition: its offset, and its bytes with zeros after the
/// end of the text.
#[inline]
fn any_step(text: &[u8], mut is_met: impl FnMut(usize, &[u8; STEP_REACH]) -> bool) -> bool {
    let mut at = 0;
    while let Some(step) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        if is_met(at, step) {
            return true;
        }
        at += STEP_BYTES;
    }
    (at..text.len()).step_by(STEP_BYTES).any(|at| is_met(at, &padded(&text[at..])))
}

/// The number of a group of three characters.
fn group(a: u8, b: u8, c: u8) -> usize {
    let [a, b, c] = [a, b, c].map(|byte| usize::from(byte & 0x1F));
    a | (b << 5) | (c << 10)
}

/// The numbers of the groups that start at every second byte of a step, each in 16 bits.
#[inline]
fn groups_of(step: &[u8; STEP_REACH]) -> u64 {
    let bytes = |at: usize| step[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let (ab, bc) = (bytes(0), bytes(2));
    (ab & 0x001F_001F_001F_001F) | ((ab >> 3) & 0x03E0_03E0_03E0_03E0) | ((bc & 0x001F_001F_001F_001F) << 10)
}

/// The start of a text with zeros after its end.
fn padded<const LENGTH: usize>(text: &[u8]) -> [u8; LENGTH] {
    let (mut padded, length) = ([0; LENGTH], text.len().min(LENGTH));
    padded[..length].copy_from_slice(&text[..length]);
    padded
}

/// Whether a step starts with a run of digits and separators. Other signs count as separators, and two
/// separators side by side, as in `", "`, are in no card number.
#[inline]
fn has_run(step: &[u8; STEP_REACH]) -> bool {
    const DIGITS: u64 = 0x0000_1010_1010_1010;
    let bytes = step.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let is_run = (bytes ^ 0x0020_2020_2020_2020) & 0x00E0_E0E0_E0E0_E0E0 == 0;
    is_run & ((bytes | bytes >> 8) & DIGITS == DIGITS)
}

/// Whether characters may be inside a card number: digits, and separators between groups of four to
/// six.
fn is_part_of_card(run: &[u8]) -> bool {
    let mut separators = 0u32;
    for byte in run {
        let is_separator = *byte == b' ' || *byte == b'-';
        if !(is_separator || byte.is_ascii_digit()) {
            return false;
        }
        separators = separators << 1 | u32::from(is_separator);
    }
    separators & (separators >> 1 | separators >> 2 | separators >> 3 | separators >> 4) == 0
}

/// The groups of a needle that start one character before an offset. The characters before
/// the needle and after it may be any.
fn groups(needle: &[u8], start: usize) -> Vec<usize> {
    let at = |offset: usize| match (start + offset).checked_sub(1).and_then(|at| needle.get(at)) {
        Some(byte) => *byte..=*byte,
        None => 0..=0x1F,
    };
    let mut groups = Vec::new();
    for a in at(0) {
        for b in at(1) {
            groups.extend(at(2).map(|c| group(a, b, c)));
        }
    }
    groups
}

/// How frequent the groups of a needle from an offset on are, compared with others.
fn frequency(needle: &[u8], start: usize) -> usize {
    let (known, _) = BY_FREQUENCY.as_chunks::<2>();
    let same = |a: u8, b: u8| (a ^ b) & 0x1F == 0;
    let of = |pair: &[u8]| {
        let place = known.iter().position(|known| same(known[0], pair[0]) && same(known[1], pair[1]));
        10_000 / (place.unwrap_or(2 * known.len()) + 10)
    };
    let group = |start: usize| match (
        start.checked_sub(1).and_then(|before| needle.get(before..start + 1)),
        needle.get(start..start + 2),
    ) {
        (Some(first), Some(second)) => of(first) * of(second) / 1_000,
        (Some(pair), None) | (None, Some(pair)) => of(pair),
        (None, None) => 10_000,
    };
    group(start) + group(start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_needle_is_found_at_each_offset_in_either_case() {
        let needles = ["password", "ssn", "cc_", "id", "\\u006", "z"];
        let filter = Triples::new(needles.iter().map(|needle| needle.as_bytes()));
        for (number, needle) in needles.iter().enumerate() {
            for needle in [needle.to_string(), needle.to_uppercase()] {
                for (before, after) in (0..70).flat_map(|before| (0..40).map(move |after| (before, after))) {
                    let text = format!("{}{needle}{}", "x".repeat(before), "y".repeat(after));
                    let sight = Sight::Needle(number, before, before + needle.len());
                    assert!(filter.any(text.as_bytes(), |seen| seen == sight), "{text}");
                }
            }
        }
        assert!(!filter.any(b"a text about nothing, with http://example.com/ and 42 words or so", |_| true));
    }

    #[test]
    fn needles_come_in_the_order_of_their_ends_and_once() {
        let needles = ["password", "word", "ssw", "key", "z", "apikey", "ey_"];
        let search = Triples::new(needles.iter().map(|needle| needle.as_bytes()));
        let parts = ["password", "PASSWORD", "apikey_", "zz", "word", " ", "x", "sswordpassw"];
        // Every text of five parts, with each part at many offsets.
        for number in 0..parts.len().pow(5) {
            let text: String = (0..5).map(|place| parts[number / parts.len().pow(place) % parts.len()]).collect();
            let lower = text.to_lowercase();
            let mut expected = Vec::new();
            for (number, needle) in needles.iter().enumerate() {
                let places = (0..lower.len()).filter(|at| lower[*at..].starts_with(needle));
                expected.extend(places.map(|at| (at + needle.len(), at, number)));
            }
            expected.sort_unstable();
            let mut found = Vec::new();
            search.each(text.as_bytes(), |number, from, to| found.push((to, from, number)));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn signs_and_long_numbers_are_found_at_each_offset() {
        let filter = Triples::new(std::iter::empty());
        for before in 0..70 {
            for (sign, expected) in [("@", Sight::At(before)), ("%", Sight::Percent(before))] {
                let text = format!("{}{sign}y", "x".repeat(before));
                assert!(filter.any(text.as_bytes(), |seen| seen == expected), "{text}");
            }
            for number in ["30569309025904", "4111 1111 1111 1111", "3782-822463-10005"] {
                let text = format!("{}{number}", "x".repeat(before));
                let is_inside = |seen| matches!(seen, Sight::Digits(at) if at >= before && at + 7 <= text.len());
                assert!(filter.any(text.as_bytes(), is_inside), "{text}");
            }
        }
    }
}
