use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use ymir_core::Asset;

/// The length of a name in bytes, without extension, up to which it is kept whole.
const MAX_STEM: usize = 180;

/// Gives every image of an export a file name of its own.
///
/// Names come from elsewhere and may be anything: what is returned is one plain name, without
/// separators, control characters, and what some file systems do not allow, with the extension of
/// an image. Two names in one folder never differ in their extension or their case alone.
#[derive(Debug, Default)]
pub struct FileNames {
    /// The hashes of the names without extension that are in use, with their folder, in lower case.
    /// There may be millions; one whose hash another has by chance gets another name.
    used: HashSet<u64>,
    hasher: RandomState,
}

impl FileNames {
    /// Returns the name of an asset's file in a folder, without and with its extension.
    pub fn assign(&mut self, folder: &str, asset: &Asset) -> (String, String) {
        let (stem, extension) = split(asset);
        let id = asset.id.to_string();
        let candidates = std::iter::once(stem.clone())
            .chain([8, 64].into_iter().map(|digits| format!("{stem}_{}", &id[..digits])))
            .chain((2u64..).map(|n| format!("{stem}_{id}_{n}")));
        let mut free = candidates.filter(|stem| {
            let name = format!("{folder}/{stem}").to_lowercase();
            self.used.insert(self.hasher.hash_one(name))
        });
        let stem = free.next().expect("numbers do not run out");
        let name = format!("{stem}.{extension}");
        (stem, name)
    }
}

fn split(asset: &Asset) -> (String, String) {
    const KNOWN: [&str; 8] = ["jpg", "jpeg", "jpe", "jfif", "png", "bmp", "dib", "webp"];
    let name: String = asset.file_name.chars().map(plain).collect();
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, end)) if KNOWN.iter().any(|known| end.eq_ignore_ascii_case(known)) => {
            (stem, end.to_owned())
        }
        _ => (name.as_str(), asset.media_type.extension().to_owned()),
    };
    let fits = (0..=MAX_STEM.min(stem.len())).rev().find(|end| stem.is_char_boundary(*end));
    let mut stem = stem[..fits.unwrap_or_default()].to_owned();
    // A leading dot hides a file; some systems drop a dot or space at the end.
    if stem.starts_with('.') {
        stem.replace_range(..1, "_");
    }
    if stem.ends_with(['.', ' ']) {
        stem.push('_');
    }
    if stem.is_empty() {
        stem = asset.id.to_string();
    }
    (stem, extension)
}

/// Returns a name as one that a folder can have.
pub(super) fn plain_name(name: &str) -> String {
    let name: String = name.chars().map(plain).collect();
    match name.as_str() {
        "" | "." | ".." => "_".to_owned(),
        _ => name,
    }
}

fn plain(character: char) -> char {
    match character {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        control if control.is_control() => '_',
        other => other,
    }
}
