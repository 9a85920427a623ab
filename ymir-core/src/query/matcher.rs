use super::condition::AnnotationCondition;
use super::evaluate::{QueryTarget, is_true};
use super::model::Query;
use super::{bounds, display};
use crate::{Class, ClassId, ClassTable, Error, Result, Summary};

/// A query whose classes were looked up, ready to be asked.
///
/// ```
/// use ymir_core::{ClassTable, Matcher, Query};
///
/// let mut classes = ClassTable::default();
/// classes.add("cat", &[])?;
/// let query: Query = "class:Cat and area<0.5".parse()?;
/// assert!(Matcher::new(&query, &classes).is_ok());
/// let error = Matcher::new(&Query::class("cow"), &classes).unwrap_err();
/// assert!(error.to_string().contains("cow"));
/// # Ok::<(), ymir_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher {
    query: Query,
}

impl Matcher {
    /// Returns the matcher of a query with the classes of a table.
    ///
    /// # Errors
    ///
    /// - `NotFound` for a class that the table does not have, with those that it has.
    /// - `InvalidInput` for an `and` that asks one annotation to be of two classes; `any(…)` is
    ///   what was meant.
    pub fn new(query: &Query, classes: &ClassTable) -> Result<Self> {
        let query = resolve(query, classes).map_err(|error| error.with("query", query))?;
        Ok(Self { query })
    }

    /// Returns the query, with ids in place of the names of classes.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Returns whether it is true of an asset.
    pub fn matches(&self, target: &impl QueryTarget) -> bool {
        is_true(&self.query, target)
    }

    /// Returns of how many assets it is true, if the counts of a set of them tell.
    pub fn count_in(&self, summary: &Summary) -> Option<u64> {
        bounds::count(&self.query, summary)
    }
}

fn resolve(query: &Query, table: &ClassTable) -> Result<Query> {
    let all = |parts: &[Query]| -> Result<Vec<Query>> {
        parts.iter().map(|part| resolve(part, table)).collect()
    };
    Ok(match query {
        Query::And(parts) => {
            let parts = all(parts)?;
            let mut common = None;
            check_classes(&parts, &mut common, table)?;
            Query::And(parts)
        }
        Query::Or(parts) => Query::Or(all(parts)?),
        Query::Not(query) => Query::Not(Box::new(resolve(query, table)?)),
        Query::Count(query, compare, number) => {
            Query::Count(Box::new(resolve(query, table)?), *compare, *number)
        }
        Query::Annotation(AnnotationCondition::Class { classes, not }) => {
            let id = |class: &Class| match class {
                Class::Id(id) => Ok(Class::Id(*id)),
                Class::Name(name) => table.require(name).map(Class::Id),
            };
            let classes = classes.iter().map(id).collect::<Result<_>>()?;
            Query::Annotation(AnnotationCondition::Class { classes, not: *not })
        }
        Query::All | Query::Asset(_) | Query::Annotation(_) => query.clone(),
    })
}

/// Narrows the classes that an annotation can have by the parts of an `and`.
fn check_classes(
    parts: &[Query],
    common: &mut Option<Vec<ClassId>>,
    table: &ClassTable,
) -> Result<()> {
    for part in parts {
        match part {
            Query::And(parts) => check_classes(parts, common, table)?,
            Query::Annotation(AnnotationCondition::Class { classes, not: false }) => {
                let ids: Vec<ClassId> = classes.iter().filter_map(Class::id).collect();
                let before = common.get_or_insert_with(|| ids.clone());
                let first = before.first().copied();
                before.retain(|id| ids.contains(id));
                if before.is_empty() && !ids.is_empty() {
                    let name = |id: Option<ClassId>| {
                        let name = id.and_then(|id| table.name(id)).unwrap_or_default();
                        display::quoted(name)
                    };
                    let (a, b) = (name(first), name(ids.first().copied()));
                    return Err(Error::invalid(format!(
                        "one annotation cannot be of two classes; for assets with both write `any(class:{a}) and any(class:{b})`"
                    )));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
