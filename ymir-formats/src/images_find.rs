use ymir_core::Result;

use super::draft::Draft;
use super::list;
use super::read_options::ReadOptions;
use super::reader::Reader;
use super::scan::scan_images;
use super::splits::SplitValues;

/// A folder of images without annotations.
#[derive(Debug)]
pub(super) struct ImagesReader;

impl Reader for ImagesReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let images = scan_images(&draft.source.clone(), &mut draft.skipped)?;
        images.paths().for_each(|image| draft.add(&image, None, SplitValues::NONE, true));
        list::limit(draft, options)
    }
}
