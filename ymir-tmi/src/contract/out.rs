use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use ymir_core::{Error, ErrorKind, Result};

/// Files up to this many bytes may have holes.
const MAX_UNCHECKED: u64 = 1 << 20;

/// In how many pieces of a file data is looked for.
const MAX_PIECES: usize = 1_000_000;

/// The `out` directory of a task, read without trust: no link is followed, nothing but regular
/// files is opened, and every size has a bound.
#[derive(Debug)]
pub(crate) struct OutDir {
    root: OwnedFd,
    path: PathBuf,
}

impl OutDir {
    /// Opens `<dir>/out`.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("out");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = rustix::fs::open(&path, flags, Mode::empty()).map_err(|errno| {
            Error::io("cannot open a task's out directory", &path, errno.into())
        })?;
        Ok(Self { root, path })
    }

    /// Returns the path on this host of a file below `out`.
    pub(crate) fn host_path(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// Opens a file by its path below `out`, with its size; nothing if there is none.
    pub(crate) fn file(&self, relative: &str) -> Result<Option<(File, u64)>> {
        check_relative(relative).map_err(|reason| failed(relative, "", reason))?;
        let refuse = |reason: &str| failed(relative, "", reason);
        let mut folder: Option<OwnedFd> = None;
        let mut parts = relative.split('/').peekable();
        while let Some(part) = parts.next() {
            let at = folder.as_ref().unwrap_or(&self.root);
            let last = parts.peek().is_none();
            let stat = match rustix::fs::statat(at, part, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(self.io(relative, errno)),
            };
            let kind = FileType::from_raw_mode(stat.st_mode);
            match (kind, last) {
                (FileType::RegularFile, true) | (FileType::Directory, false) => {}
                (FileType::Symlink, _) => return Err(refuse("links are not followed; copy it")),
                (FileType::RegularFile, false) => return Err(refuse("its folder is a file")),
                _ => return Err(refuse("it is no regular file")),
            }
            let mut flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            flags.set(OFlags::DIRECTORY, !last);
            let opened = rustix::fs::openat(at, part, flags, Mode::empty())
                .map_err(|errno| self.io(relative, errno))?;
            if last {
                let stat = rustix::fs::fstat(&opened).map_err(|e| self.io(relative, e))?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                    return Err(refuse("it is no regular file"));
                }
                return Ok(Some((File::from(opened), stat.st_size.max(0) as u64)));
            }
            folder = Some(opened);
        }
        Ok(None)
    }

    /// Opens a file as [`OutDir::file`] does. One that consists mostly of holes is refused: whoever
    /// copies it would write them out.
    pub(crate) fn whole_file(&self, relative: &str) -> Result<Option<(File, u64)>> {
        let Some((file, size)) = self.file(relative)? else { return Ok(None) };
        let there = present(&file, size).map_err(|errno| self.io(relative, errno))?;
        if size > MAX_UNCHECKED && there < size / 2 {
            let reason = format!(
                "of its {size} bytes only {there} are there, the rest are holes; write it without \
                 them (`cp --sparse=never`)"
            );
            return Err(failed(relative, "", reason));
        }
        Ok(Some((file, size)))
    }

    /// Returns the content of a file that is at most `limit` bytes long; nothing if there is none.
    pub(crate) fn read(&self, relative: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some((file, size)) = self.file(relative)? else { return Ok(None) };
        let too_long = || failed(relative, "", format!("it is longer than {limit} bytes"));
        if size > limit {
            return Err(too_long());
        }
        let mut bytes = Vec::with_capacity(size as usize);
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io("cannot read a result", &self.host_path(relative), error))?;
        if bytes.len() as u64 > limit {
            return Err(too_long());
        }
        Ok(Some(bytes))
    }

    fn io(&self, relative: &str, errno: Errno) -> Error {
        let path = self.host_path(relative);
        Error::io("cannot read what the executor wrote", &path, errno.into())
    }
}

/// Returns how many bytes of a file are really there. A file system that compresses has fewer blocks
/// than bytes; where blocks are too few, the holes are looked for.
fn present(file: &File, size: u64) -> Result<u64, Errno> {
    use rustix::fs::SeekFrom;
    let blocks = rustix::fs::fstat(file)?.st_blocks;
    if u64::try_from(blocks).unwrap_or(0).saturating_mul(512) >= size {
        return Ok(size);
    }
    let (mut at, mut there) = (0, 0);
    for _ in 0..MAX_PIECES {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            // No data follows.
            Err(Errno::NXIO) => return Ok(there),
            // A file system that does not tell has no holes.
            Err(Errno::INVAL | Errno::NOTSUP) => return Ok(size),
            Err(errno) => return Err(errno),
        };
        at = rustix::fs::seek(file, SeekFrom::Hole(start))?;
        there += at - start;
    }
    Ok(there)
}

/// Returns the error for a result that the executor got wrong. An empty field is left out.
pub(super) fn failed(file: &str, field: impl AsRef<str>, reason: impl AsRef<str>) -> Error {
    let reason = reason.as_ref();
    let message = format!("the executor's result cannot be used: {reason}");
    let error = Error::new(ErrorKind::ExecutorFailed, message).with("file", show(file));
    match field.as_ref() {
        "" => error,
        field => error.with("field", show(field)),
    }
}

/// Returns the error for a result that is not there.
pub(super) fn missing(file: &str) -> Error {
    let message = "the executor ended well but wrote no result; see its log";
    Error::new(ErrorKind::ExecutorFailed, message).with("file", file)
}

/// Returns foreign text in a form that a message can hold: short, one line.
pub(super) fn show(text: &str) -> String {
    let start = text.char_indices().nth(200).map_or(text, |(end, _)| &text[..end]);
    let mut shown = one_line(start);
    if text.chars().nth(200).is_some() {
        shown.push('…');
    }
    shown
}

/// Returns foreign text with its control characters, line ends among them, written as escapes.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_debug()),
            false => line.push(c),
        }
    }
    line
}

/// Checks that a path stays below the folder that it is relative to, whatever lies there.
pub(crate) fn check_relative(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("the path is empty");
    }
    if path.len() > 4000 {
        return Err("the path is longer than 4000 bytes");
    }
    if path.starts_with('/') {
        return Err("the path is absolute");
    }
    if path.chars().any(char::is_control) {
        return Err("the path has control characters");
    }
    match path.split('/').find(|part| part.is_empty() || *part == "." || *part == "..") {
        Some("..") => Err("the path leads out of its folder"),
        Some(_) => Err("the path has empty parts or '.'"),
        None if path.split('/').any(|part| part.len() > 255) => Err("a name is over 255 bytes"),
        None => Ok(()),
    }
}
