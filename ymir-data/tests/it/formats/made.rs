//! Records for round trips, in as much of what there is as a format can say.

use std::path::Path;
use std::sync::Arc;

use image::ImageFormat;
use proptest::prelude::*;
use ymir_core::{
    Annotation, Asset, AssetStore, Attributes, BBox, Base, BlobSource, Branch, Class, ClassId,
    CommitRequest, Edits, Expect, Flags, Keypoint, Manifest, Mask, ObjectType, Record, Result,
    Shape, Version, VersionId, Visibility,
};
use ymir_data::{
    ExportOptions, ExportReport, ImportOptions, ImportReport, export_dataset, import_dataset,
};
use ymir_formats::{Format, SPLIT, inspect_image};

use crate::common::{add_class, folder, records, store};
use ymir_testkit::fixture::pictures::picture;

pub(crate) type Store = Arc<dyn AssetStore>;

pub(crate) const WIDTH: u32 = 64;
pub(crate) const HEIGHT: u32 = 48;

pub(crate) fn branch(name: &str) -> Branch {
    Branch::dataset(name).unwrap()
}

/// Returns a record of the n-th picture, with its file in the store.
pub(crate) async fn stored(store: &Store, n: usize, annotations: Vec<Annotation>) -> Record {
    let file = picture(n, if n.is_multiple_of(2) { ImageFormat::Jpeg } else { ImageFormat::Png });
    let info = inspect_image(&file).unwrap();
    let blobs = store.put_blobs(vec![BlobSource::Bytes(file)]).await.unwrap();
    let asset = Asset {
        id: blobs[0].id,
        width: info.width,
        height: info.height,
        channels: info.channels,
        byte_size: blobs[0].size,
        media_type: info.media_type,
        file_name: format!("picture {n}.{}", info.media_type.extension()),
        attributes: Attributes::new(),
    };
    Record { asset, annotations }
}

pub(crate) async fn export(
    store: &Store,
    version: &VersionId,
    to: &Path,
    format: Format,
) -> Result<ExportReport> {
    let options = ExportOptions::default();
    export_dataset(store, version, to, format, &options, &|_| ()).await
}

pub(crate) async fn import(store: &Store, from: &Path, format: Format) -> Result<ImportReport> {
    let options = ImportOptions {
        unknown_classes: ymir_core::UnknownClasses::Keep,
        without_annotations: true,
        ..ImportOptions::default()
    };
    import_dataset(store, from, format, &branch("back"), &options, &|_| ()).await
}

/// Exports records as a format and imports them again.
pub(crate) async fn trip(
    store: &Store,
    all: Vec<Record>,
    format: Format,
) -> (ExportReport, ImportReport, Vec<Record>) {
    let version = commit_as(store, all).await;
    let out = folder();
    let there = export(store, &version.id, &out, format).await.unwrap();
    let back = import(store, &out, format).await.unwrap();
    let found = records(store, &back.version.id).await;
    (there, back, found)
}

/// Commits records as what their shapes say they are.
async fn commit_as(store: &Store, records: Vec<Record>) -> Version {
    let shapes = || records.iter().flat_map(|record| &record.annotations).map(|a| &a.shape);
    let object_type = match shapes().any(|shape| matches!(shape, Some(Shape::Polygons(_)))) {
        true => ObjectType::InstanceSegmentation,
        false => ObjectType::Detection,
    };
    let request = CommitRequest {
        branch: branch("there"),
        base: Base::Empty,
        edits: Edits::put(records),
        expect: Expect::Any,
        manifest: Manifest { object_type, ..Manifest::default() },
        message: "Test".to_owned(),
    };
    store.commit(request).await.unwrap()
}

/// What a format can say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Says {
    pub(crate) boxes: bool,
    pub(crate) rotations: bool,
    /// Whether a box is no larger than its image after its rotation.
    pub(crate) fits: bool,
    pub(crate) polygons: bool,
    pub(crate) rings: bool,
    pub(crate) masks: bool,
    pub(crate) labels: bool,
    pub(crate) keypoints: bool,
    pub(crate) scores: bool,
    pub(crate) qualities: bool,
    pub(crate) flags: bool,
    pub(crate) occluded: bool,
    pub(crate) attributes: bool,
    pub(crate) asset_attributes: bool,
    pub(crate) splits: bool,
    /// Whether numbers come back to the last bit.
    pub(crate) exact: bool,
}

fn number(limit: f64) -> impl Strategy<Value = f64> {
    prop_oneof![(0..limit as u32).prop_map(f64::from), 0.0..limit]
}

fn bbox() -> impl Strategy<Value = BBox> {
    (number(60.0), number(44.0), 0.1..1.0f64, 0.1..1.0f64).prop_map(|(x, y, w, h)| {
        BBox::new(x, y, ((63.5 - x) * w).max(0.5), ((47.5 - y) * h).max(0.5))
    })
}

/// Outlines that enclose something.
fn polygons(rings: bool) -> impl Strategy<Value = Shape> {
    let ring = (bbox(), 0.2..0.8f64, any::<bool>()).prop_map(|(b, part, five)| {
        let (right, bottom) = (b.x + b.w, b.y + b.h);
        let mut ring = vec![[b.x, b.y], [right, b.y], [b.x + b.w * part, bottom]];
        if five {
            ring.extend([[b.x, b.y + b.h * part], [b.x, b.y + b.h * part / 2.0]]);
        }
        ring
    });
    proptest::collection::vec(ring, 1..if rings { 4 } else { 2 }).prop_map(Shape::Polygons)
}

fn mask() -> impl Strategy<Value = Shape> {
    proptest::collection::vec(1..900u32, 1..9).prop_map(|mut counts| {
        let pixels = WIDTH * HEIGHT;
        let mut left = pixels - 1;
        counts.iter_mut().for_each(|count| {
            *count = (*count).min(left / 2).max(1);
            left -= *count;
        });
        let sum: u32 = counts.iter().sum();
        counts.insert(0, 0);
        counts.push(pixels - sum);
        Shape::Mask(Mask::new(WIDTH, HEIGHT, counts).unwrap())
    })
}

fn shape(says: Says) -> BoxedStrategy<Option<Shape>> {
    let mut choices = Vec::new();
    if says.boxes {
        choices.push((3, Just(None).boxed()));
    }
    if says.polygons {
        choices.push((3, polygons(says.rings).prop_map(Some).boxed()));
    }
    if says.masks {
        choices.push((3, mask().prop_map(Some).boxed()));
    }
    if says.labels {
        choices.push((1, Just(Some(Shape::Image)).boxed()));
    }
    proptest::strategy::Union::new_weighted(choices).boxed()
}

fn attributes() -> impl Strategy<Value = Attributes> {
    proptest::collection::btree_map("[a-z][a-z0-9]{0,6}", "[A-Za-z<&>\" é]{0,5}[a-z]", 0..3)
}

fn when<T: std::fmt::Debug + Clone + 'static>(
    said: bool,
    value: impl Strategy<Value = T> + 'static,
    none: T,
) -> BoxedStrategy<T> {
    if said { value.boxed() } else { Just(none).boxed() }
}

fn fits(bbox: BBox, angle: f64) -> bool {
    let (sin, cos) = (angle.sin().abs(), angle.cos().abs());
    bbox.w * cos + bbox.h * sin <= f64::from(WIDTH)
        && bbox.w * sin + bbox.h * cos <= f64::from(HEIGHT)
}

pub(crate) fn annotation(says: Says) -> impl Strategy<Value = Annotation> {
    let class = (0..2u32).prop_map(|class| Class::Id(ClassId(class)));
    let part = || proptest::option::of(0.0..1.0f64);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let flags = flags.prop_map(|(difficult, truncated, occluded, crowd)| Flags {
        difficult,
        truncated,
        occluded,
        crowd,
    });
    let occluded = any::<bool>().prop_map(|occluded| Flags { occluded, ..Flags::default() });
    let flags = match says.flags {
        true => flags.boxed(),
        false => when(says.occluded, occluded, Flags::default()),
    };
    let visible = prop_oneof![Just(Visibility::Visible), Just(Visibility::Hidden)];
    let keypoint = (number(60.0), number(40.0), visible).prop_map(|(x, y, visibility)| Keypoint {
        x,
        y,
        visibility,
    });
    (
        (class, bbox(), shape(says)),
        when(says.keypoints, proptest::collection::vec(keypoint, 0..3), Vec::new()),
        when(says.rotations, proptest::option::of(-1.5..1.5f64), None),
        when(says.scores, part(), None),
        when(says.qualities, part(), None),
        flags,
        when(says.attributes, attributes(), Attributes::new()),
    )
        .prop_map(
            move |((class, bbox, shape), keypoints, angle, score, quality, flags, attributes)| {
                let bbox = match &shape {
                    Some(Shape::Image) => BBox::new(0.0, 0.0, WIDTH.into(), HEIGHT.into()),
                    Some(shape) => shape.bbox().unwrap(),
                    None => bbox,
                };
                let rotate_angle =
                    angle.filter(|angle| shape.is_none() && (!says.fits || fits(bbox, *angle)));
                let annotation = Annotation::new(class, bbox);
                Annotation {
                    shape,
                    keypoints,
                    rotate_angle,
                    score,
                    quality,
                    flags,
                    attributes,
                    ..annotation
                }
            },
        )
}

/// An image: its splits, its attributes, its annotations.
type Made = (Vec<&'static str>, Attributes, Vec<Annotation>);

pub(crate) fn images(says: Says) -> impl Strategy<Value = Vec<Made>> {
    let splits = prop_oneof![Just(vec![]), Just(vec!["train"]), Just(vec!["val"])];
    let image = (
        when(says.splits, splits, vec![]),
        when(says.asset_attributes, attributes(), Attributes::new()),
        proptest::collection::vec(annotation(says), 0..4),
    );
    proptest::collection::vec(image, 1..6)
}

/// Puts images into a new store; two classes are there.
pub(crate) async fn dataset(images: Vec<Made>) -> (Store, Vec<Record>) {
    let store = store();
    add_class(&store, "Ein Tier").await;
    add_class(&store, "other").await;
    let mut all = Vec::new();
    for (n, (splits, attributes, annotations)) in images.into_iter().enumerate() {
        let mut record = stored(&store, n, annotations).await;
        record.asset.attributes = attributes;
        if !splits.is_empty() {
            record.asset.attributes.insert(SPLIT.to_owned(), splits.join(","));
        }
        all.push(record);
    }
    all.sort_by_key(|record| record.asset.id);
    (store, all)
}

/// Rounds what a format rounds.
pub(crate) fn rounded(mut records: Vec<Record>) -> Vec<Record> {
    let round = |v: &mut f64| *v = (*v * 1e6).round() / 1e6 + 0.0;
    for annotation in records.iter_mut().flat_map(|record| &mut record.annotations) {
        let BBox { x, y, w, h } = &mut annotation.bbox;
        [x, y, w, h].into_iter().for_each(round);
        annotation.rotate_angle.iter_mut().for_each(round);
        annotation.keypoints.iter_mut().for_each(|point| {
            round(&mut point.x);
            round(&mut point.y);
        });
        if let Some(Shape::Polygons(rings)) = &mut annotation.shape {
            rings.iter_mut().flatten().flatten().for_each(round);
        }
    }
    records
}
