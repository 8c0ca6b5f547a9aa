//! The program as a process: started, asked, stopped and killed from outside.

mod common;
mod data;
mod export;
mod import;
mod kill;
mod settings;
mod shutdown;
mod start;
mod tokens;
