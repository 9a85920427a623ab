use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{
    AssetId, AssetStore, Branch, ClassId, Error, Name, OnProgress, Record, Records, Result,
    Summary, TaskKind, Version, VersionId,
};
use ymir_formats::support::blocking;

use super::commit::{Operation, Plan};
use super::rank::{Rank, rank};

/// How far the sum of the fractions may be above 1, since tenths are no exact numbers.
const SLACK: f64 = 1e-9;

/// One part of a [`split`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The name of the branch that it is committed to.
    pub name: Name,
    /// Its share of the assets, above 0 and up to 1.
    pub fraction: f64,
}

/// How [`split`] divides a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitOptions {
    /// The parts; what they leave of 1 is in none of them.
    pub parts: Vec<Part>,
    /// What the random choices start from.
    #[serde(default)]
    pub seed: u64,
    /// Whether classes are spread without regard to how rare they are.
    #[serde(default)]
    pub unstratified: bool,
}

/// Divides the records of a version by chance into parts that have no asset in common, and commits
/// each to a branch of its own. Returns their versions in the order of the parts.
///
/// Each part has its fraction of the assets, to one more or less, and as nearly as whole assets
/// allow of those without annotations and of those of each class: an asset counts with the rarest
/// of its classes, so that rare classes are spread the most evenly. Which assets go where depends
/// on the seed, the parts and the records alone. An id per asset is held in memory, no records.
///
/// The parts are committed one after the other; a split that is broken off has made whole parts
/// only, and the same split makes the others.
///
/// # Errors
///
/// - `NotFound` if the version does not exist.
/// - `InvalidInput` if there are no parts, two of one name, a fraction that is not above 0, or
///   more than 1 together.
pub async fn split(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    options: &SplitOptions,
    on_progress: OnProgress<'_>,
) -> Result<Vec<Version>> {
    check(&options.parts)?;
    let kind = store.version(source).await?.branch.kind;
    let branches: Vec<Branch> =
        options.parts.iter().map(|part| Branch::new(kind, part.name.clone())).collect();
    let fractions: Vec<f64> = options.parts.iter().map(|part| part.fraction).collect();
    let mut operations = Vec::new();
    let mut made = Vec::new();
    for (i, branch) in branches.iter().enumerate() {
        let operation = Operation::new(store, TaskKind::Select, "split", source, branch).await?;
        let mut operation = operation
            .parameter("fractions", serde_json::json!(fractions))
            .parameter("part", i)
            .parameter("stratified", !options.unstratified)
            .seed(options.seed)
            .telling(on_progress);
        made.push(operation.find().await?);
        operations.push(operation);
    }
    if made.iter().all(Option::is_some) {
        return Ok(made.into_iter().flatten().collect());
    }
    let seed = options.seed;
    let strata = strata(store, source, options).await?;
    let parts = blocking(move || Ok(divide(strata, &fractions, seed))).await?;
    let mut versions = Vec::new();
    for (((ids, operation), part), made) in
        parts.into_iter().zip(operations).zip(&options.parts).zip(made)
    {
        versions.push(match made {
            Some(version) => version,
            None => {
                let message =
                    format!("Split {} off {} (seed {seed})", part.fraction, operation.source());
                operation.commit(Plan::Keep(ids), message).await?
            }
        });
    }
    Ok(versions)
}

fn check(parts: &[Part]) -> Result<()> {
    if parts.is_empty() {
        return Err(Error::invalid("a split needs at least one part"));
    }
    for (i, part) in parts.iter().enumerate() {
        if parts[..i].iter().any(|other| other.name == part.name) {
            let message = "two parts of the split have one name";
            return Err(Error::invalid(message).with("part", &part.name));
        }
        if !(part.fraction > 0.0 && part.fraction <= 1.0) {
            let message = "the fraction of a part must be above 0 and at most 1";
            return Err(Error::invalid(message)
                .with("part", &part.name)
                .with("fraction", part.fraction));
        }
    }
    let sum: f64 = parts.iter().map(|part| part.fraction).sum();
    if sum > 1.0 + SLACK {
        let message = "the fractions of the parts must not be more than 1 together";
        return Err(Error::invalid(message).with("sum", sum));
    }
    Ok(())
}

/// The assets by what they count as; first the rarest class.
type Strata = BTreeMap<(u64, Option<ClassId>), Vec<AssetId>>;

async fn strata(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    options: &SplitOptions,
) -> Result<Strata> {
    let summary = store.manifest(source).await?.summary;
    let mut strata = Strata::new();
    let mut pages = Records::all(store.as_ref(), *source);
    while let Some(records) = pages.next_page().await? {
        for record in records {
            let stratum = match options.unstratified {
                true => (0, None),
                false => rarest(&record, &summary),
            };
            strata.entry(stratum).or_default().push(record.asset.id);
        }
    }
    Ok(strata)
}

/// Returns the rarest class of a record with the number of assets that have it; none where it has
/// no class of the table, last of all.
fn rarest(record: &Record, summary: &Summary) -> (u64, Option<ClassId>) {
    let classes = record.annotations.iter().filter_map(|annotation| annotation.class.id());
    let rarest = classes.map(|class| (summary.count(Some(class)), Some(class))).min();
    rarest.unwrap_or((u64::MAX, None))
}

/// Returns the ids of each part, in their order.
fn divide(strata: Strata, fractions: &[f64], seed: u64) -> Vec<Vec<AssetId>> {
    let mut parts = vec![Vec::new(); fractions.len()];
    // What each part, and the rest that is in none, was given too little of so far.
    let rest = (1.0 - fractions.iter().sum::<f64>()).max(0.0);
    let shares: Vec<f64> = fractions.iter().copied().chain([rest]).collect();
    let mut owed = vec![0.0; shares.len()];
    for ids in strata.into_values() {
        let mut ranked: Vec<Rank> = ids.into_iter().map(|id| rank(seed, id)).collect();
        ranked.sort_unstable();
        let counts = whole_counts(ranked.len(), &shares, &mut owed);
        let mut ids = ranked.into_iter().map(|(_, id)| id);
        for (part, count) in parts.iter_mut().zip(counts) {
            part.extend(ids.by_ref().take(count));
        }
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    parts
}

/// Returns how many of a number of assets each share gets: all together, each to the next whole
/// number, the ones that are owed the most rounded up.
fn whole_counts(assets: usize, shares: &[f64], owed: &mut [f64]) -> Vec<usize> {
    for (owed, share) in owed.iter_mut().zip(shares) {
        *owed += share * assets as f64;
    }
    let mut counts: Vec<usize> = owed.iter().map(|owed| owed.max(0.0) as usize).collect();
    let mut given: usize = counts.iter().sum();
    let by_need = |counts: &[usize]| {
        let mut order: Vec<usize> = (0..shares.len()).collect();
        let need = |i: usize| owed[i] - counts[i] as f64;
        order.sort_by(|a, b| need(*b).total_cmp(&need(*a)));
        order
    };
    while given < assets {
        let neediest = by_need(&counts)[0];
        counts[neediest] += 1;
        given += 1;
    }
    while given > assets {
        let order = by_need(&counts);
        let least = order.into_iter().rev().find(|i| counts[*i] > 0);
        counts[least.expect("what was given is not nothing")] -= 1;
        given -= 1;
    }
    owed.iter_mut().zip(&counts).for_each(|(owed, count)| *owed -= *count as f64);
    counts
}
