use std::sync::Arc;
use std::time::Instant;

use futures::TryStreamExt;
use futures::future::BoxFuture;
use ymir::{
    AssetStore, Branch, FindOptions, Images, Loader, LoaderOptions, MergeStrategy, Name, Part,
    Query, Result, Selector, SplitOptions, VersionId, operations,
};
use ymir_benches::harness::Run;
use ymir_benches::measure::peak_memory;
use ymir_benches::report::Row;

use super::{branch, open, tip};

const QUERIES: [(&str, &str); 4] = [
    ("class:'class 3'", "of one class, by the counts"),
    ("class:'class 3' and area<0.002", "of one class and small boxes, by scan"),
    ("width>2000 or boxes(area>0.05)>=2", "of many large boxes, by scan"),
    ("name:*77.jpg", "by file name, by scan"),
];

pub(super) fn query(run: &Run) -> Result<()> {
    let store = open(run)?;
    let id = tip(run, &store)?.id;
    for (text, what) in QUERIES {
        let query: Query = text.parse()?;
        let all = FindOptions::default();
        let find = |options| run.runtime.block_on(store.find(&id, &query, options));
        let (mut counts, mut finds, mut pages) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            let start = Instant::now();
            let count = run.runtime.block_on(store.count(&id, &query))?;
            counts.push(start.elapsed());
            let start = Instant::now();
            assert_eq!(count, find(all)?.len() as u64);
            finds.push(start.elapsed());
            let start = Instant::now();
            find(FindOptions { limit: 100, ..all })?;
            pages.push(start.elapsed());
        }
        run.row(Row::new(format!("count {what}"), counts));
        run.row(Row::new(format!("  all ids {what}"), finds));
        run.row(Row::new(format!("  the first 100 ids {what}"), pages));
    }
    run.row(Row::new("  peak memory of querying", Vec::new()).memory(peak_memory()));
    Ok(())
}

/// Measures the operations, in the order that leaves the merges nothing warm.
pub(super) fn operate(run: &Run) -> Result<()> {
    let store: Arc<dyn AssetStore> = Arc::new(open(run)?);
    let id = latest(run, &store, &branch())?;
    let time = |what: &str, work: BoxFuture<'_, Result<()>>| -> Result<()> {
        run.time(what, || run.runtime.block_on(work))
    };
    for (other, what) in [
        ("grown", "merge of two that differ in 1,000, cold"),
        ("changed", "merge of two that differ in 1,000, warm"),
    ] {
        let other_id = latest(run, &store, &Branch::dataset(other)?)?;
        let target = Branch::dataset(&format!("merged-{other}"))?;
        let merged = operations::merge(&store, &id, &other_id, MergeStrategy::Theirs, &target);
        time(what, Box::pin(async { merged.await.map(drop) }))?;
    }
    let target = Branch::dataset("made")?;
    let query = "class:'class 3' and area<0.002".parse()?;
    let filtered = operations::filter(&store, &id, &query, &target, &|_| ());
    time("filter by class and small boxes", Box::pin(async { filtered.await.map(drop) }))?;
    let part = |name, fraction| -> Result<Part> { Ok(Part { name: Name::new(name)?, fraction }) };
    let parts = vec![part("train", 0.8)?, part("val", 0.2)?];
    let options = SplitOptions { parts, seed: 1, unstratified: false };
    let split = operations::split(&store, &id, &options, &|_| ());
    time("split in 0.8 and 0.2", Box::pin(async { split.await.map(drop) }))?;
    let train = [latest(run, &store, &Branch::dataset("train")?)?];
    let intersected = operations::intersect(&store, &id, &train, &target, &|_| ());
    time("intersect with 0.8 of it", Box::pin(async { intersected.await.map(drop) }))?;
    let options = LoaderOptions { images: Images::None, batch: 256, ..LoaderOptions::default() };
    let epoch =
        async { Loader::new(&store, &id, options).await?.try_for_each(async |_| Ok(())).await };
    time("one epoch of records in random order", Box::pin(epoch))
}

fn latest(run: &Run, store: &Arc<dyn AssetStore>, branch: &Branch) -> Result<VersionId> {
    Ok(run.runtime.block_on(store.resolve(branch, &Selector::Latest))?.id)
}
