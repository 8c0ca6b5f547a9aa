//! Tests of the literal SQL of each family of queries, and of its plan on each database: the index
//! that it uses, and whether it sorts.

mod contract;
mod indexed;
mod kept;
mod recorded;
mod retry;
mod sizes;
