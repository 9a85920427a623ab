use std::path::Path;

use super::file_index::FileIndex;
use super::files::Files;
use super::intake::Refusal;
use super::report::SkipReason;

/// The image files of a source, to be found by what annotation files call them.
#[derive(Debug)]
pub(super) struct ImageIndex {
    pub(super) images: Files,
    /// By file name, in lower case.
    names: FileIndex,
}

impl ImageIndex {
    pub(super) fn new(images: Files) -> Self {
        let names = FileIndex::new(&images, 0..images.len(), |path, key| {
            key(path.file_name().unwrap_or_default().to_string_lossy().to_lowercase().as_bytes());
        });
        Self { images, names }
    }

    /// Returns the number of the image that a file means: of those with its name, the one that
    /// agrees in the most folders from the end, then the one nearest to a folder, then the one with
    /// a folder of a given name (of a split) above it.
    ///
    /// A name is only ever compared with files that were found in the source, and so cannot lead
    /// out of it.
    ///
    /// # Errors
    ///
    /// If there is no such image, or several are as good.
    pub(super) fn find(&self, name: &str, near: &Path, split: &str) -> Result<u32, Refusal> {
        let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
        let last = parts.last().map_or(String::new(), |last| last.to_lowercase());
        let candidates = self.names.find(&self.images, last.as_bytes());
        let shown = || name.chars().take(200).collect::<String>();
        match candidates[..] {
            [] => {
                return Err((SkipReason::NotThere, format!("there is no image {:?}", shown())));
            }
            [one] => return Ok(one),
            _ => {}
        }
        let rank = |i: &u32| {
            let path = self.images.path(*i);
            let folders = || path.iter().rev().map(|part| part.to_string_lossy());
            let agree = folders().zip(parts.iter().rev()).take_while(|(a, b)| a == *b).count();
            let shared = path.iter().zip(near).take_while(|(a, b)| a == b).count();
            let in_split = !split.is_empty() && folders().skip(1).any(|folder| folder == split);
            (agree, in_split, shared)
        };
        let best = candidates.iter().map(rank).max().unwrap_or_default();
        let mut best = candidates.iter().filter(|i| rank(i) == best);
        match (best.next(), best.next()) {
            (Some(one), None) => Ok(*one),
            _ => {
                Err((SkipReason::Ambiguous, format!("{:?} may be one of several images", shown())))
            }
        }
    }
}
