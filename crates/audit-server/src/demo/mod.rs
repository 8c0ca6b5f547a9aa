//! A demonstration: the log of an imaginary shop, the same in every run except for its dates.

mod dice;
mod shop;

pub(crate) use shop::Shop;
