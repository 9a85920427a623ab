//! The command line, as a program.

mod blobs;
mod commands;
mod common;
mod errors;
mod iterate;
mod kill;
mod operations;
mod tasks;
