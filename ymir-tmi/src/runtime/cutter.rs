//! Cuts what a run writes into lines.

/// Where a longer line is cut.
pub(super) const MAX_LINE: usize = 64 << 10;

/// Cuts the bytes of one source into lines, however they arrive.
#[derive(Debug, Default)]
pub(super) struct LineCutter {
    line: Vec<u8>,
    /// Bytes were taken since the last line end.
    begun: bool,
    /// The rest of a line that was cut is skipped.
    cut: bool,
}

impl LineCutter {
    /// Takes bytes up to and including the first line end. Returns how many were taken, and the
    /// line if it ended.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Option<String>) {
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.keep(&bytes[..end]);
                (end + 1, Some(self.end()))
            }
            None => {
                self.keep(bytes);
                (bytes.len(), None)
            }
        }
    }

    /// Returns what came after the last line end.
    pub(super) fn rest(&mut self) -> Option<String> {
        self.begun.then(|| self.end())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE - self.line.len();
        self.begun |= !bytes.is_empty();
        self.cut |= bytes.len() > room;
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self) -> String {
        let mut line = self.line.as_slice();
        if !self.cut {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        let mut text = String::from_utf8_lossy(line).into_owned();
        // Replacement characters are longer than what they replace.
        text.truncate(cut(&text).len());
        self.line.clear();
        (self.begun, self.cut) = (false, false);
        text
    }
}

/// Returns the beginning of a line that is not too long.
pub(super) fn cut(line: &str) -> &str {
    let fits = (0..=MAX_LINE.min(line.len())).rev().find(|end| line.is_char_boundary(*end));
    &line[..fits.unwrap_or(0)]
}
