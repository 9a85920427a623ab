use std::sync::Arc;

use futures::future::join_all;
use ymir_core::{AssetStore, ClassEdit, ClassId, ClassLookup, ErrorKind};

use super::fixture::{add_classes, assert_kind, class, commit, puts};
use super::queries::query;

/// A new store has no classes; added ones are numbered in the order given.
pub async fn classes_are_numbered_from_zero(store: Arc<dyn AssetStore>) {
    assert!(store.classes().await.unwrap().is_empty());
    let table = store.add_classes(&[class("cat", &["kitten"]), class("dog", &[])]).await.unwrap();
    assert_eq!(table.find(" kitten "), Some(ClassId(0)));
    assert_eq!(table.find("dog"), Some(ClassId(1)));
    assert_eq!(store.classes().await.unwrap(), table);
}

/// A class that is there keeps its id and gains the aliases it lacks.
pub async fn a_known_class_keeps_its_id_and_gains_aliases(store: Arc<dyn AssetStore>) {
    store.add_classes(&[class("cat", &["kitten"]), class("dog", &[])]).await.unwrap();
    let table = store.add_classes(&[class("dog", &["hound"]), class("cow", &[])]).await.unwrap();
    let names: Vec<_> = table.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["cat", "dog", "cow"]);
    assert_eq!(table.find("hound"), Some(ClassId(1)));
    assert_eq!(table.find("kitten"), Some(ClassId(0)));
}

/// Classes are added all or none.
pub async fn invalid_classes_change_nothing(store: Arc<dyn AssetStore>) {
    let before = store.add_classes(&[class("cat", &["kitten"])]).await.unwrap();
    let clash = store.add_classes(&[class("cow", &[]), class("dog", &["kitten"])]).await;
    assert_kind(clash, ErrorKind::AlreadyExists);
    assert_kind(
        store.add_classes(&[class("cow", &[]), class(" ", &[])]).await,
        ErrorKind::InvalidInput,
    );
    assert_eq!(store.classes().await.unwrap(), before);
}

/// Names that differ by case only can be of two classes; one in another case means a class as long
/// as it is a single one.
pub async fn classes_may_differ_by_case(store: Arc<dyn AssetStore>) {
    let table = store.add_classes(&[class("cat", &[])]).await.unwrap();
    assert_eq!(table.lookup("CAT"), ClassLookup::OtherCase(ClassId(0)));
    let table = store.add_classes(&[class("Cat", &[])]).await.unwrap();
    assert_eq!(table.lookup("cat"), ClassLookup::Exact(ClassId(0)));
    assert_eq!(table.lookup("Cat"), ClassLookup::Exact(ClassId(1)));
    assert_eq!(table.lookup("CAT"), ClassLookup::Ambiguous(vec![ClassId(0), ClassId(1)]));
}

/// A renamed class keeps its id and its old name, and versions of before show it under the new one;
/// a version from before does not know a class that came later.
pub async fn a_renamed_class_is_the_same_class(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..10)).await;
    let rename = |class: &str, to: &str| ClassEdit::Rename { class: class.into(), to: to.into() };
    let table = store.edit_classes(&[rename("cat", "feline")]).await.unwrap();
    assert_eq!(table.name(ClassId(0)), Some("feline"));
    for name in ["feline", "cat", "kitten"] {
        assert_eq!(table.find(name), Some(ClassId(0)), "{name}");
    }
    store.add_classes(&[class("later", &[])]).await.unwrap();
    let classes = store.manifest(&version.id).await.unwrap().classes;
    assert_eq!((classes.len(), classes.name(ClassId(0))), (2, Some("feline")));
    let count = async |text| store.count(&version.id, &query(text)).await.unwrap();
    assert_eq!(count("class:feline").await, count("class:cat").await);
    assert_kind(store.edit_classes(&[rename("dog", "cat")]).await, ErrorKind::AlreadyExists);
    // An alias can become the name again.
    let table = store.edit_classes(&[rename("feline", "cat")]).await.unwrap();
    assert_eq!(table.entries()[0].name, "cat");
    assert_eq!(table.entries()[0].aliases, ["kitten", "feline"]);
}

/// A retired class stays what it is, and can be restored.
pub async fn a_retired_class_stays_in_the_table(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..10)).await;
    let table = store.edit_classes(&[ClassEdit::Retire("dog".into())]).await.unwrap();
    assert_eq!(table.active().map(|entry| entry.id).collect::<Vec<_>>(), [ClassId(0)]);
    assert_eq!(table.require("dog").unwrap(), ClassId(1));
    assert_kind(table.require_active("dog"), ErrorKind::InvalidInput);
    assert!(store.count(&version.id, &query("class:dog")).await.unwrap() > 0);
    commit(&*store, "a", puts(10..20)).await;
    let table = store.edit_classes(&[ClassEdit::Restore("dog".into())]).await.unwrap();
    assert_eq!(table.require_active("dog").unwrap(), ClassId(1));
}

/// Edits are made in their order, all or none.
pub async fn class_edits_are_made_all_or_none(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let before = store.classes().await.unwrap();
    let retire = |name: &str| ClassEdit::Retire(name.to_owned());
    assert_kind(store.edit_classes(&[retire("cat"), retire("cow")]).await, ErrorKind::NotFound);
    assert_eq!(store.classes().await.unwrap(), before);
    let add = ClassEdit::Add(class("cow", &[]));
    let table = store.edit_classes(&[add, retire("cow")]).await.unwrap();
    assert!(table.entries()[2].retired);
}

/// Two writers at once both succeed, and a class that both add has one id.
pub async fn concurrent_classes_are_all_kept(store: Arc<dyn AssetStore>) {
    let add = |n: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            let classes = [class("shared", &[]), class(&format!("own {n}"), &[])];
            store.add_classes(&classes).await.expect("both are valid").find("shared")
        })
    };
    let ids: Vec<_> = join_all((0..6).map(add)).await.into_iter().map(Result::unwrap).collect();
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    let table = store.classes().await.unwrap();
    assert_eq!(table.len(), 7);
    assert!((0..6).all(|n| table.find(&format!("own {n}")).is_some()));
}
