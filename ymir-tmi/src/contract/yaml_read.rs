//! Reads YAML that strangers wrote, within bounds that hold before it is parsed: the parser's time
//! grows with the square of the nesting, and its memory with the number of values.

use serde_norway::Value;

/// How deep brackets may be nested, and entries on one line.
const MAX_DEPTH: usize = 64;

/// The most marks that can begin a value: line ends, brackets, commas, colons.
const MAX_MARKS: usize = 1_000_000;

/// Why a document cannot be read.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It is beyond a bound; the text says which.
    TooLarge(String),
    /// It is no YAML.
    Malformed(serde_norway::Error),
}

impl Problem {
    /// Returns what is wrong, for a message.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::TooLarge(reason) => reason.clone(),
            Self::Malformed(error) => format!("it is no YAML: {error}"),
        }
    }
}

/// Returns the value of a document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    check(bytes)?;
    serde_norway::from_slice(bytes).map_err(Problem::Malformed)
}

/// Checks the bounds by the marks of the text alone. Brackets in quotes and comments count as well:
/// who writes 64 of them without an end has other ways to say it.
fn check(bytes: &[u8]) -> Result<(), Problem> {
    let too_large = |reason: String| Err(Problem::TooLarge(reason));
    let (mut depth, mut marks, mut entries) = (0_usize, 0_usize, 0_usize);
    let mut last = b'\n';
    for byte in bytes {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            // `- - - …` and `? ? ? …` nest as well.
            b' ' if matches!(last, b'-' | b'?') => entries += 1,
            b'\n' | b'\r' => entries = 0,
            _ => {}
        }
        marks += usize::from(b"[]{},:\n\r".contains(byte) || (*byte == b' ' && last == b'-'));
        if depth > MAX_DEPTH || entries > MAX_DEPTH {
            return too_large(format!("it is nested deeper than {MAX_DEPTH} levels"));
        }
        if marks > MAX_MARKS {
            return too_large(format!("it has more than {MAX_MARKS} values"));
        }
        last = *byte;
    }
    Ok(())
}
