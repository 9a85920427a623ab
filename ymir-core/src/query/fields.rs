//! The names of fields, marks and comparisons in the text of a query.

use super::condition::{AnnotationNumber, AssetNumber, Compare, Mark};
use crate::MediaType;

pub(super) const ASSET_NUMBERS: [(&str, AssetNumber); 5] = [
    ("width", AssetNumber::Width),
    ("height", AssetNumber::Height),
    ("aspect", AssetNumber::Aspect),
    ("bytes", AssetNumber::Bytes),
    ("channels", AssetNumber::Channels),
];

pub(super) const ANNOTATION_NUMBERS: [(&str, AnnotationNumber); 8] = [
    ("area", AnnotationNumber::Area),
    ("box_width", AnnotationNumber::BoxWidth),
    ("box_height", AnnotationNumber::BoxHeight),
    ("area_px", AnnotationNumber::AreaPixels),
    ("box_width_px", AnnotationNumber::BoxWidthPixels),
    ("box_height_px", AnnotationNumber::BoxHeightPixels),
    ("score", AnnotationNumber::Score),
    ("quality", AnnotationNumber::Quality),
];

pub(super) const MARKS: [(&str, Mark); 4] = [
    ("difficult", Mark::Difficult),
    ("truncated", Mark::Truncated),
    ("occluded", Mark::Occluded),
    ("crowd", Mark::Crowd),
];

pub(super) const MEDIA_TYPES: [(&str, MediaType); 4] = [
    ("jpeg", MediaType::Jpeg),
    ("png", MediaType::Png),
    ("bmp", MediaType::Bmp),
    ("webp", MediaType::Webp),
];

/// Longer signs before those that they begin with.
pub(super) const COMPARISONS: [(&str, Compare); 6] = [
    ("!=", Compare::NotEqual),
    ("<=", Compare::LessOrEqual),
    (">=", Compare::GreaterOrEqual),
    ("=", Compare::Equal),
    ("<", Compare::Less),
    (">", Compare::Greater),
];

/// The attribute of an annotation that holds what an evaluation made of it: `tp`, `fp`, `fn` or
/// `ignored`.
pub const OUTCOME: &str = "outcome";

pub(super) const OUTCOMES: [(&str, &str); 4] =
    [("tp", "tp"), ("fp", "fp"), ("fn", "fn"), ("ignored", "ignored")];

/// The fields whose values are no numbers.
const OTHERS: [&str; 8] = ["class", "unlisted", "flag", "outcome", "type", "name", "id", "boxes"];

/// What is written before an attribute.
pub(super) const ASSET: &str = "asset.";
pub(super) const BOX: &str = "box.";

/// Returns what has a name.
pub(super) fn find<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// Returns the name of something.
pub(super) fn name_of<T: PartialEq>(
    names: &'static [(&'static str, T)],
    value: &T,
) -> Option<&'static str> {
    names.iter().find(|(_, known)| known == value).map(|(name, _)| *name)
}

/// Returns the names of a list, for messages.
pub(super) fn list<T>(names: &[(&str, T)]) -> String {
    names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Returns the field that a name is, or is one slip of the finger from.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let numbers = ASSET_NUMBERS.iter().map(|(name, _)| *name);
    let numbers = numbers.chain(ANNOTATION_NUMBERS.iter().map(|(name, _)| *name));
    let mut fields = numbers.chain(OTHERS);
    fields.find(|field| *field == name || name.len() > 3 && is_slip(name, field))
}

/// Returns whether two words differ by one letter that is wrong, missing, too much or exchanged
/// with the next.
fn is_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&a[..a.len() - end], &b[..b.len() - end]) {
        (a, b) if a.len() <= 1 && b.len() <= 1 => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}
