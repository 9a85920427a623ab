use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::import_report::SkipReason;
use super::intake::Refusal;

/// The image files of a source, to be found by what annotation files call them.
#[derive(Debug)]
pub(super) struct ImageIndex {
    images: Vec<PathBuf>,
    /// By file name, in lower case.
    names: HashMap<String, Vec<u32>>,
}

impl ImageIndex {
    pub(super) fn new(images: Vec<PathBuf>) -> Self {
        let mut names: HashMap<String, Vec<u32>> = HashMap::with_capacity(images.len());
        for (i, image) in images.iter().enumerate() {
            let name = image.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            names.entry(name).or_default().push(i as u32);
        }
        Self { images, names }
    }

    pub(super) fn image(&self, i: usize) -> &Path {
        &self.images[i]
    }

    pub(super) fn images(&self) -> &[PathBuf] {
        &self.images
    }

    /// Returns the place of the image that a file means: of those with its name, the one that
    /// agrees in the most folders from the end, then the one nearest to a folder, then the one with
    /// a folder of a given name (of a split) above it.
    ///
    /// A name is only ever compared with files that were found in the source, and so cannot lead
    /// out of it.
    ///
    /// # Errors
    ///
    /// If there is no such image, or several are as good.
    pub(super) fn find(&self, name: &str, near: &Path, split: &str) -> Result<usize, Refusal> {
        let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
        let shown: String = name.chars().take(200).collect();
        let candidates = parts.last().and_then(|last| self.names.get(&last.to_lowercase()));
        let Some(candidates) = candidates else {
            return Err((SkipReason::NotThere, format!("there is no image {shown:?}")));
        };
        let rank = |i: &u32| {
            let path = self.images[*i as usize].as_path();
            let folders = || path.iter().rev().map(|part| part.to_string_lossy());
            let agree = folders().zip(parts.iter().rev()).take_while(|(a, b)| a == *b).count();
            let shared = path.iter().zip(near).take_while(|(a, b)| a == b).count();
            let in_split = !split.is_empty() && folders().skip(1).any(|folder| folder == split);
            (agree, in_split, shared)
        };
        let best = candidates.iter().map(rank).max().unwrap_or_default();
        let mut best = candidates.iter().filter(|i| rank(i) == best);
        match (best.next(), best.next()) {
            (Some(one), None) => Ok(*one as usize),
            _ => Err((SkipReason::Ambiguous, format!("{shown:?} may be one of several images"))),
        }
    }
}
