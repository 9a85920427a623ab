use super::condition::{
    AnnotationCondition, AnnotationNumber, AssetCondition, AssetNumber, Mark, TextTest,
};
use super::glob;
use super::model::Query;
use crate::{AssetId, Attributes, Class, ClassId, Flags, MediaType, Record};

/// What a query looks at: an asset with its annotations, which are counted from 0. It is
/// implemented for [`Record`], and by stores that can tell a part of a record without the rest.
pub trait QueryTarget {
    /// Returns the id.
    fn id(&self) -> AssetId;
    /// Returns width and height in pixels.
    fn size(&self) -> (u32, u32);
    /// Returns the number of channels.
    fn channels(&self) -> u32;
    /// Returns the size of the file in bytes.
    fn byte_size(&self) -> u64;
    /// Returns the kind of file.
    fn media_type(&self) -> MediaType;
    /// Returns the file name.
    fn file_name(&self) -> &str;
    /// Returns an attribute of the asset.
    fn attribute(&self, key: &str) -> Option<&str>;
    /// Returns the number of annotations.
    fn annotations(&self) -> usize;
    /// Returns the class of an annotation; none if it is outside the table.
    fn class(&self, annotation: usize) -> Option<ClassId>;
    /// Returns the name of the class of an annotation, if it is outside the table.
    fn unlisted(&self, annotation: usize) -> Option<&str>;
    /// Returns width and height of the bounding box of an annotation in pixels.
    fn box_size(&self, annotation: usize) -> (f64, f64);
    /// Returns the confidence of an annotation.
    fn score(&self, annotation: usize) -> Option<f64>;
    /// Returns the quality of an annotation.
    fn quality(&self, annotation: usize) -> Option<f64>;
    /// Returns the marks of an annotation.
    fn flags(&self, annotation: usize) -> Flags;
    /// Returns an attribute of an annotation.
    fn annotation_attribute(&self, annotation: usize, key: &str) -> Option<&str>;
}

fn value<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a str> {
    attributes.get(key).map(String::as_str)
}

impl QueryTarget for Record {
    fn id(&self) -> AssetId {
        self.asset.id
    }

    fn size(&self) -> (u32, u32) {
        (self.asset.width, self.asset.height)
    }

    fn channels(&self) -> u32 {
        self.asset.channels.into()
    }

    fn byte_size(&self) -> u64 {
        self.asset.byte_size
    }

    fn media_type(&self) -> MediaType {
        self.asset.media_type
    }

    fn file_name(&self) -> &str {
        &self.asset.file_name
    }

    fn attribute(&self, key: &str) -> Option<&str> {
        value(&self.asset.attributes, key)
    }

    fn annotations(&self) -> usize {
        self.annotations.len()
    }

    fn class(&self, annotation: usize) -> Option<ClassId> {
        self.annotations[annotation].class.id()
    }

    fn unlisted(&self, annotation: usize) -> Option<&str> {
        match &self.annotations[annotation].class {
            Class::Name(name) => Some(name),
            Class::Id(_) => None,
        }
    }

    fn box_size(&self, annotation: usize) -> (f64, f64) {
        let bbox = self.annotations[annotation].bbox;
        (bbox.w, bbox.h)
    }

    fn score(&self, annotation: usize) -> Option<f64> {
        self.annotations[annotation].score
    }

    fn quality(&self, annotation: usize) -> Option<f64> {
        self.annotations[annotation].quality
    }

    fn flags(&self, annotation: usize) -> Flags {
        self.annotations[annotation].flags
    }

    fn annotation_attribute(&self, annotation: usize, key: &str) -> Option<&str> {
        value(&self.annotations[annotation].attributes, key)
    }
}

/// Returns whether a query is true of an asset, with whatever annotation.
pub(super) fn is_true(query: &Query, target: &impl QueryTarget) -> bool {
    let with = |annotation| is_true_with(query, target, Some(annotation));
    if !query.looks_at_annotation() {
        return is_true_with(query, target, None);
    }
    (0..target.annotations()).any(with)
        || !query.needs_annotation() && is_true_with(query, target, None)
}

fn is_true_with(query: &Query, target: &impl QueryTarget, annotation: Option<usize>) -> bool {
    let with = |query: &Query| is_true_with(query, target, annotation);
    match query {
        Query::All => true,
        Query::And(parts) => parts.iter().all(with),
        Query::Or(parts) => parts.iter().any(with),
        Query::Not(query) => !is_true(query, target),
        Query::Count(query, compare, number) => {
            let counts = |k: &usize| is_true_with(query, target, Some(*k));
            let count = (0..target.annotations()).filter(counts).count() as u64;
            compare.holds(Some(count.cmp(number)))
        }
        Query::Asset(condition) => on_asset(condition, target),
        Query::Annotation(condition) => {
            annotation.is_some_and(|k| on_annotation(condition, target, k))
        }
    }
}

fn on_asset(condition: &AssetCondition, target: &impl QueryTarget) -> bool {
    match condition {
        AssetCondition::Number(number, compare, value) => {
            let (width, height) = target.size();
            let found = match number {
                AssetNumber::Width => f64::from(width),
                AssetNumber::Height => f64::from(height),
                AssetNumber::Aspect if height == 0 => return false,
                AssetNumber::Aspect => f64::from(width) / f64::from(height),
                AssetNumber::Bytes => target.byte_size() as f64,
                AssetNumber::Channels => f64::from(target.channels()),
            };
            compare.holds(found.partial_cmp(value))
        }
        AssetCondition::MediaType(kinds) => kinds.contains(&target.media_type()),
        AssetCondition::FileName(pattern) => glob::fits(pattern, target.file_name()),
        AssetCondition::Id(ids) => ids.contains(&target.id()),
        AssetCondition::Attribute(key, test) => {
            target.attribute(key).is_some_and(|value| on_text(test, value))
        }
    }
}

fn on_annotation(condition: &AnnotationCondition, target: &impl QueryTarget, k: usize) -> bool {
    match condition {
        AnnotationCondition::Class { classes, not } => {
            let class = target.class(k);
            let is_one = class.is_some() && classes.iter().any(|other| other.id() == class);
            is_one != *not
        }
        AnnotationCondition::Unlisted(names) => {
            let same = |name: &String, found: &str| {
                name.trim().to_lowercase() == found.trim().to_lowercase()
            };
            target.unlisted(k).is_some_and(|found| names.iter().any(|name| same(name, found)))
        }
        AnnotationCondition::Number(number, compare, value) => {
            let found = annotation_number(*number, target, k);
            found.is_some_and(|found| compare.holds(found.partial_cmp(value)))
        }
        AnnotationCondition::Mark(mark) => {
            let flags = target.flags(k);
            match mark {
                Mark::Difficult => flags.difficult,
                Mark::Truncated => flags.truncated,
                Mark::Occluded => flags.occluded,
                Mark::Crowd => flags.crowd,
            }
        }
        AnnotationCondition::Attribute(key, test) => {
            target.annotation_attribute(k, key).is_some_and(|value| on_text(test, value))
        }
    }
}

fn annotation_number(number: AnnotationNumber, target: &impl QueryTarget, k: usize) -> Option<f64> {
    let relative = |value: f64, whole: f64| (whole > 0.0).then(|| value / whole);
    let image = || {
        let (width, height) = target.size();
        (f64::from(width), f64::from(height))
    };
    let (w, h) = target.box_size(k);
    match number {
        AnnotationNumber::Area => relative(w * h, image().0 * image().1),
        AnnotationNumber::BoxWidth => relative(w, image().0),
        AnnotationNumber::BoxHeight => relative(h, image().1),
        AnnotationNumber::AreaPixels => Some(w * h),
        AnnotationNumber::BoxWidthPixels => Some(w),
        AnnotationNumber::BoxHeightPixels => Some(h),
        AnnotationNumber::Score => target.score(k),
        AnnotationNumber::Quality => target.quality(k),
    }
}

fn on_text(test: &TextTest, found: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    match test {
        TextTest::Like(pattern) => glob::fits(pattern, found),
        TextTest::Compare(compare, value) => {
            let order = match (number(found), number(value)) {
                (Some(found), Some(value)) => found.partial_cmp(&value),
                (None, None) => Some(found.cmp(value.as_str())),
                _ => None,
            };
            compare.holds(order)
        }
    }
}
