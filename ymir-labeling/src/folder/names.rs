use std::collections::{HashMap, HashSet};

use ymir_core::{Asset, AssetId};

/// How many digits of the asset's id end the name of its image.
const DIGITS: usize = 16;
/// How many bytes of the original name are kept. Tools add folders and prefixes, and some bound the
/// whole at 100 characters.
const KEPT: usize = 40;

/// Returns the names under which the images of a job are handed out, in the order of the assets:
/// `<original name>_<digits of the id>.<extension>`.
///
/// They are unique without regard to case, have no character that a file system or tool minds, and
/// have the extension of what the file really is. The digits bring the image home even if a tool
/// changes the rest of the name.
pub(super) fn hand_out<'a>(assets: impl Iterator<Item = &'a Asset>) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |asset: &Asset| {
        let id = asset.id.to_string();
        let end = if taken.insert(id[..DIGITS].to_owned()) { DIGITS } else { id.len() };
        let digits = &id[..end];
        format!("{}_{digits}.{}", clean(&asset.file_name), asset.media_type.extension())
    };
    assets.map(name).collect()
}

/// Returns the harmless part of a file name, without its extension.
fn clean(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let keep = |c: char| if c.is_alphanumeric() || "-_. ()".contains(c) { c } else { '_' };
    let mut clean: String = stem.chars().map(keep).collect();
    while clean.len() > KEPT {
        clean.pop();
    }
    let clean = clean.trim_matches(|c: char| !c.is_alphanumeric());
    if clean.is_empty() { "image".to_owned() } else { clean.to_owned() }
}

/// Finds the asset that a name in a tool's file means.
pub(super) struct Finder {
    by_name: HashMap<String, AssetId>,
    by_digits: HashMap<String, AssetId>,
}

impl Finder {
    /// Returns a finder of images that were handed out under these names.
    pub(super) fn new<'a>(images: impl Iterator<Item = (&'a str, AssetId)>) -> Self {
        let (mut by_name, mut by_digits) = (HashMap::new(), HashMap::new());
        for (name, id) in images {
            by_name.insert(name.to_owned(), id);
            let digits = id.to_string();
            by_digits.entry(digits[..DIGITS].to_owned()).or_insert(id);
            by_digits.insert(digits, id);
        }
        Self { by_name, by_digits }
    }

    /// Returns the asset whose image this is: by the name without its folders, else by the last
    /// part of it that has the digits of one.
    pub(super) fn find(&self, name: &str) -> Option<AssetId> {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let by_digits = || {
            let mut parts = name.rsplit(|c: char| !c.is_ascii_alphanumeric());
            parts.find_map(|part| self.by_digits.get(&part.to_ascii_lowercase()))
        };
        self.by_name.get(name).or_else(by_digits).copied()
    }
}
