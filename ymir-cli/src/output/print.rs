use std::io::{IsTerminal, Write};

use indicatif::MultiProgress;
use serde_json::Value;
use ymir::{Error, Result};

use super::Bar;
use crate::args::Global;

/// Where results and progress go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    terminal: bool,
    bars: MultiProgress,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            terminal: std::io::stderr().is_terminal(),
            bars: MultiProgress::new(),
        }
    }

    /// Prints a result: an object for programs, or a text for people.
    pub(crate) fn result(&self, value: &Value, text: impl FnOnce() -> String) -> Result<()> {
        if self.json { self.write(&format!("{value}\n")) } else { self.write(&text()) }
    }

    /// Prints a text that is for people only.
    pub(crate) fn text(&self, text: impl FnOnce() -> String) -> Result<()> {
        if self.json { Ok(()) } else { self.write(&text()) }
    }

    /// Prints a remark for people, on standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.to_stderr(text);
        }
    }

    /// Prints a line that an executor wrote, if the user wants to see them.
    pub(crate) fn log(&self, text: &str) {
        if self.verbose {
            self.to_stderr(text);
        }
    }

    /// Returns a progress bar.
    pub(crate) fn bar(&self, label: &str) -> Bar {
        let drawn = (self.terminal && !self.quiet).then_some(&self.bars);
        Bar::new(label, drawn, !self.quiet && !self.terminal && !self.json)
    }

    fn to_stderr(&self, text: &str) {
        // Remarks are not worth failing for.
        let _ = self.bars.suspend(|| writeln!(std::io::stderr(), "{}", super::clean(text)));
    }

    fn write(&self, text: &str) -> Result<()> {
        let written = self.bars.suspend(|| {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        match written {
            // Who reads has enough, `head` for example; the work itself is to go on.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => {
                written.map_err(|e| Error::io("cannot write", "standard output".as_ref(), e))
            }
        }
    }
}
