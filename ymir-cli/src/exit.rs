use std::process::ExitCode;

use ymir::ErrorKind;

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did what was asked.
    Done,
    /// A check found damage.
    Damaged,
    /// Labels are missing; the same command goes on when they are there.
    WaitingForLabels,
}

impl Ending {
    /// Returns the exit code.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Damaged => 8,
            Self::WaitingForLabels => 10,
        })
    }
}

/// The exit codes as `ymir --help` and the README list them.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done
    1  unexpected error
    2  invalid input or usage
    3  not found
    4  exists already, or another process was faster
    5  the executor failed
    6  a service cannot be reached, or took too long
    7  out of memory, disk, GPUs or CPU slots
    8  stored data is damaged
    9  not supported
   10  waiting for labels; run the command again when they are there
   11  permission or credentials missing
  130  stopped by Ctrl-C or SIGTERM";

/// Returns the exit code of an error.
pub(crate) fn code_of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidInput => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => 4,
        ErrorKind::ExecutorFailed => 5,
        ErrorKind::Unavailable | ErrorKind::Timeout => 6,
        ErrorKind::ResourceExhausted => 7,
        ErrorKind::Corrupted => 8,
        ErrorKind::Unsupported => 9,
        ErrorKind::Unauthorized => 11,
        ErrorKind::Cancelled => 130,
        _ => 1,
    }
}
