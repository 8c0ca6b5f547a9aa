//! Pseudo-random numbers that are the same in every run.

/// SplitMix64: small, and good enough for a demonstration. No secret comes from it.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `bound`, which is more than zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// One of several items. Small indexes come more often, as a few people and things cause most
    /// events.
    pub(super) fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let bound = items.len() as u64;
        let index = self.below(bound).min(self.below(bound));
        &items[index as usize]
    }
}
