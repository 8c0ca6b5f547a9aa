//! The SQL of each family of queries, literally, and how each database goes about it: by which index, and whether it has to sort.

mod contract;
mod indexed;
mod kept;
mod recorded;
mod retry;
mod sizes;
