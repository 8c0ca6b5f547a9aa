//! What hostile clients do, one file each.

mod early_answers;
mod slow_bodies;
mod stalled_gets;
mod tiny_members;
mod trickle;
