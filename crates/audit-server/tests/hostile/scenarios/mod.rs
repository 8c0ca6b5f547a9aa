//! What hostile clients do, one file each.

mod early_answers;
mod flood;
mod large_pages;
mod large_records;
mod searches;
mod slow_bodies;
mod stalled_gets;
mod tiny_members;
mod trickle;
mod wide_events;
