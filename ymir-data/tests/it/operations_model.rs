//! Operations on dataset versions against a sorted map of what each asset has, on the store in a
//! directory and on the double.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use ymir_core::{
    AssetId, AssetStore, Branch, Class, ClassId, Matcher, Name, Query, Record, Summary, Version,
};
use ymir_data::operations::{
    Comparison, CopyOptions, FuseOptions, MergeStrategy, Part, SampleSize, SplitOptions, compare,
    copy, filter, fuse, intersect, relabel, sample_rate, split,
};

use crate::common::{add_class, boxed, commit, record, records};

type Store = Arc<dyn AssetStore>;
/// The classes of the annotations of each asset.
type Sketch = BTreeMap<usize, Vec<u32>>;

const CLASSES: [&str; 4] = ["ant", "bee", "cow", "dog"];

fn branch(name: &str) -> Branch {
    Branch::dataset(name).unwrap()
}

fn sketch() -> impl Strategy<Value = Sketch> {
    // Few classes and assets, so that what is rare happens often.
    let classes = prop::collection::vec(0u32..4, 0..4);
    prop::collection::btree_map(0usize..80, classes, 0..50)
}

fn model(sketch: &Sketch) -> BTreeMap<AssetId, Record> {
    let record = |(n, classes): (&usize, &Vec<u32>)| {
        let boxes = classes.iter().enumerate().map(|(k, class)| boxed(*class, k as f64));
        let record = record(*n, boxes.collect());
        (record.asset.id, record)
    };
    sketch.iter().map(record).collect()
}

async fn store_with_classes(store: Store) -> Store {
    for class in CLASSES {
        add_class(&store, class).await;
    }
    store
}

async fn put(store: &Store, name: &str, sketch: &Sketch) -> Version {
    commit(store, &branch(name), model(sketch).into_values().collect()).await
}

async fn content(store: &Store, version: &Version) -> Vec<Record> {
    records(store, &version.id).await
}

/// Runs the same on both stores.
fn on_both(work: impl AsyncFn(Store) -> Result<(), TestCaseError>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for store in [crate::common::store(), crate::common::git_store()] {
            work(store_with_classes(store).await).await?;
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn filtering_keeps_what_the_query_is_true_of(all in sketch()) {
        on_both(async |store| {
            let source = put(&store, "all", &all).await;
            let table = store.classes().await.unwrap();
            for text in ["class:ant", "not class:bee,cow", "boxes(class:ant)>=2 or negative"] {
                let query: Query = text.parse().unwrap();
                let matcher = Matcher::new(&query, &table).unwrap();
                let made = filter(&store, &source.id, &query, &branch("some"), &|_| ()).await.unwrap();
                let fits = |record: &Record| matcher.matches(record);
                let expected: Vec<_> = model(&all).into_values().filter(fits).collect();
                prop_assert_eq!(content(&store, &made).await, expected, "{}", text);
                let again = filter(&store, &source.id, &query, &branch("some"), &|_| ()).await.unwrap();
                prop_assert_eq!(again, made);
            }
            Ok(())
        })?;
    }

    #[test]
    fn intersecting_keeps_what_all_have(a in sketch(), b in sketch(), c in sketch()) {
        on_both(async |store| {
            let versions = [put(&store, "a", &a).await, put(&store, "b", &b).await, put(&store, "c", &c).await];
            let target = branch("shared");
            let [a_id, b_id, c_id] = versions.map(|version| version.id);
            let one = intersect(&store, &a_id, &[b_id], &target, &|_| ()).await.unwrap();
            let (mut in_b, mut in_both) = (a.clone(), a.clone());
            in_b.retain(|n, _| b.contains_key(n));
            prop_assert_eq!(content(&store, &one).await, model(&in_b).into_values().collect::<Vec<_>>());
            let two = intersect(&store, &a_id, &[c_id, b_id, c_id], &target, &|_| ()).await.unwrap();
            in_both.retain(|n, _| b.contains_key(n) && c.contains_key(n));
            prop_assert_eq!(content(&store, &two).await, model(&in_both).into_values().collect::<Vec<_>>());
            let again = intersect(&store, &a_id, &[b_id, c_id], &target, &|_| ()).await.unwrap();
            prop_assert_eq!(again, two);
            let none = intersect(&store, &a_id, &[], &target, &|_| ()).await.unwrap();
            prop_assert_eq!(content(&store, &none).await, model(&a).into_values().collect::<Vec<_>>());
            Ok(())
        })?;
    }

    #[test]
    fn a_split_divides_without_loss(
        all in sketch(),
        shares in prop::collection::vec(1u32..6, 1..4),
        rest in 0u32..4,
        seed in 0u64..4,
    ) {
        on_both(async |store| {
            let source = put(&store, "all", &all).await;
            let sum = f64::from(shares.iter().sum::<u32>() + rest);
            let part = |(i, share): (usize, &u32)| Part {
                name: Name::new(format!("part-{i}")).unwrap(),
                fraction: f64::from(*share) / sum,
            };
            let parts: Vec<Part> = shares.iter().enumerate().map(part).collect();
            let options = SplitOptions { parts: parts.clone(), seed, unstratified: false };
            let made = split(&store, &source.id, &options, &|_| ()).await.unwrap();
            let whole = model(&all);
            let mut seen = BTreeSet::new();
            for (version, part) in made.iter().zip(&parts) {
                let records = content(&store, version).await;
                let wanted = part.fraction * all.len() as f64;
                prop_assert!((records.len() as f64 - wanted).abs() <= 1.0 + 1e-6, "{} of {wanted}", records.len());
                for record in records {
                    prop_assert_eq!(whole.get(&record.asset.id), Some(&record));
                    prop_assert!(seen.insert(record.asset.id));
                }
            }
            if rest == 0 {
                prop_assert_eq!(seen.len(), all.len());
            }
            let again = split(&store, &source.id, &options, &|_| ()).await.unwrap();
            prop_assert_eq!(again, made);
            Ok(())
        })?;
    }

    #[test]
    fn relabeling_renames_merges_and_drops(all in sketch(), kept in sketch()) {
        on_both(async |store| {
            // Some annotations are of a class outside the table.
            let mut whole = model(&all);
            for (id, record) in &mut whole {
                if model(&kept).contains_key(id) {
                    record.annotations.push(boxed(0, 9.0));
                    record.annotations.last_mut().unwrap().class = Class::Name("Wasp".into());
                }
            }
            let source = commit(&store, &branch("all"), whole.values().cloned().collect()).await;
            let mut classes = BTreeMap::from([
                ("ant".to_owned(), Some("bee".to_owned())),
                ("Bee".to_owned(), Some("ant".to_owned())),
                ("cow".to_owned(), None),
            ]);
            let has_wasp = whole.values().any(|r| r.annotations.iter().any(|a| a.class.id().is_none()));
            classes.extend(has_wasp.then(|| ("wasp".to_owned(), Some("hornet".to_owned()))));
            let made = relabel(&store, &source.id, &classes, &branch("new"), &|_| ()).await.unwrap();
            let table = store.classes().await.unwrap();
            let hornet = table.find("hornet");
            prop_assert_eq!(hornet.is_some(), has_wasp);
            for record in whole.values_mut() {
                record.annotations.retain(|a| a.class != Class::Id(ClassId(2)));
                for annotation in &mut record.annotations {
                    annotation.class = match &annotation.class {
                        Class::Id(ClassId(0)) => Class::Id(ClassId(1)),
                        Class::Id(ClassId(1)) => Class::Id(ClassId(0)),
                        Class::Name(_) => Class::Id(hornet.unwrap()),
                        other => other.clone(),
                    };
                }
            }
            prop_assert_eq!(content(&store, &made).await, whole.into_values().collect::<Vec<_>>());
            let again = relabel(&store, &source.id, &classes, &branch("new"), &|_| ()).await.unwrap();
            prop_assert_eq!(again, made);
            Ok(())
        })?;
    }

    #[test]
    fn comparing_counts_the_differences(a in sketch(), b in sketch()) {
        on_both(async |store| {
            let (from, to) = (put(&store, "a", &a).await, put(&store, "b", &b).await);
            let (before, after) = (model(&a), model(&b));
            let mut expected = Comparison::default();
            let count = |summary: &mut Summary, record| summary.add(record);
            for (id, record) in &before {
                match after.get(id) {
                    None => count(&mut expected.removed, record),
                    Some(other) if other != record => {
                        count(&mut expected.before, record);
                        count(&mut expected.after, other);
                    }
                    Some(_) => {}
                }
            }
            after.iter().filter(|(id, _)| !before.contains_key(id)).for_each(|(_, r)| count(&mut expected.added, r));
            let found = compare(&store, &from.id, &to.id).await.unwrap();
            prop_assert_eq!(found.is_empty(), a == b);
            prop_assert_eq!(found, expected);
            Ok(())
        })?;
    }

    #[test]
    fn fusing_is_merging_excluding_filtering_and_sampling(
        a in sketch(), b in sketch(), c in sketch(), out in sketch(), count in 0u64..60,
    ) {
        on_both(async |store| {
            let mut sources = Vec::new();
            for (name, sketch) in [("a", &a), ("b", &b), ("c", &c)] {
                sources.push(put(&store, name, sketch).await.id);
            }
            let excluded = vec![put(&store, "out", &out).await.id];
            for conflicts in [MergeStrategy::Ours, MergeStrategy::Theirs] {
                let mut joined = Sketch::new();
                for part in [&a, &b, &c] {
                    for (n, classes) in part {
                        match conflicts {
                            MergeStrategy::Theirs => drop(joined.insert(*n, classes.clone())),
                            _ => drop(joined.entry(*n).or_insert_with(|| classes.clone())),
                        }
                    }
                }
                joined.retain(|n, classes| !out.contains_key(n) && classes.contains(&0) && !classes.contains(&3));
                let whole = FuseOptions {
                    sources: sources.clone(),
                    conflicts,
                    excluded: excluded.clone(),
                    query: "class:ant and not class:dog".parse().unwrap(),
                    ..FuseOptions::default()
                };
                let all = fuse(&store, &whole, &branch("fused"), &|_| ()).await.unwrap();
                prop_assert_eq!(content(&store, &all).await, model(&joined).into_values().collect::<Vec<_>>());
                let some = FuseOptions { sample: Some(SampleSize::Count(count)), seed: 3, ..whole.clone() };
                let some = fuse(&store, &some, &branch("fused"), &|_| ()).await.unwrap();
                let sampled = ymir_data::operations::sample(&store, &all.id, count, 3, &branch("sampled")).await.unwrap();
                prop_assert_eq!(some.content, sampled.content);
                let half = FuseOptions { sample: Some(SampleSize::Rate(0.5)), seed: 3, ..whole.clone() };
                let half = fuse(&store, &half, &branch("fused"), &|_| ()).await.unwrap();
                let sampled = sample_rate(&store, &all.id, 0.5, 3, &branch("sampled")).await.unwrap();
                prop_assert_eq!(half.content, sampled.content);
                let again = fuse(&store, &whole, &branch("fused"), &|_| ()).await.unwrap();
                prop_assert_eq!(again, all);
            }
            let stop = FuseOptions { sources, ..FuseOptions::default() };
            let clash = a.iter().any(|(n, x)| b.get(n).is_some_and(|y| x != y) || c.get(n).is_some_and(|y| x != y))
                || b.iter().any(|(n, x)| c.get(n).is_some_and(|y| x != y));
            prop_assert_eq!(fuse(&store, &stop, &branch("fused"), &|_| ()).await.is_err(), clash);
            Ok(())
        })?;
    }

    #[test]
    fn copying_maps_classes_by_name(all in sketch()) {
        on_both(async |store| {
            let source = put(&store, "all", &all).await;
            let other = crate::common::store();
            for class in ["dog", "ANT"] {
                add_class(&other, class).await;
            }
            let options = CopyOptions { without_files: true, ..CopyOptions::default() };
            let made = copy(&store, &source.id, &other, &branch("copy"), &options, &|_| ()).await.unwrap();
            let table = other.classes().await.unwrap();
            let mut expected = model(&all);
            for annotation in expected.values_mut().flat_map(|record| &mut record.annotations) {
                let Class::Id(id) = annotation.class else { unreachable!() };
                annotation.class = Class::Id(table.find(CLASSES[id.0 as usize]).unwrap());
            }
            prop_assert_eq!(content(&other, &made).await, expected.into_values().collect::<Vec<_>>());
            let again = copy(&store, &source.id, &other, &branch("copy"), &options, &|_| ()).await.unwrap();
            prop_assert_eq!(again, made);
            Ok(())
        })?;
    }
}
