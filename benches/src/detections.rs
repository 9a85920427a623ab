//! Ground truth and detections as a mediocre detector makes them, for evaluation.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use ymir::testkit::generate::rng::SplitMix64;
use ymir::{
    Annotation, Asset, AssetId, AssetStore, BBox, Base, Branch, BranchKind, Class, ClassId,
    CommitRequest, Edit, Edits, Expect, Manifest, MediaType, Name, NewClass, Record, Result,
    Selector, VersionId,
};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 480.0;
const CLASSES: u32 = 80;
/// Objects per image.
const TRUTHS: usize = 7;
/// Detections per image: six near an object, the rest anywhere.
const FOUND: usize = 15;
const NEAR: usize = 6;

/// The ground truth of an image and what was found on it.
#[derive(Debug)]
pub struct Scene {
    /// The objects that are there.
    pub truth: Vec<Annotation>,
    /// The detections, with their scores.
    pub found: Vec<Annotation>,
}

/// What of a scene a version has.
type Part = fn(Scene) -> Vec<Annotation>;

/// Returns the 80 classes, to be added to an empty table.
fn classes() -> Vec<NewClass> {
    (0..CLASSES).map(|id| NewClass::new(format!("c{id}"))).collect()
}

/// Returns the n-th image's. Two in a hundred objects are crowds, one in ten of the detections near
/// an object has another class.
pub fn scene(n: u64) -> Scene {
    let mut rng = SplitMix64::of_part(7, n);
    let truth: Vec<_> = (0..TRUTHS)
        .map(|_| {
            let mut object = Annotation::new(class(&mut rng), anywhere(&mut rng));
            object.flags.crowd = rng.chance(0.02);
            object
        })
        .collect();
    let found = (0..FOUND)
        .map(|k| match truth.get(k).filter(|_| k < NEAR) {
            Some(object) => {
                let right = !rng.chance(0.1);
                let class = if right { object.class.clone() } else { class(&mut rng) };
                let score = rng.unit().max(rng.unit());
                Annotation::new(class, near(&mut rng, object.bbox)).with_score(rounded(score))
            }
            None => {
                let score = rng.unit() * rng.unit();
                Annotation::new(class(&mut rng), anywhere(&mut rng)).with_score(rounded(score))
            }
        })
        .collect();
    Scene { truth, found }
}

/// Returns the record of the n-th image with these annotations. The ids are in the order of the
/// numbers, so that of equal scores the same one comes first for every tool.
fn record(n: u64, annotations: Vec<Annotation>) -> Record {
    let mut id = [0; AssetId::LEN];
    id[..8].copy_from_slice(&(n << 44).to_be_bytes());
    let asset = Asset {
        id: AssetId::new(id),
        width: WIDTH as u32,
        height: HEIGHT as u32,
        channels: 3,
        byte_size: 100_000,
        media_type: MediaType::Jpeg,
        file_name: format!("{n:07}.jpg"),
        attributes: Default::default(),
    };
    Record { asset, annotations }
}

/// Commits the ground truth and the detections of so many images into an empty store.
///
/// # Errors
///
/// Those of the store.
pub async fn commit(store: &dyn AssetStore, images: u64) -> Result<()> {
    store.add_classes(&classes()).await?;
    let parts: [(Branch, Part); 2] =
        [(truth_branch()?, |scene| scene.truth), (found_branch()?, |scene| scene.found)];
    for (branch, part) in parts {
        let records = (0..images).map(move |n| record(n, part(scene(n))));
        let request = CommitRequest {
            branch,
            base: Base::Empty,
            edits: Edits::new(records.map(|record| Ok(Edit::Put(record)))),
            expect: Expect::Any,
            manifest: Manifest::default(),
            message: "Measure".to_owned(),
        };
        store.commit(request).await?;
    }
    Ok(())
}

/// Returns the versions that [`commit`] made: ground truth, detections.
///
/// # Errors
///
/// Those of the store.
pub async fn latest(store: &Arc<dyn AssetStore>) -> Result<(VersionId, VersionId)> {
    let truth = store.resolve(&truth_branch()?, &Selector::Latest).await?.id;
    let found = store.resolve(&found_branch()?, &Selector::Latest).await?.id;
    Ok((truth, found))
}

fn truth_branch() -> Result<Branch> {
    Branch::dataset("truth")
}

fn found_branch() -> Result<Branch> {
    Ok(Branch::new(BranchKind::Prediction, Name::new("found")?))
}

/// Writes the same as COCO documents: ground truth, and results.
///
/// # Errors
///
/// Those of the files.
pub fn write_coco(truth: &Path, found: &Path, images: u64) -> io::Result<()> {
    let (mut entries, mut annotations) = (Vec::new(), Vec::new());
    let mut results = BufWriter::new(File::create(found)?);
    let mut separator = "[";
    for n in 0..images {
        let scene = scene(n);
        entries.push(json!({
            "id": n + 1, "file_name": format!("{n:07}.jpg"), "width": WIDTH, "height": HEIGHT,
        }));
        for object in &scene.truth {
            let BBox { w, h, .. } = object.bbox;
            annotations.push(json!({
                "id": annotations.len() + 1, "image_id": n + 1, "area": w * h,
                "category_id": category(object), "bbox": coco_box(object),
                "iscrowd": u8::from(object.flags.crowd),
            }));
        }
        for found in &scene.found {
            let line = json!({
                "image_id": n + 1, "category_id": category(found), "bbox": coco_box(found),
                "score": found.score,
            });
            write!(results, "{separator}{line}")?;
            separator = ",";
        }
    }
    writeln!(results, "]")?;
    results.flush()?;
    let categories: Vec<_> = classes()
        .iter()
        .enumerate()
        .map(|(n, class)| json!({"id": n + 1, "name": class.name}))
        .collect();
    let document = json!({
        "info": {}, "licenses": [],
        "images": entries, "annotations": annotations, "categories": categories,
    });
    serde_json::to_writer(BufWriter::new(File::create(truth)?), &document)?;
    Ok(())
}

fn category(annotation: &Annotation) -> u32 {
    match annotation.class {
        Class::Id(id) => id.0 + 1,
        Class::Name(_) => unreachable!("all are of the table"),
    }
}

fn coco_box(annotation: &Annotation) -> [f64; 4] {
    let BBox { x, y, w, h } = annotation.bbox;
    [x, y, w, h]
}

fn class(rng: &mut SplitMix64) -> Class {
    Class::Id(ClassId(rng.below(u64::from(CLASSES)) as u32))
}

/// Returns a box of any size from 8 to 300 pixels, small ones as often as large ones.
fn anywhere(rng: &mut SplitMix64) -> BBox {
    let size = f64::from(rng.between(8f32.ln(), 300f32.ln()).exp());
    let ratio = f64::from(rng.between(-0.7, 0.7).exp());
    let (w, h) = ((size * ratio).min(WIDTH - 2.0), (size / ratio).min(HEIGHT - 2.0));
    let x = f64::from(rng.unit()) * (WIDTH - w);
    let y = f64::from(rng.unit()) * (HEIGHT - h);
    hundredths([x, y, w, h])
}

fn near(rng: &mut SplitMix64, BBox { x, y, w, h }: BBox) -> BBox {
    let by = rng.between(0.0, 0.18);
    let mut off = || f64::from(rng.bell() * by);
    hundredths([x + off() * w, y + off() * h, w * off().exp(), h * off().exp()])
}

fn hundredths(numbers: [f64; 4]) -> BBox {
    let [x, y, w, h] = numbers.map(|number| (number * 100.0).round() / 100.0);
    BBox::new(x, y, w, h)
}

fn rounded(score: f32) -> f64 {
    // To four digits, so that some are equal.
    (f64::from(score) * 1e4).round() / 1e4
}
