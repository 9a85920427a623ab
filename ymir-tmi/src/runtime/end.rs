use ymir_core::{EndCause, RunEnd};

/// The signals that end a program that did nothing about them, but for those that people send.
const CRASHES: [i64; 8] = [4, 5, 6, 7, 8, 9, 11, 15];

/// Returns how a run ended whose status a shell or an engine gave: 128 + signal stands for a signal.
pub(super) fn end(exit_code: Option<i64>, out_of_memory: bool, stopped: bool) -> RunEnd {
    let signal = signal(exit_code);
    let cause = match signal {
        _ if out_of_memory => EndCause::OutOfMemory,
        _ if stopped => EndCause::Stopped,
        Some(signal) => EndCause::Signal(signal as i32),
        None => EndCause::Exited,
    };
    RunEnd { cause, exit_code }
}

/// Returns the signal that a status stands for.
pub(super) fn signal(exit_code: Option<i64>) -> Option<i64> {
    exit_code.map(|code| code - 128).filter(|signal| CRASHES.contains(signal))
}
