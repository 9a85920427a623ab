use std::sync::Arc;

use futures::future::join_all;
use ymir_core::{AssetStore, ClassId, ErrorKind};

use super::fixture::{assert_kind, class};

/// A new store has no classes; added ones are numbered in the order given, whatever their ids say.
pub async fn classes_are_numbered_from_zero(store: Arc<dyn AssetStore>) {
    assert!(store.classes().await.unwrap().is_empty());
    let table = store.add_classes(&[class("cat", &["kitten"]), class("dog", &[])]).await.unwrap();
    assert_eq!(table.find("Kitten "), Some(ClassId(0)));
    assert_eq!(table.find("dog"), Some(ClassId(1)));
    assert_eq!(store.classes().await.unwrap(), table);
}

/// A class that is there keeps its id and gains the aliases it lacks.
pub async fn a_known_class_keeps_its_id_and_gains_aliases(store: Arc<dyn AssetStore>) {
    store.add_classes(&[class("cat", &["kitten"]), class("dog", &[])]).await.unwrap();
    let table = store.add_classes(&[class("DOG", &["hound"]), class("cow", &[])]).await.unwrap();
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
