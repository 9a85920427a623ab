//! The executor as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ymir_detector::app::main()
}
