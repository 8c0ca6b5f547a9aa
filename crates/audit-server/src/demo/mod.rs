//! A demonstration: the log of a shop that does not exist, the same in every run but for its dates.

mod dice;
mod shop;

pub(crate) use shop::Shop;
