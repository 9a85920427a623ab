//! Masks as PNG files.

use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use proptest::prelude::*;
use ymir_core::{Annotation, BBox, Class, ClassId, ErrorKind, Mask, ObjectType, Record, Shape};
use ymir_formats::{Format, SkipReason};

use super::made::{HEIGHT, WIDTH, dataset, import, trip};
use crate::common::{add_class, folder, put, records, store};
use ymir_testkit::fixture::pictures::{encode, jpeg};

/// Returns objects that share the image among them: each has its columns.
fn shared(cuts: &[u32], classes: &[u32]) -> Vec<Annotation> {
    let mut start = 0;
    let mut all = Vec::new();
    for (cut, class) in cuts.iter().zip(classes) {
        let end = (start + cut).min(WIDTH);
        let inside = (end - start) * HEIGHT;
        if inside > 0 {
            let counts = vec![start * HEIGHT, inside, (WIDTH - end) * HEIGHT];
            let shape = Shape::Mask(Mask::new(WIDTH, HEIGHT, counts).unwrap());
            let bbox = shape.bbox().unwrap();
            all.push(Annotation::new(Class::Id(ClassId(*class)), bbox).with_shape(shape));
        }
        start = end;
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn objects_come_back(
        images in proptest::collection::vec(
            (proptest::collection::vec(1..40u32, 0..6), proptest::collection::vec(0..2u32, 6)), 1..4,
        ),
    ) {
        let images = images.iter().map(|(cuts, classes)| {
            (vec!["val"], Default::default(), shared(cuts, classes))
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (store, all) = dataset(images.collect()).await;
            let (there, back, found) = trip(&store, all.clone(), Format::Masks).await;
            prop_assert!(there.lost.is_empty() && back.lost.is_empty(), "{:?}", there.lost);
            prop_assert_eq!(found, all);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn what_masks_cannot_say_is_named() {
    let mut objects = shared(&[10], &[0]);
    objects.extend(shared(&[5], &[1]));
    objects.push(Annotation::new(Class::Id(ClassId(0)), BBox::new(0.0, 0.0, 1.0, 1.0)));
    let (store, all) = dataset(vec![(vec![], Default::default(), objects)]).await;
    let (there, _, _) = trip(&store, all, Format::Masks).await;
    let lost: Vec<_> = there.lost.iter().map(|lost| lost.what.as_str()).collect();
    assert_eq!(lost, ["boxes without a shape", "pixels of objects under others"]);
}

#[tokio::test]
async fn outlines_become_pixels() {
    let ring = |left: f64| vec![[left, 4.0], [left + 10.0, 4.0], [left + 10.0, 14.0], [left, 14.0]];
    let shape = Shape::Polygons(vec![ring(5.0), ring(30.0)]);
    let bbox = shape.bbox().unwrap();
    let outline = Annotation::new(Class::Id(ClassId(1)), bbox).with_shape(shape);
    let far = Shape::Polygons(vec![vec![[0.0, 0.0], [1e300, 0.0], [0.0, 9.0]]]);
    let far = Annotation::new(Class::Id(ClassId(1)), bbox).with_shape(far);
    let (store, all) = dataset(vec![(vec![], Default::default(), vec![outline, far])]).await;
    let (there, _, found) = trip(&store, all, Format::Masks).await;
    let lost: Vec<_> = there.lost.iter().map(|lost| (lost.what.as_str(), lost.count)).collect();
    let wanted =
        [("outlines of objects, which become pixels", 1), ("outlines too long to be drawn", 1)];
    assert_eq!(lost, wanted);
    let Some(Shape::Mask(mask)) = &found[0].annotations[0].shape else { panic!("{found:?}") };
    assert_eq!((mask.area(), mask.bbox()), (200, Some(bbox)));
}

fn areas(record: &Record) -> Vec<f64> {
    record.annotations.iter().map(|a| a.shape.as_ref().unwrap().area()).collect()
}

#[tokio::test]
async fn masks_are_of_numbers_or_colours() {
    let gray = GrayImage::from_fn(64, 48, |x, _| Luma([[0, 1, 255][x as usize % 3]]));
    let colours = RgbImage::from_fn(64, 48, |x, _| Rgb([[0, 0, 0], [9, 8, 7]][x as usize % 2]));
    for (file, area, labels) in [
        (encode(gray.into(), ImageFormat::Png), 21.0 * 48.0, "background\ncat\n"),
        (encode(colours.into(), ImageFormat::Png), 32.0 * 48.0, "background:0,0,0\ncat:9,8,7::\n"),
    ] {
        let (store, source) = (store(), folder());
        add_class(&store, "cat").await;
        put(&source, "images/a.jpg", jpeg(1));
        put(&source, "masks/a.png", file);
        put(&source, "labelmap.txt", labels);
        let report = import(&store, &source, Format::Masks).await.unwrap();
        let manifest = store.manifest(&report.version.id).await.unwrap();
        assert_eq!(manifest.object_type, ObjectType::SemanticSegmentation);
        let all = records(&store, &report.version.id).await;
        assert_eq!(areas(&all[0]), [area]);
    }
}

#[tokio::test]
async fn hostile_masks_do_no_harm() {
    let gray = |width, height, value| {
        encode(GrayImage::from_fn(width, height, |_, _| Luma([value])).into(), ImageFormat::Png)
    };
    let whole = gray(64, 48, 1);
    let mut huge = whole.clone();
    // The width and height in the header, whose checksum is then wrong or, if not, the data short.
    huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    for file in [whole[..whole.len() / 2].to_vec(), huge, b"no png".to_vec(), Vec::new()] {
        let (store, source) = (store(), folder());
        put(&source, "images/a.jpg", jpeg(1));
        put(&source, "images/b.jpg", jpeg(2));
        put(&source, "labelmap.txt", "background\ncat\n");
        put(&source, "masks/a.png", file);
        let report = import(&store, &source, Format::Masks).await.unwrap();
        let skip = &report.skipped[0];
        assert_eq!((skip.path.as_str(), skip.kind), ("masks/a.png", SkipReason::BadAnnotation));
    }
    for (file, reason) in [(gray(32, 48, 1), "another size"), (gray(64, 48, 77), "no class")] {
        let (store, source) = (store(), folder());
        put(&source, "images/a.jpg", jpeg(1));
        put(&source, "labelmap.txt", "background\ncat\n");
        put(&source, "masks/a.png", file);
        let report = import(&store, &source, Format::Masks).await.unwrap();
        assert_eq!(report.annotations, 0);
        assert!(report.dropped[0].reason.contains(reason), "{:?}", report.dropped);
    }
    let (store, source) = (store(), folder());
    put(&source, "images/a.jpg", jpeg(1));
    put(&source, "masks/a.png", whole);
    put(&source, "labelmap.txt", "cat:1,2\n");
    let error = import(&store, &source, Format::Masks).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("labelmap.txt"), "{error}");
}
