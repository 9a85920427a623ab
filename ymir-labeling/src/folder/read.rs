use std::collections::HashMap;
use std::path::Path;

use ymir_core::{AssetId, Labeled, Result};
use ymir_formats::{LabelContext, read_coco_labels};

use super::layout::JobFile;
use super::names::Finder;

/// Reads a COCO document that a labeling tool wrote. What people draw is ground truth: scores are
/// left out.
///
/// # Errors
///
/// `InvalidInput`, with the file and the item or the position in it.
pub(super) fn read(bytes: &[u8], path: &Path, job: &JobFile) -> Result<Vec<Labeled>> {
    let named = job.images.iter().map(|image| (image.file_name.as_str(), image.asset));
    let finder = Finder::new(named);
    let numbers = job.images.iter().enumerate().map(|(number, image)| (image.asset, number));
    let numbers: HashMap<AssetId, usize> = numbers.collect();
    let sizes: Vec<_> = job.images.iter().map(|image| (image.width, image.height)).collect();
    let find = |name: &str| finder.find(name).and_then(|id| numbers.get(&id).copied());
    let context = LabelContext { find: &find, sizes: &sizes, classes: &job.classes };
    let labels =
        read_coco_labels(bytes, &context).map_err(|error| error.with("path", path.display()))?;
    let labeled = labels.into_iter().map(|(number, mut annotations)| {
        annotations.iter_mut().for_each(|annotation| annotation.score = None);
        Labeled { id: job.images[number].asset, annotations }
    });
    let mut labeled: Vec<_> = labeled.collect();
    labeled.sort_by_key(|labeled| labeled.id);
    Ok(labeled)
}
