//! JSON as Python writes it, made plain.

use std::io::{self, Read};

/// What stands in place of a number that is none: an object is no number either.
const NONE: [u8; 9] = *b"{}       ";

/// Reads JSON, with `NaN`, `Infinity`, `-Infinity` and `None`, which Python writes and JSON does not
/// know, replaced by an empty object. Places stay the same.
pub(super) struct Plain<R> {
    inner: R,
    in_string: bool,
    is_escaped: bool,
    /// How far the word that is being replaced was written.
    word: Option<usize>,
    /// A minus that was read, until what follows is known.
    minus: bool,
}

impl<R: Read> Plain<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, in_string: false, is_escaped: false, word: None, minus: false }
    }

    fn replace(&mut self, bytes: &mut [u8]) {
        for i in 0..bytes.len() {
            let byte = bytes[i];
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match (byte, self.word) {
                (b'"', _) => (self.in_string, self.word) = (true, None),
                (b'N' | b'I', None) => {
                    bytes[i] = NONE[0];
                    self.word = Some(1);
                }
                (b'-', None) if bytes.get(i + 1) == Some(&b'I') => {
                    bytes[i] = NONE[0];
                    self.word = Some(1);
                }
                (b'a'..=b'z' | b'N' | b'I', Some(at)) if at < NONE.len() => {
                    bytes[i] = NONE[at];
                    self.word = Some(at + 1);
                }
                (_, Some(_)) => self.word = None,
                _ => {}
            }
        }
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() < 2 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the buffer is too small"));
        }
        let held = usize::from(std::mem::take(&mut self.minus));
        buffer[..held].fill(b'-');
        let read = self.inner.read(&mut buffer[held..])?;
        let mut end = held + read;
        // A minus at the end waits for what follows, unless nothing does.
        if read > 0 && end > 1 && buffer[end - 1] == b'-' {
            end -= 1;
            self.minus = true;
        }
        self.replace(&mut buffer[..end]);
        Ok(end)
    }
}
