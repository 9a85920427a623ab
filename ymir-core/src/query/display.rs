use std::fmt;

use super::condition::{AnnotationCondition, AssetCondition, Compare, TextTest};
use super::fields::{
    ANNOTATION_NUMBERS, ASSET, ASSET_NUMBERS, BOX, COMPARISONS, MARKS, MEDIA_TYPES, name_of,
    nearest,
};
use super::model::Query;
use crate::Class;

/// Returns a text as a value of a query: in quotes where it needs them.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-.*?/+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { in_quotes(text) }
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns whether a text is read as a name where it stands without quotes.
pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Returns a key as it stands behind `box.` and `asset.`.
fn key(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(is_name);
    if plain { text.to_owned() } else { in_quotes(text) }
}

fn sign(compare: Compare) -> &'static str {
    name_of(&COMPARISONS, &compare).unwrap_or("=")
}

fn list(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(",")
}

impl fmt::Display for TextTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(compare, value) => write!(f, "{}{}", sign(*compare), quoted(value)),
            Self::Like(pattern) => write!(f, ":{}", quoted(pattern)),
        }
    }
}

impl fmt::Display for AssetCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number, compare, value) => {
                let name = name_of(&ASSET_NUMBERS, number).unwrap_or_default();
                write!(f, "{name}{}{value}", sign(*compare))
            }
            Self::MediaType(kinds) => {
                let names = kinds.iter().map(|kind| name_of(&MEDIA_TYPES, kind));
                write!(f, "type:{}", list(names.map(|name| name.unwrap_or_default().to_owned())))
            }
            Self::FileName(pattern) => write!(f, "name:{}", quoted(pattern)),
            Self::Id(ids) => write!(f, "id:{}", list(ids.iter().map(ToString::to_string))),
            Self::Attribute(name, test) => {
                let alone =
                    nearest(name).is_none() && !name.starts_with(ASSET) && !name.starts_with(BOX);
                write!(f, "{}{}{test}", if alone { "" } else { ASSET }, key(name))
            }
        }
    }
}

impl fmt::Display for AnnotationCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class { classes, not } => {
                let name = |class: &Class| match class {
                    Class::Name(name) => quoted(name),
                    Class::Id(id) => format!("#{id}"),
                };
                let sign = if *not { "!=" } else { ":" };
                write!(f, "class{sign}{}", list(classes.iter().map(name)))
            }
            Self::Unlisted(names) => {
                write!(f, "unlisted:{}", list(names.iter().map(|name| quoted(name))))
            }
            Self::Number(number, compare, value) => {
                let name = name_of(&ANNOTATION_NUMBERS, number).unwrap_or_default();
                write!(f, "{name}{}{value}", sign(*compare))
            }
            Self::Mark(mark) => {
                write!(f, "flag:{}", name_of(&MARKS, mark).unwrap_or_default())
            }
            Self::Attribute(name, test) => write!(f, "{BOX}{}{test}", key(name)),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::And(parts) => match parts.as_slice() {
                [] => f.write_str("all"),
                [part] => part.fmt(f),
                parts => join(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            },
            Self::Or(parts) => match parts.as_slice() {
                [] => f.write_str("not all"),
                [part] => part.fmt(f),
                parts => join(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            },
            Self::Not(query) => match **query {
                Self::And(_) | Self::Or(_) => write!(f, "not ({query})"),
                _ => write!(f, "not {query}"),
            },
            Self::Count(query, compare, number) => match (&**query, compare, number) {
                (Self::All, Compare::Equal, 0) => f.write_str("negative"),
                (Self::All, ..) => write!(f, "boxes{}{number}", sign(*compare)),
                (_, Compare::GreaterOrEqual, 1) => write!(f, "any({query})"),
                _ => write!(f, "boxes({query}){}{number}", sign(*compare)),
            },
            Self::Asset(condition) => condition.fmt(f),
            Self::Annotation(condition) => condition.fmt(f),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    parts: &[Query],
    word: &str,
    in_parentheses: impl Fn(&Query) -> bool,
) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { word })?;
        if in_parentheses(part) { write!(f, "({part})")? } else { write!(f, "{part}")? }
    }
    Ok(())
}

impl From<Query> for String {
    fn from(query: Query) -> Self {
        query.to_string()
    }
}
