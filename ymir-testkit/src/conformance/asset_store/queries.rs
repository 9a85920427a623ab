use std::sync::Arc;

use ymir_core::{AssetStore, ErrorKind, FindOptions, Matcher, Query, Record, VersionId};

use super::fixture::{add_classes, assert_kind, class, commit, id, puts, records};

/// One of each kind of condition, alone and together.
const QUERIES: [&str; 22] = [
    "all",
    "not all",
    "negative",
    "class:cat",
    "class:cat,dog",
    "not class:dog",
    "class!=cat",
    "unlisted:'straße'",
    "class:dog and score>0.3",
    "class:cat and (area<0.0009 or flag:crowd) and type:png",
    "any(class:dog) and any(flag:difficult) and not quality=0.5",
    "boxes>=3",
    "boxes(class:cat)=2",
    "box_width_px>10 and box_height<0.1",
    "box.colour:'*2? *'",
    "city='Wert 6 ✓' or width>=690",
    "city:* and not negative",
    "name:'Bild ?? *' and aspect>1.4",
    "bytes<1020 and channels=3",
    "type:jpeg,webp and height=480",
    "id:0700000000000000000000000000000000000000000000000000000000000001",
    "class:cat and not class:dog",
];

pub(super) fn query(text: &str) -> Query {
    text.parse().expect("the query is well-formed")
}

/// `find` and `count` answer as looking at every record does.
pub async fn queries_find_what_is_true(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..60)).await;
    let table = store.classes().await.unwrap();
    for text in QUERIES {
        let query = query(text);
        let matcher = Matcher::new(&query, &table).unwrap();
        let all = records(0..60);
        let fitting = all.iter().filter(|record: &&Record| matcher.matches(*record));
        let expected: Vec<_> = fitting.map(|record| record.asset.id).collect();
        // Twice, as the second answer may come from a cache.
        for _ in 0..2 {
            let found = store.find(&version.id, &query, FindOptions::default()).await.unwrap();
            assert_eq!(found, expected, "{text}");
        }
        let count = store.count(&version.id, &query).await.unwrap();
        assert_eq!(count, expected.len() as u64, "{text}");
    }
    let empty = commit(&*store, "b", Vec::new()).await;
    let found = store.find(&empty.id, &Query::All, FindOptions::default()).await.unwrap();
    assert_eq!((found.len(), store.count(&empty.id, &Query::All).await.unwrap()), (0, 0));
}

/// Offset, limit and the id to go on after cut runs out of the whole answer.
pub async fn a_query_is_answered_in_parts(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..60)).await;
    for text in ["all", "class:dog", "score>0.1 or negative"] {
        let query = query(text);
        let whole = store.find(&version.id, &query, FindOptions::default()).await.unwrap();
        let afters = [None, Some(id(0)), Some(id(31)), Some(id(255)), whole.last().copied()];
        for after in afters {
            let rest: Vec<_> =
                whole.iter().copied().filter(|id| after.is_none_or(|a| *id > a)).collect();
            for (offset, limit) in [(0, 7), (3, 0), (5, usize::MAX), (100, 1), (u64::MAX, 1)] {
                let options = FindOptions { after, offset, limit };
                let part = store.find(&version.id, &query, options).await.unwrap();
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let expected: Vec<_> = rest.iter().copied().skip(start).take(limit).collect();
                assert_eq!(part, expected, "{text} {options:?}");
            }
        }
    }
}

/// Unknown versions and classes, and queries that contradict themselves, are errors; the classes
/// are those of the version's time.
pub async fn what_a_query_cannot_mean_is_refused(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..10)).await.id;
    let nowhere = VersionId::new([7; 20]);
    store.add_classes(&[class("later", &[])]).await.unwrap();
    for (version, text, kind) in [
        (nowhere, "all", ErrorKind::NotFound),
        (version, "class:cow", ErrorKind::NotFound),
        (version, "class:later", ErrorKind::NotFound),
        (version, "class:cat and class:dog", ErrorKind::InvalidInput),
    ] {
        let query = query(text);
        assert_kind(store.find(&version, &query, FindOptions::default()).await, kind);
        assert_kind(store.count(&version, &query).await, kind);
    }
}
