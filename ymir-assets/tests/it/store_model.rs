//! Property tests: the store against a plain sorted map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ymir_assets::{GitAssetStore, StoreOptions};
use ymir_core::{
    Annotation, Asset, AssetId, AssetStore, BBox, Base, Branch, Change, Class, ClassId,
    CommitRequest, DiffOptions, Edit, Edits, Expect, FindOptions, Manifest, Matcher, MediaType,
    NewClass, PageOptions, Query, Record, Summary, Version,
};

type Model = BTreeMap<AssetId, Record>;

/// How many different assets there are.
const UNIVERSE: usize = 1500;
const CLASSES: u32 = 4;

/// Returns the n-th id. A third of them share all but the last two bytes, so that leaves split and
/// merge at every depth; a third share the first byte; the others are spread.
fn id(n: usize) -> AssetId {
    let mut bytes = *AssetId::of(&n.to_le_bytes()).as_bytes();
    match n % 3 {
        0 => {
            bytes[..30].fill(0xab);
            bytes[30..].copy_from_slice(&(n as u16).to_be_bytes());
        }
        1 => bytes[0] = 0xab,
        _ => {}
    }
    AssetId::new(bytes)
}

fn record(n: usize, variant: u8) -> Record {
    let asset = Asset {
        id: id(n),
        width: 100 + u32::from(variant),
        height: n as u32,
        channels: 3,
        byte_size: n as u64,
        media_type: MediaType::Png,
        file_name: format!("{n}.png"),
        attributes: BTreeMap::new(),
    };
    let annotation = |k: usize| {
        let class = Class::Id(ClassId((n / 7 + k) as u32 % CLASSES));
        Annotation::new(class, BBox::new(n as f64 / 3.0, 0.0, 1.0, f64::from(variant)))
    };
    Record { asset, annotations: (0..n % 3).map(annotation).collect() }
}

/// A run of assets that are put in, in a variant, or taken out.
#[derive(Debug, Clone)]
struct Step {
    start: usize,
    len: usize,
    variant: Option<u8>,
}

impl Step {
    fn edits(&self) -> Vec<Edit> {
        let numbers = self.start..(self.start + self.len).min(UNIVERSE);
        let edit = |n| match self.variant {
            Some(variant) => Edit::Put(record(n, variant)),
            None => Edit::Remove(id(n)),
        };
        numbers.map(edit).collect()
    }
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let variant = prop_oneof![3 => (0u8..3).prop_map(Some), 2 => Just(None)];
    let len = prop_oneof![1usize..4, 1usize..UNIVERSE];
    let step =
        (0..UNIVERSE, len, variant).prop_map(|(start, len, variant)| Step { start, len, variant });
    prop::collection::vec(prop::collection::vec(step, 1..4), 1..6)
}

fn apply(model: &mut Model, edits: &[Edit]) {
    for edit in edits {
        match edit {
            Edit::Put(record) => drop(model.insert(record.asset.id, record.clone())),
            Edit::Remove(id) => drop(model.remove(id)),
        }
    }
}

struct Fixture {
    store: GitAssetStore,
    runtime: tokio::runtime::Runtime,
    _dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        GitAssetStore::init(dir.path()).unwrap();
        // A cache so small that what is read comes from the disk now and then.
        #[allow(clippy::needless_update, reason = "the feature s3 has more options")]
        let options = StoreOptions { cache_bytes: 200_000, ..StoreOptions::default() };
        let store = GitAssetStore::open_with(dir.path(), options).unwrap();
        let classes: Vec<_> = (0..CLASSES).map(|n| NewClass::new(format!("c{n}"))).collect();
        runtime.block_on(store.add_classes(&classes)).unwrap();
        Self { store, runtime, _dir: dir }
    }

    fn commit(&self, name: &str, edits: Vec<Edit>) -> Version {
        let request = CommitRequest {
            branch: Branch::dataset(name).unwrap(),
            base: Base::Tip,
            edits: Edits::from(edits),
            expect: Expect::Any,
            manifest: Manifest::default(),
            message: "Step".into(),
        };
        self.runtime.block_on(self.store.commit(request)).unwrap()
    }

    fn check_reads(&self, version: &Version, model: &Model, offset: usize, limit: usize) {
        let page = |options| self.runtime.block_on(self.store.page(&version.id, options)).unwrap();
        for class in (0..CLASSES).map(|n| Some(ClassId(n))).chain([None]) {
            let has = |record: &&Record| {
                class.is_none() || record.annotations.iter().any(|a| a.class.id() == class)
            };
            let expected: Vec<&Record> = model.values().filter(has).collect();
            let found = page(PageOptions { offset: offset as u64, limit, class });
            assert_eq!(found.total, expected.len() as u64);
            let run: Vec<&Record> = expected.iter().skip(offset).take(limit).copied().collect();
            assert_eq!(found.records.iter().collect::<Vec<_>>(), run);
            let ids = self.runtime.block_on(self.store.asset_ids(&version.id, class)).unwrap();
            assert!(ids.into_iter().eq(expected.iter().map(|record| record.asset.id)));
        }
        self.check_queries(version, model, offset, limit);
        let mut summary = Summary::default();
        model.values().for_each(|record| summary.add(record));
        let manifest = self.runtime.block_on(self.store.manifest(&version.id)).unwrap();
        assert_eq!(manifest.summary, summary);
        let ids: Vec<AssetId> = (0..UNIVERSE).step_by(17).map(id).collect();
        let found = self.runtime.block_on(self.store.get(&version.id, &ids)).unwrap();
        let expected: Vec<_> = ids.iter().map(|id| model.get(id).cloned()).collect();
        assert_eq!(found, expected);
    }

    fn check_queries(&self, version: &Version, model: &Model, offset: usize, limit: usize) {
        let classes = self.runtime.block_on(self.store.classes()).unwrap();
        let some_id = format!("id:{},{}", id(offset), id(offset + 1));
        for text in [
            "all",
            "negative",
            "class:c1",
            "not class:c1,c2",
            "class:c1 and box_height_px>=1",
            "any(class:c0) and any(class:c1)",
            "width=101 and not boxes>1",
            "name:1*.png or height>1000",
            &some_id,
        ] {
            let query: Query = text.parse().unwrap();
            let matcher = Matcher::new(&query, &classes).unwrap();
            let fits = |record: &&Record| matcher.matches(*record);
            let expected: Vec<AssetId> =
                model.values().filter(fits).map(|record| record.asset.id).collect();
            let count = self.runtime.block_on(self.store.count(&version.id, &query)).unwrap();
            assert_eq!(count, expected.len() as u64, "{text}");
            for after in [None, Some(id(offset)), expected.get(offset).copied()] {
                let rest = expected.iter().filter(|id| after.is_none_or(|after| **id > after));
                let rest: Vec<AssetId> = rest.copied().collect();
                for (offset, limit) in [(0, limit), (offset, limit), (0, usize::MAX), (7, 1)] {
                    let options = FindOptions { after, offset: offset as u64, limit };
                    let find = self.store.find(&version.id, &query, options);
                    let found = self.runtime.block_on(find).unwrap();
                    let run = rest.iter().skip(offset).take(limit);
                    assert!(found.iter().eq(run), "{text} {options:?}");
                }
            }
        }
    }

    fn check_diff(&self, from: (&Version, &Model), to: (&Version, &Model), page: usize) {
        let mut expected: BTreeMap<AssetId, Change> = BTreeMap::new();
        for (id, record) in from.1 {
            match to.1.get(id) {
                None => drop(expected.insert(*id, Change::Removed(record.clone()))),
                Some(other) if other == record => {}
                Some(other) => {
                    let (from, to) = (record.clone(), other.clone());
                    expected.insert(*id, Change::Changed { from, to });
                }
            }
        }
        let added = to.1.iter().filter(|(id, _)| !from.1.contains_key(id));
        expected.extend(added.map(|(id, record)| (*id, Change::Added(record.clone()))));
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let options = DiffOptions { after, limit: page };
            let diff = self.store.diff(&from.0.id, &to.0.id, options);
            let part = self.runtime.block_on(diff).unwrap();
            let Some(last) = part.last() else { break };
            after = Some(last.id());
            found.extend(part);
        }
        assert_eq!(found, expected.into_values().collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Page, count, lookup, class filter and diff agree with the map after every commit, and a
    /// commit of the final records in one go has the same content.
    #[test]
    fn the_store_is_a_sorted_map(
        commits in steps(),
        offset in 0..UNIVERSE,
        limit in 0usize..400,
        diff_page in 1usize..500,
    ) {
        let fixture = Fixture::new();
        let mut history: Vec<(Version, Model)> = Vec::new();
        let mut model = Model::new();
        for steps in &commits {
            let edits: Vec<Edit> = steps.iter().flat_map(Step::edits).collect();
            apply(&mut model, &edits);
            let version = fixture.commit("steps", edits);
            fixture.check_reads(&version, &model, offset, limit);
            if let Some((before, old)) = history.last() {
                fixture.check_diff((before, old), (&version, &model), diff_page);
            }
            history.push((version, model.clone()));
        }
        let ((first, oldest), (last, newest)) = (&history[0], &history[history.len() - 1]);
        fixture.check_diff((last, newest), (first, oldest), diff_page);

        let mut at_once: Vec<Edit> = model.values().cloned().map(Edit::Put).collect();
        at_once.reverse();
        let at_once = fixture.commit("at-once", at_once);
        prop_assert_eq!(at_once.content, last.content);
        prop_assert_eq!(
            fixture.runtime.block_on(fixture.store.diff(&last.id, &at_once.id, DiffOptions::default())).unwrap(),
            vec![]
        );
    }

    /// Versions have equal content only if their records are equal.
    #[test]
    fn content_tells_records_apart(
        a in prop::collection::btree_map(0usize..40, 0u8..2, 0..40),
        b in prop::collection::btree_map(0usize..40, 0u8..2, 0..40),
    ) {
        let fixture = Fixture::new();
        let commit = |name, set: &BTreeMap<usize, u8>| {
            let edits = set.iter().map(|(n, variant)| Edit::Put(record(*n, *variant))).collect();
            fixture.commit(name, edits).content
        };
        let records = |set: &BTreeMap<usize, u8>| -> Vec<Record> {
            set.iter().map(|(n, variant)| record(*n, *variant)).collect()
        };
        prop_assert_eq!(commit("a", &a) == commit("b", &b), records(&a) == records(&b));
    }
}

/// Many edits take the path in buckets, in parallel; the result is that of many small commits.
#[test]
fn a_large_commit_equals_many_small_ones() {
    let fixture = Fixture::new();
    let records = |range: std::ops::Range<u64>| {
        let source = ymir_testkit::generate::records::SyntheticRecords {
            assets: 0,
            boxes: 2,
            classes: CLASSES,
            seed: 3,
        };
        range.map(move |n| Edit::Put(source.record(n)))
    };
    // Twice the same and half of it taken out again, in one commit.
    let removed = records(6000..12_000).map(|edit| match edit {
        Edit::Put(record) => Edit::Remove(record.asset.id),
        remove => remove,
    });
    let large = records(0..12_000).chain(records(0..3000)).chain(removed).collect();
    let large = fixture.commit("large", large);
    let mut small = None;
    for start in (0..6000).step_by(1500) {
        small = Some(fixture.commit("small", records(start..start + 1500).collect()));
    }
    assert_eq!(Some(large.content), small.map(|version| version.content));
}
