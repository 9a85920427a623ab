//! The file `packed-refs`, in which git keeps refs that have no file of their own.

use std::fs;
use std::io::ErrorKind as Io;
use std::path::Path;

use git2::{Oid, Reference};
use ymir_core::{Error, Result};

/// How the one comment that git writes begins.
const HEADER: &[u8] = b"# pack-refs";

/// Reads the packed refs of a repository: the name and value of each.
///
/// A line that is passed over would be a branch that is no more, and its files garbage: all lines
/// must be such as git writes.
pub(super) fn read(git: &Path) -> Result<Vec<(Vec<u8>, Oid)>> {
    let path = git.join("packed-refs");
    let data = match fs::read(&path) {
        Ok(data) => data,
        Err(e) if e.kind() == Io::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("cannot read the packed refs", &path, e)),
    };
    let fail = |line: usize| {
        let message = "a line of the packed refs is damaged; restore it by hand, or the file from a \
                       clone or backup";
        Error::corrupted(message).with("path", path.display()).with("line", line + 1)
    };
    let mut refs = Vec::new();
    let Some(lines) = data.strip_suffix(b"\n") else {
        return if data.is_empty() { Ok(refs) } else { Err(fail(count_lines(&data))) };
    };
    for (i, line) in lines.split(|byte| *byte == b'\n').enumerate() {
        let is_header = i == 0 && line.starts_with(HEADER);
        // What an annotated tag is of.
        let is_peeled = line.strip_prefix(b"^").is_some_and(|id| i > 0 && oid(id).is_some());
        if !is_header && !is_peeled {
            refs.push(parse(line).ok_or_else(|| fail(i))?);
        }
    }
    Ok(refs)
}

fn count_lines(data: &[u8]) -> usize {
    data.iter().filter(|byte| **byte == b'\n').count()
}

fn parse(line: &[u8]) -> Option<(Vec<u8>, Oid)> {
    let (id, name) = line.split_at_checked(40)?;
    let name = name.strip_prefix(b" ")?;
    is_name(name).then_some((name.to_owned(), oid(id)?))
}

/// Returns whether a name is one of a ref. Git allows any bytes above those of ASCII.
fn is_name(name: &[u8]) -> bool {
    let ascii: Vec<u8> = name.iter().map(|b| if b.is_ascii() { *b } else { b'x' }).collect();
    let text = str::from_utf8(&ascii).unwrap_or_default();
    text.starts_with("refs/") && Reference::is_valid_name(text)
}

/// Returns an id that is written out.
pub(super) fn oid(text: &[u8]) -> Option<Oid> {
    (text.len() == 40).then(|| str::from_utf8(text).ok()?.parse().ok()).flatten()
}
