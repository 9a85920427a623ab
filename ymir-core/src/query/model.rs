use serde::{Deserialize, Serialize};

use super::condition::{AnnotationCondition, AssetCondition, Compare};
use crate::Class;

/// A question that is true or not of each asset of a version with its annotations.
///
/// # Meaning
///
/// A query is looked at together with **one annotation** of the asset, or with none: conditions on
/// assets look at the asset, conditions on annotations at that annotation. It is true of an asset
/// if there is a choice with which it is true as a whole. Therefore
///
/// - `class:WBC and area<0.01` asks for one annotation that is both a WBC and small;
/// - an `or` may be multiplied out: `class:WBC and (area<0.01 or score>0.5)` is
///   `(class:WBC and area<0.01) or (class:WBC and score>0.5)`;
/// - `any(…)` looks for an annotation of its own: `any(class:WBC) and any(class:RBC)` asks for
///   assets that have both;
/// - `boxes(…)>=3` counts the annotations for which what stands in the parentheses is true, and
///   `boxes>=3` all of them, of whatever shape;
/// - `not …` is about the asset: there is no choice with which what follows is true. `not class:RBC`
///   asks for assets without any RBC, `class!=RBC` for those with an annotation of another class.
///
/// # Text
///
/// [`str::parse`] reads it, and [`Display`](std::fmt::Display) writes a text that reads as the same
/// query.
///
/// | on assets | |
/// |---|---|
/// | `width` `height` `bytes` `channels` | of the image; `width>=640` |
/// | `aspect` | width by height |
/// | `type:jpeg,png` | the kind of file |
/// | `name:*.jpg` | the file name; `*` is any text, `?` any character |
/// | `id:…` | by whole ids, separated by commas |
/// | `camera=3`, `asset.width=3` | an attribute; the longer form where a field has the name |
/// | `negative` | without annotations |
/// | `boxes>=3`, `boxes(class:WBC)>=3`, `any(class:WBC)` | see above |
/// | `all` | every asset |
///
/// | on annotations | |
/// |---|---|
/// | `class:WBC,RBC`, `class!=WBC` | of one of these classes; of none of them |
/// | `unlisted:NAME` | of a class that is kept by name, outside the class table |
/// | `area` `box_width` `box_height` | of the bounding box, relative to the image: 0 to 1 |
/// | `area_px` `box_width_px` `box_height_px` | the same in pixels |
/// | `score` `quality` | of a prediction; an annotation without one meets no condition on it |
/// | `flag:difficult` | difficult, truncated, occluded, crowd |
/// | `outcome:fp,fn` | of an evaluation: tp, fp, fn, ignored; short for `box.outcome=fp or …` |
/// | `box.colour=red` | an attribute |
///
/// The comparisons are `=` `!=` `<` `<=` `>` `>=`, and `:` for a pattern. Attributes are compared
/// as numbers where both sides are numbers, and as texts where neither is; a number and a text
/// are different, and neither is less. What lacks an attribute meets no condition on it, not even
/// `!=`. Texts with spaces or signs stand in quotes, single or double; so does one that begins
/// with a sign of comparisons, since `camera==3` is a slip. `and` binds more closely than `or`.
///
/// ```
/// use ymir_core::Query;
///
/// let query: Query = "class:WBC and area < 0.01 and camera = 3".parse()?;
/// assert_eq!(query.to_string(), "class:WBC and area<0.01 and camera=3");
/// let error = "class:WBC and area < small".parse::<Query>().unwrap_err();
/// assert!(error.to_string().starts_with("column 22 of the query: expected a number"));
/// # Ok::<(), ymir_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Query {
    /// True of every asset.
    #[default]
    All,
    /// All of these are true, with the same annotation; none of them is the same as `All`.
    And(Vec<Query>),
    /// At least one of these is true; none of them is true of nothing.
    Or(Vec<Query>),
    /// This is not true of the asset, with whatever annotation.
    Not(Box<Query>),
    /// The number of annotations with which this is true compares so.
    Count(Box<Query>, Compare, u64),
    /// A condition on the asset.
    Asset(AssetCondition),
    /// A condition on the annotation.
    Annotation(AnnotationCondition),
}

impl Query {
    /// Returns the query for an annotation of a class, by name.
    pub fn class(name: impl Into<String>) -> Self {
        let classes = vec![Class::Name(name.into())];
        Self::Annotation(AnnotationCondition::Class { classes, not: false })
    }

    /// Returns the query for assets that have an annotation with which another is true.
    pub fn any(query: Self) -> Self {
        Self::Count(Box::new(query), Compare::GreaterOrEqual, 1)
    }

    /// Returns the query for assets without annotations.
    pub fn negative() -> Self {
        Self::Count(Box::new(Self::All), Compare::Equal, 0)
    }

    /// Returns the query that is true where this one and another are, with the same annotation.
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::And(mut parts) => {
                parts.push(other);
                Self::And(parts)
            }
            query => Self::And(vec![query, other]),
        }
    }

    /// Returns the query that is true where this one or another is.
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Or(mut parts) => {
                parts.push(other);
                Self::Or(parts)
            }
            query => Self::Or(vec![query, other]),
        }
    }

    /// Returns the query that is true of the assets of which this one is not.
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Returns whether a condition on annotations looks at an annotation that is chosen outside.
    pub(super) fn looks_at_annotation(&self) -> bool {
        match self {
            Self::All | Self::Not(_) | Self::Count(..) | Self::Asset(_) => false,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::looks_at_annotation),
            Self::Annotation(_) => true,
        }
    }

    /// Returns whether it can be true only with an annotation.
    pub(super) fn needs_annotation(&self) -> bool {
        match self {
            Self::All | Self::Not(_) | Self::Count(..) | Self::Asset(_) => false,
            Self::And(parts) => parts.iter().any(Self::needs_annotation),
            Self::Or(parts) => !parts.is_empty() && parts.iter().all(Self::needs_annotation),
            Self::Annotation(_) => true,
        }
    }
}
