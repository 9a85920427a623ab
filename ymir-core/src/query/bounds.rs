//! What the counts of a set of assets tell about a query.

use super::condition::{AnnotationCondition, Compare};
use super::model::Query;
use crate::{Class, Summary};

/// Returns of how many assets of a set a query is true, if its counts tell.
pub(super) fn count(query: &Query, summary: &Summary) -> Option<u64> {
    let all = summary.assets;
    if all == 0 {
        return Some(0);
    }
    match query {
        Query::All => Some(all),
        Query::Not(query) => count(query, summary).map(|count| all.saturating_sub(count)),
        Query::And(parts) => {
            let counts: Vec<_> = parts.iter().map(|part| (part, count(part, summary))).collect();
            if counts.iter().any(|(_, count)| *count == Some(0)) {
                return Some(0);
            }
            // What is true of each asset adds nothing, unless it asks for a certain annotation.
            let adds = |(part, count): &&(&Query, Option<u64>)| {
                *count != Some(all) || part.looks_at_annotation()
            };
            only(counts.iter().filter(adds).map(|(_, count)| *count), all)
        }
        Query::Or(parts) => {
            let counts: Vec<_> = parts.iter().map(|part| count(part, summary)).collect();
            if counts.contains(&Some(all)) {
                return Some(all);
            }
            only(counts.into_iter().filter(|count| *count != Some(0)), 0)
        }
        Query::Count(query, compare, number) => of_count(query, *compare, *number, summary),
        Query::Annotation(condition) => of_annotation(condition, summary),
        Query::Asset(_) => None,
    }
}

/// Returns the count of the only part; another one where there are no parts.
fn only(mut counts: impl Iterator<Item = Option<u64>>, none: u64) -> Option<u64> {
    match (counts.next(), counts.next()) {
        (None, _) => Some(none),
        (Some(count), None) => count,
        _ => None,
    }
}

fn of_count(query: &Query, compare: Compare, number: u64, summary: &Summary) -> Option<u64> {
    let all = summary.assets;
    let with = |count: u64| compare.holds(Some(count.cmp(&number)));
    let none = summary.annotations == 0 || count(query, summary) == Some(0);
    if none {
        return Some(if with(0) { all } else { 0 });
    }
    // The same for 1 and all that may come: only whether there are any decides.
    let some = match (with(0), with(1)) {
        _ if number > 1 => return (number > summary.annotations && !with(0)).then_some(0),
        (false, true) if compare != Compare::Equal => true,
        (true, false) if compare != Compare::NotEqual => false,
        _ => return None,
    };
    let having = match query {
        Query::All => all.saturating_sub(summary.negatives),
        query if query.needs_annotation() => count(query, summary)?,
        _ => return None,
    };
    Some(if some { having } else { all.saturating_sub(having) })
}

fn of_annotation(condition: &AnnotationCondition, summary: &Summary) -> Option<u64> {
    if summary.annotations == 0 {
        return Some(0);
    }
    let AnnotationCondition::Class { classes, not } = condition else { return None };
    let mut present: Vec<_> =
        classes.iter().filter_map(Class::id).filter(|id| summary.count(Some(*id)) > 0).collect();
    present.sort_unstable();
    present.dedup();
    let with = |id| summary.count(Some(id));
    match (not, present.as_slice()) {
        (false, []) => Some(0),
        (false, [one]) => Some(with(*one)),
        (false, several) => {
            several.iter().any(|id| with(*id) == summary.assets).then_some(summary.assets)
        }
        (true, []) => Some(summary.assets.saturating_sub(summary.negatives)),
        (true, present) => {
            let of = |id| summary.classes.get(id).map_or(0, |count| count.annotations);
            let sum: u64 = present.iter().map(of).sum();
            (sum == summary.annotations).then_some(0)
        }
    }
}
