//! The splits of a dataset (train, val, test): kept in an attribute of the asset.

use ymir_core::Attributes;

/// The attribute of an asset that holds the names of its splits, separated by commas.
pub const SPLIT: &str = "split";

/// Returns the splits that an asset with these attributes is in.
pub(super) fn of(attributes: &Attributes) -> impl Iterator<Item = &str> {
    let names = attributes.get(SPLIT).map_or("", String::as_str).split(',');
    names.map(str::trim).filter(|name| !name.is_empty())
}

/// Adds a split.
pub(super) fn add(attributes: &mut Attributes, name: &str) {
    if name.is_empty() || of(attributes).any(|known| known == name) {
        return;
    }
    let names = attributes.entry(SPLIT.to_owned()).or_default();
    if !names.trim().is_empty() {
        names.push(',');
    }
    names.push_str(name);
}

/// Returns whether a split can be the name of a file or folder as it is.
pub(super) fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() <= 100 && !name.starts_with('.') && !name.is_empty() && name.chars().all(plain)
}

/// Returns whether a name is one that splits commonly have, also with a year behind it.
pub(super) fn is_common(name: &str) -> bool {
    const COMMON: [&str; 8] =
        ["train", "training", "val", "valid", "validation", "test", "testing", "minival"];
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    COMMON.contains(&name.as_str())
}
