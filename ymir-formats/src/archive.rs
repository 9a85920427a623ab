//! Archives as sources: unpacked into a folder that goes away with the import.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use flate2::read::MultiGzDecoder;
use tempfile::TempDir;
use ymir_core::{Error, ErrorKind, Result};

use super::draft::stop_if;
use super::report::{SkipReason, Skipped};
use crate::support::working_folder;

/// What the files of an archive may take: so much, and so many times the archive's size beside it.
/// Images hardly shrink, and text by some tens of times.
const BASE_BYTES: u64 = 256 << 20;
const RATIO: u64 = 200;
/// How the name of the folder begins; those of killed imports are removed by the next one.
const PREFIX: &str = ".ymir-import-";
const MAX_ENTRIES: u64 = 50_000_000;
/// The longest name of an entry in bytes, and how many folders it may have.
const MAX_NAME: usize = 1024;
const MAX_DEPTH: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zip,
    Tar,
    TarGz,
}

fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let endings =
        [(".zip", Kind::Zip), (".tar", Kind::Tar), (".tar.gz", Kind::TarGz), (".tgz", Kind::TarGz)];
    endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, kind)| kind)
}

/// Returns whether a path is that of an archive.
pub fn is_archive(path: &Path) -> bool {
    kind(path).is_some() && path.is_file()
}

/// An unpacked archive.
#[derive(Debug)]
pub struct Unpacked {
    folder: TempDir,
    _locked: File,
    /// Entries that were not unpacked.
    pub skipped: Vec<Skipped>,
    entries: u64,
    bytes: u64,
    limit: u64,
}

impl Unpacked {
    /// Unpacks an archive below a folder: plain files only, none outside.
    ///
    /// # Errors
    ///
    /// - `ResourceExhausted` if it holds more than an archive of its size would of images.
    /// - `Corrupted` if it is damaged; `Cancelled` if the flag is set.
    pub fn new(archive: &Path, below: &Path, over: &AtomicBool) -> Result<Self> {
        let fail = |e| Error::io("the archive cannot be read", archive, e);
        let file = File::open(archive).map_err(fail)?;
        let size = file.metadata().map_err(fail)?.len();
        working_folder::remove_left_behind(PREFIX, below);
        let folder = working_folder::make(PREFIX, below);
        let (folder, locked) =
            folder.map_err(|e| Error::io("the archive cannot be unpacked", below, e))?;
        let limit = BASE_BYTES.saturating_add(size.saturating_mul(RATIO));
        let mut unpacked =
            Self { folder, _locked: locked, skipped: Vec::new(), entries: 0, bytes: 0, limit };
        let file = BufReader::with_capacity(1 << 18, file);
        let result = match kind(archive) {
            Some(Kind::Tar) => unpacked.tar(file, over),
            Some(Kind::TarGz) => unpacked.tar(MultiGzDecoder::new(file), over),
            _ => unpacked.zip(file, over),
        };
        result.map_err(|error| error.with("archive", archive.display()))?;
        unpacked.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(unpacked)
    }

    /// Returns the folder of the dataset: the only one at the top, if there is nothing else.
    pub fn source(&self) -> PathBuf {
        let entries = fs::read_dir(self.folder.path()).into_iter().flatten().flatten();
        let paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        match &paths[..] {
            [one] if one.is_dir() => one.clone(),
            _ => self.folder.path().to_owned(),
        }
    }

    fn tar(&mut self, file: impl Read, over: &AtomicBool) -> Result<()> {
        let damaged = |e| Error::corrupted("the archive is damaged or cut off").caused_by(e);
        let mut archive = tar::Archive::new(file);
        for entry in archive.entries().map_err(damaged)? {
            stop_if(over)?;
            let mut entry = entry.map_err(damaged)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            match entry.header().entry_type() {
                tar::EntryType::Directory | tar::EntryType::XGlobalHeader => {}
                kind if kind.is_file() => self.file(&name, &mut entry, damaged)?,
                _ => self.skip(&name, "it is a link or another special file"),
            }
        }
        // What comes after the end of the entries: there is the checksum of what was compressed.
        let mut rest = archive.into_inner().take(self.limit);
        match std::io::copy(&mut rest, &mut std::io::sink()) {
            // Something else stands behind it, which gzip passes over too.
            Err(e) if e.to_string().contains("gzip header") => Ok(()),
            rest => rest.map(drop).map_err(damaged),
        }
    }

    fn zip(&mut self, file: BufReader<File>, over: &AtomicBool) -> Result<()> {
        let damaged = |e| Error::corrupted("the archive is damaged or cut off").caused_by(e);
        let wrong =
            |e| Error::corrupted("the archive is damaged, cut off or encrypted").caused_by(e);
        let mut archive = zip::ZipArchive::new(file).map_err(wrong)?;
        for i in 0..archive.len() {
            stop_if(over)?;
            let mut entry = archive.by_index(i).map_err(wrong)?;
            let name = entry.name().to_owned();
            if entry.is_symlink() {
                self.skip(&name, "it is a link or another special file");
            } else if entry.is_file() {
                self.file(&name, &mut entry, damaged)?;
            }
        }
        Ok(())
    }

    fn skip(&mut self, name: &str, reason: &str) {
        let path = name.chars().take(200).collect();
        self.skipped.push(Skipped { path, kind: SkipReason::Unsafe, reason: reason.to_owned() });
    }

    /// Writes the file of an entry.
    fn file(
        &mut self,
        name: &str,
        content: &mut impl Read,
        damaged: impl Fn(std::io::Error) -> Error,
    ) -> Result<()> {
        self.entries += 1;
        let Some(below) = inside(name) else {
            self.skip(name, "its name leads out of the archive, or is none that a file can have");
            return Ok(());
        };
        let path = self.folder.path().join(below);
        let fail = |e| Error::io("a file of the archive cannot be written", &path, e);
        let parent = path.parent().unwrap_or(self.folder.path());
        // Nothing but plain files and folders was made here: there is no link to follow.
        let made = fs::create_dir_all(parent).and_then(|()| File::create_new(&path));
        let mut file = match made {
            Ok(file) => file,
            Err(e) if is_taken(&e) => {
                self.skip(name, "an entry before it has its name");
                return Ok(());
            }
            Err(e) => return Err(fail(e)),
        };
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = content.read(&mut buffer).map_err(&damaged)?;
            if read == 0 {
                break;
            }
            self.bytes += read as u64;
            if self.bytes > self.limit || self.entries > MAX_ENTRIES {
                let message = "the archive holds far more than its size lets expect, and nothing \
                               was imported; if it is what it should be, unpack it and import the \
                               folder";
                return Err(Error::new(ErrorKind::ResourceExhausted, message)
                    .with("limit_bytes", self.limit)
                    .with("entry", name));
            }
            std::io::Write::write_all(&mut file, &buffer[..read]).map_err(fail)?;
        }
        Ok(())
    }
}

fn is_taken(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(error.kind(), Kind::AlreadyExists | Kind::NotADirectory | Kind::IsADirectory)
}

/// Returns the path of an entry, if it is a plain one below the archive.
fn inside(name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains(['\0', ':']) {
        return None;
    }
    // Some programs of Windows write its separators.
    let name = name.replace('\\', "/");
    let mut path = PathBuf::new();
    for part in Path::new(&name).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            _ => return None,
        }
    }
    let depth = path.components().count();
    (1..=MAX_DEPTH).contains(&depth).then_some(path)
}
