use std::cmp::Ordering;

use crate::{AssetId, Class, MediaType};

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Compare {
    /// Returns whether values in this order compare so; values without an order are only different.
    pub fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// A condition on an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTest {
    /// It compares so with a value: as numbers where both are, as texts where neither is.
    Compare(Compare, String),
    /// It fits a pattern: `*` is any text, `?` any character.
    Like(String),
}

/// A number that an asset has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetNumber {
    /// The width of the image in pixels.
    Width,
    /// Its height in pixels.
    Height,
    /// Its width by its height; of an image without height there is none.
    Aspect,
    /// The size of its file in bytes.
    Bytes,
    /// The number of its channels.
    Channels,
}

/// A condition on an asset.
#[derive(Debug, Clone, PartialEq)]
pub enum AssetCondition {
    /// A number compares so with another, which is finite.
    Number(AssetNumber, Compare, f64),
    /// The file is of one of these kinds.
    MediaType(Vec<MediaType>),
    /// The file name fits a pattern.
    FileName(String),
    /// It is one of these.
    Id(Vec<AssetId>),
    /// It has this attribute, which meets a condition.
    Attribute(String, TextTest),
}

/// A number that an annotation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationNumber {
    /// The area of the bounding box by that of the image; of an image without area there is none.
    Area,
    /// The width of the box by that of the image.
    BoxWidth,
    /// The height of the box by that of the image.
    BoxHeight,
    /// The area of the box in square pixels.
    AreaPixels,
    /// The width of the box in pixels.
    BoxWidthPixels,
    /// The height of the box in pixels.
    BoxHeightPixels,
    /// The confidence of a prediction.
    Score,
    /// The quality of the box.
    Quality,
}

/// A mark of an annotation, see [`Flags`](crate::Flags).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the marks are those of Flags")]
pub enum Mark {
    Difficult,
    Truncated,
    Occluded,
    Crowd,
}

/// A condition on an annotation.
#[derive(Debug, Clone, PartialEq)]
pub enum AnnotationCondition {
    /// Its class is one of these, or none of them.
    Class {
        /// The classes. Names mean those of the class table and are looked up there before the
        /// query is used ([`Matcher::new`](crate::Matcher::new)).
        classes: Vec<Class>,
        /// Whether it must be none of them.
        not: bool,
    },
    /// Its class is kept by one of these names, outside the class table.
    Unlisted(Vec<String>),
    /// A number compares so with another, which is finite.
    Number(AnnotationNumber, Compare, f64),
    /// It has a mark.
    Mark(Mark),
    /// It has this attribute, which meets a condition.
    Attribute(String, TextTest),
}
