use ymir_core::{Annotation, Asset};

/// An annotation with the index of its class in `class_names`.
#[derive(Clone, Copy)]
pub(super) struct Labeled<'a> {
    pub(super) class: usize,
    pub(super) annotation: &'a Annotation,
}

/// Returns whether some of a box lies within its image, so that it can be written.
pub(super) fn is_inside(annotation: &Annotation, asset: &Asset) -> bool {
    annotation.bbox.clip(asset.width, asset.height).is_some()
}
