use ymir_core::{Annotation, Asset};

use super::ark::write_line;
use super::edges::pixels;
use super::voc_write::{Dialect, write};

/// Returns the ark file of an asset, as the executor contract has it: of each object a line with the
/// number of its class. Edges are whole, inclusive and inside the image.
pub fn executor_ark<'a>(
    asset: &Asset,
    objects: impl IntoIterator<Item = (usize, &'a Annotation)>,
) -> String {
    let mut text = String::new();
    for (class, annotation) in objects {
        if let Some(edges) = pixels(annotation.bbox, asset) {
            write_line(&mut text, class, edges, annotation);
        }
    }
    text
}

/// Returns the Pascal VOC file of an asset, as the executor contract has it: with the elements that
/// the original adds, and -1 where a number is not known. Edges are whole, inclusive and inside the
/// image.
pub fn executor_voc<'a>(
    asset: &Asset,
    file_name: &str,
    objects: impl IntoIterator<Item = (&'a str, &'a Annotation)>,
) -> String {
    write(asset, file_name, objects, Dialect::Executor)
}
