use ymir_core::{EndCause, Error, ErrorKind, Result, RunEnd};

use crate::contract::{Monitor, RETURN_CODE_FAILED, RETURN_CODE_OUT_OF_MEMORY, one_line};

/// Returns what the end of a run means. `output` are its last lines.
pub(super) fn judge(end: RunEnd, monitor: Option<&Monitor>, output: &str) -> Result<()> {
    let (kind, message, default_code) = match (end.cause, end.exit_code) {
        (EndCause::Exited, Some(0)) => return Ok(()),
        (EndCause::Stopped, _) => {
            let message = "the executor was stopped because its task is to end";
            return Err(Error::new(ErrorKind::Cancelled, message));
        }
        (EndCause::OutOfMemory, _) => (
            ErrorKind::ResourceExhausted,
            "the executor was killed for using too much memory; grant it more, or lower its batch \
             size"
                .to_owned(),
            RETURN_CODE_OUT_OF_MEMORY,
        ),
        (EndCause::Signal(signal), _) => (
            ErrorKind::ExecutorFailed,
            format!("the executor was killed by signal {signal}; see its log"),
            RETURN_CODE_FAILED,
        ),
        (EndCause::Exited, code) => {
            let code = code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
            let message = format!("the executor failed with {code}; see its log");
            (ErrorKind::ExecutorFailed, message, RETURN_CODE_FAILED)
        }
    };
    let reported = monitor.and_then(|monitor| monitor.return_code).filter(|code| *code != 0);
    // Out of memory is a fact that the runtime saw; what the executor wrote before is older.
    let return_code = match end.cause {
        EndCause::OutOfMemory => default_code,
        _ => reported.unwrap_or(default_code),
    };
    let (kind, message) = match return_code {
        RETURN_CODE_OUT_OF_MEMORY if kind == ErrorKind::ExecutorFailed => (
            ErrorKind::ResourceExhausted,
            "the executor says that it ran out of memory; lower its batch size, or give it a \
             larger device"
                .to_owned(),
        ),
        _ => (kind, message),
    };
    let mut error = Error::new(kind, message).with("return_code", return_code);
    if let Some(code) = end.exit_code {
        error = error.with("exit_code", code);
    }
    if let Some(said) = monitor.map(|monitor| &monitor.message).filter(|said| !said.is_empty()) {
        error = error.with("message", one_line(said));
    }
    Err(if output.is_empty() { error } else { error.with("output", output) })
}
