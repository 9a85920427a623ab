use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// No path is longer than 4096 bytes: 16 bits hold the length, 48 the place.
const LENGTH_BITS: u32 = 16;

/// Files in a folder and below. There may be millions: each takes its path below the folder and
/// eight bytes.
#[derive(Debug, Default)]
pub(super) struct Files {
    root: PathBuf,
    text: Vec<u8>,
    /// Where in the text each path is, and how long it is.
    places: Vec<u64>,
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), text: Vec::new(), places: Vec::new() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Adds a file and returns its number.
    pub(super) fn push(&mut self, path: &Path) -> u32 {
        let below = path.strip_prefix(&self.root).unwrap_or(path).as_os_str().as_bytes();
        let place = (self.text.len() as u64) << LENGTH_BITS | below.len() as u64;
        self.text.extend_from_slice(below);
        self.places.push(place);
        self.places.len() as u32 - 1
    }

    /// Gives back the memory that was taken for more files.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.places.shrink_to_fit();
    }

    pub(super) fn len(&self) -> u32 {
        self.places.len() as u32
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns the path of a file below the folder.
    pub(super) fn below(&self, i: u32) -> &Path {
        below(&self.text, self.places[i as usize])
    }

    pub(super) fn path(&self, i: u32) -> PathBuf {
        self.root.join(self.below(i))
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        (0..self.len()).map(|i| self.path(i))
    }

    /// Numbers the files, once they are all there, in the order of their paths.
    pub(super) fn sort(&mut self) {
        self.shrink();
        let text = &self.text;
        self.places.sort_unstable_by(|a, b| compare(below(text, *a), below(text, *b)));
    }
}

fn below(text: &[u8], place: u64) -> &Path {
    let (start, length) = (place >> LENGTH_BITS, place & ((1 << LENGTH_BITS) - 1));
    Path::new(OsStr::from_bytes(&text[start as usize..(start + length) as usize]))
}

/// Compares paths folder by folder, as they compare themselves, but for paths without `.` and
/// repeated slashes, and in half the time.
pub(super) fn compare(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    // A slash comes before all that a name can have.
    let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    a.get(same).map(key).cmp(&b.get(same).map(key))
}

/// Returns a path without the extension of its file.
pub(super) fn without_extension(path: &Path) -> &Path {
    let bytes = path.as_os_str().as_bytes();
    let cut = path.extension().map_or(0, |extension| extension.len() + 1);
    Path::new(OsStr::from_bytes(&bytes[..bytes.len() - cut]))
}
