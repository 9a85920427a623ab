//! Folders of images by class.

use proptest::prelude::*;
use ymir_core::{Annotation, BBox, Class, ClassId, ObjectType};
use ymir_formats::{Format, SPLIT};

use super::made::{dataset, import, trip};
use crate::common::{folder, put, records, store};
use ymir_testkit::fixture::pictures::jpeg;

fn label(class: u32) -> Annotation {
    Annotation::of_image(Class::Id(ClassId(class)), 64, 48)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn labels_and_splits_come_back(
        images in proptest::collection::vec((0..3usize, proptest::option::of(0..2u32)), 1..8),
    ) {
        let splits = [vec![], vec!["train"], vec!["test"]];
        let images = images.into_iter().map(|(split, class)| {
            (splits[split].clone(), Default::default(), class.map(label).into_iter().collect())
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (store, all) = dataset(images.collect()).await;
            let labelled = all.iter().filter(|record| !record.annotations.is_empty()).count();
            let (there, back, found) = trip(&store, all.clone(), Format::Folders).await;
            prop_assert_eq!(there.lost.iter().map(|l| l.count).sum::<u64>() as usize, all.len() - labelled);
            prop_assert!(back.skipped.is_empty());
            prop_assert_eq!(found, all);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn the_class_is_the_folder() {
    let (store, source) = (store(), folder());
    put(&source, "cat/1.jpg", jpeg(1));
    put(&source, "train/2.jpg", jpeg(2));
    put(&source, "train/cat/deep/3.jpg", jpeg(3));
    put(&source, "4.jpg", jpeg(4));
    let report = import(&store, &source, Format::Folders).await.unwrap();
    let manifest = store.manifest(&report.version.id).await.unwrap();
    assert_eq!(manifest.object_type, ObjectType::Classification);
    assert_eq!(report.annotations, 2);
    let all = records(&store, &report.version.id).await;
    let found = all.iter().find(|record| record.asset.file_name == "3.jpg").unwrap();
    assert_eq!(found.asset.attributes[SPLIT], "train");
    assert_eq!(found.annotations[0].class, Class::Name("cat".to_owned()));
}

#[tokio::test]
async fn what_folders_cannot_say_is_named() {
    let boxed = Annotation::new(Class::Id(ClassId(0)), BBox::new(1.0, 1.0, 2.0, 2.0));
    let image =
        (vec!["fold1"], Default::default(), vec![label(1), boxed.with_score(0.5), label(0)]);
    let (store, all) = dataset(vec![image]).await;
    let (there, _, _) = trip(&store, all, Format::Folders).await;
    let lost: Vec<_> = there.lost.iter().map(|lost| lost.what.as_str()).collect();
    let expected = [
        "boxes without a shape",
        "further labels of an image",
        "scores",
        "splits of other or several names",
    ];
    assert_eq!(lost, expected);
}
