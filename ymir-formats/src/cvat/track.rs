//! Tracks: one object with its shapes on the frames of a video.

use quick_xml::events::BytesStart;

use super::read::value;

/// How images of frames are named, in lower case, after the number.
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "webp", "tif"];

/// The track whose element is open.
pub(super) struct Track {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) group: Option<String>,
    /// How many elements are open with its own.
    pub(super) depth: usize,
}

impl Track {
    pub(super) fn read(start: &BytesStart<'_>, depth: usize) -> Result<Self, String> {
        let id = value(start, "id")?.unwrap_or_default();
        let label = value(start, "label")?.unwrap_or_default();
        Ok(Self { id, label, group: value(start, "group_id")?, depth })
    }
}

/// Returns what the image of a frame may be called.
pub(super) fn names(frame: u32) -> impl Iterator<Item = String> {
    ENDINGS.iter().map(move |ending| format!("frame_{frame:06}.{ending}"))
}
