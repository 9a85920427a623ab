//! Files beside images that no format reads.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::scan::{Scanned, looks_like_image};

/// Why a file that may say something about the images was not read.
pub(super) const UNREAD: &str = "it is of no format that is known, and was not read";

/// Kinds of files that annotations are often in, those of text first.
const TEXT: [&str; 8] = ["json", "jsonl", "ndjson", "csv", "tsv", "xml", "yaml", "yml"];
const KINDS: [&str; 4] = ["txt", "mat", "parquet", "npy"];
/// Folders that annotations often stand in.
const FOLDERS: [&str; 6] = ["annotations", "annotation", "labels", "ann", "anns", "label"];
/// Folders of pictures that say what is on others.
const PICTURES: [&str; 5] =
    ["masks", "labels", "annotations", "segmentationclass", "segmentationobject"];
/// How many files are looked at, and how many bytes of each.
const LOOKED_AT: usize = 100;
const HEAD: u64 = 1 << 16;

/// The files that are not read, the first of each kind.
#[derive(Debug)]
pub(super) struct Unread<'a> {
    /// Those that look like annotations.
    pub(super) annotations: Vec<&'a Path>,
    /// Those that may be anything.
    pub(super) others: Vec<&'a Path>,
}

impl<'a> Unread<'a> {
    /// Looks at the files beside the images of a source of which no format is known.
    pub(super) fn find(scanned: &'a Scanned) -> Self {
        let Scanned { images, others } = scanned;
        let all = (0..others.len()).map(|i| others.below(i));
        let all: Vec<_> =
            all.filter(|path| is_any(path, &[&TEXT, &KINDS])).take(LOOKED_AT).collect();
        let stems: HashSet<_> = all.iter().filter_map(|path| path.file_stem()).collect();
        let images = || (0..images.len()).map(|i| images.below(i));
        let mut named: HashSet<&OsStr> = HashSet::new();
        if !stems.is_empty() {
            let image_stems = images().filter_map(Path::file_stem);
            named.extend(image_stems.filter(|stem| stems.contains(stem)));
        }
        let looks = |path: &&Path| {
            let stem = path.file_stem().unwrap_or_default();
            named.contains(stem)
                || looks_like_image(Path::new(stem))
                || is_in(path, &FOLDERS)
                || is_any(path, &[&TEXT]) && names_images(&others.root().join(path))
        };
        let (mut annotations, others): (Vec<_>, Vec<_>) = all.iter().partition(|path| looks(path));
        let is_mask = |path: &&Path| is_any(path, &[&["png"]]) && is_in(path, &PICTURES);
        annotations.extend(images().find(is_mask));
        Self {
            annotations,
            others: others.into_iter().filter(|path| is_any(path, &[&TEXT])).collect(),
        }
    }
}

fn is_any(path: &Path, kinds: &[&[&str]]) -> bool {
    let own = path.extension().and_then(OsStr::to_str);
    own.is_some_and(|own| {
        kinds.iter().copied().flatten().any(|kind| own.eq_ignore_ascii_case(kind))
    })
}

/// Returns whether a file stands in a folder of one of these names, or below it.
fn is_in(path: &Path, names: &[&str]) -> bool {
    let mut folders = path.parent().into_iter().flatten();
    folders.any(|folder| names.iter().any(|name| folder.eq_ignore_ascii_case(name)))
}

/// Returns whether a text has the names of image files at its beginning, in whatever encoding.
fn names_images(path: &Path) -> bool {
    let mut head = Vec::new();
    if File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head)).is_err() {
        return false;
    }
    head.retain(|byte| *byte != 0);
    let text = String::from_utf8_lossy(&head);
    let ends = |c: char| c.is_control() || matches!(c, '"' | '\'' | ',' | ';' | '<' | '>' | ' ');
    text.split(ends).any(|word| looks_like_image(Path::new(word)))
}
