//! Queries on the records of a version.

mod bounds;
mod condition;
mod cursor;
mod display;
mod evaluate;
mod fields;
mod glob;
mod matcher;
mod model;
mod parse;

pub use condition::{
    AnnotationCondition, AnnotationNumber, AssetCondition, AssetNumber, Compare, Mark, TextTest,
};
pub use evaluate::QueryTarget;
pub use fields::OUTCOME;
pub use matcher::Matcher;
pub use model::Query;
