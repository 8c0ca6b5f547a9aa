//! Masking: what a policy replaces by `"[masked]"` in a record before it is cut into slots, so that
//! neither the log nor its hashes ever have it.
//!
//! A record is masked in two steps. `prefilter` looks through the text of each member once, for
//! `needles` (with `triples`), and finds nearly always that there is nothing to do. Otherwise `walk`
//! reads the JSON, with the JSON and the percent escapes in its strings (`layers`), and asks about each
//! value: is its name that of a secret (`dictionary`, by the words of `name`; `pairs`), and does its
//! text have one? `text` finds names and forms (`shape`, `card`) in a text. `assignment` finds the value
//! of a name, with `value`, `header` and `spaced`, and `words` tells whether it is one; `repeats` finds
//! it again. `view` and `edits` let the rest of the member stay byte for byte.
//!
//! Not here: reading rules from a file.

mod assignment;
mod card;
mod dictionary;
mod edits;
mod explain;
mod frame;
mod header;
mod layers;
mod message;
mod name;
mod names;
mod needles;
mod pairs;
mod pointer;
mod policy;
mod prefilter;
mod record;
mod repeats;
mod rules;
mod shape;
#[cfg(test)]
mod soundness;
mod spaced;
mod text;
mod triples;
mod value;
mod view;
mod walk;
mod words;
mod wrapped;

pub use explain::{MaskedValue, MaskingRule};
pub use policy::MaskingPolicy;
pub(crate) use record::with_earlier;
pub use rules::{MaskingMode, MaskingRules, MaskingRulesError, TableMaskingRules};
