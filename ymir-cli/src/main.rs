//! The command line of YMIR.

mod app;
mod args;
mod commands;
mod context;
mod demo;
mod executor;
mod exit;
mod files;
mod follow;
mod interrupt;
mod output;
mod parameters;
mod report;
mod versions;

fn main() -> std::process::ExitCode {
    app::main()
}
