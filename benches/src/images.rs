//! Small images with boxes, in the formats that most tools read.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::Path;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use serde_json::json;
use ymir::testkit::generate::rng::SplitMix64;

const WIDTH: u32 = 64;
const HEIGHT: u32 = 48;
const CLASSES: u64 = 10;
const BOXES: usize = 5;

/// One box in pixels, the right and lower edges outside.
struct Object {
    class: u64,
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

/// Returns the name of an image file.
pub fn file_name(n: u64) -> String {
    format!("{n:07}.jpg")
}

/// Returns the bytes of the n-th image: noise, 64×48 pixels, a file of some 3 kB.
///
/// # Errors
///
/// Those of the encoder.
pub fn jpeg(n: u64) -> io::Result<Vec<u8>> {
    let mut rng = SplitMix64::of_part(0, n);
    let noise: Vec<u8> =
        (0..WIDTH * HEIGHT * 3 / 8).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 75)
        .encode(&noise, WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(bytes)
}

/// Writes the images of these numbers with 5 boxes each, of 10 classes, once as files and three times as annotations:
/// `images`, and beside it `voc`, `coco` and `yolo`, whose image folders are links to it.
///
/// # Errors
///
/// Those of the files.
pub fn write(root: &Path, images: Range<u64>) -> io::Result<()> {
    for folder in [
        "images",
        "voc/Annotations",
        "voc/ImageSets/Main",
        "coco/annotations",
        "coco/images",
        "yolo/labels/train",
        "yolo/images",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    symlink("../images", root.join("voc/JPEGImages"))?;
    symlink("../../images", root.join("coco/images/train"))?;
    symlink("../../images", root.join("yolo/images/train"))?;

    let (mut entries, mut annotations) = (Vec::new(), Vec::new());
    let mut list = BufWriter::new(File::create(root.join("voc/ImageSets/Main/train.txt"))?);
    for n in images {
        let name = file_name(n);
        fs::write(root.join("images").join(&name), jpeg(n)?)?;
        let objects = objects(n);
        fs::write(root.join(format!("voc/Annotations/{n:07}.xml")), voc(&name, &objects))?;
        fs::write(root.join(format!("yolo/labels/train/{n:07}.txt")), yolo(&objects))?;
        writeln!(list, "{n:07}")?;
        entries.push(json!({
            "id": n + 1, "file_name": name, "width": WIDTH, "height": HEIGHT,
        }));
        for object in &objects {
            annotations.push(coco(annotations.len() + 1, n + 1, object));
        }
    }
    list.flush()?;
    write_coco(&root.join("coco/annotations/instances_train.json"), &entries, &annotations)?;
    write_voc_classes(&root.join("voc/labelmap.txt"))?;
    write_yolo_classes(&root.join("yolo/data.yaml"))
}

fn objects(n: u64) -> [Object; BOXES] {
    // Not the numbers that the noise comes of.
    let mut rng = SplitMix64::of_part(1, n);
    std::array::from_fn(|_| {
        let mut side = |whole: u32, longest: u64| {
            let start = rng.below(u64::from(whole - 12)) as u32;
            (start, whole.min(start + 6 + rng.below(longest) as u32))
        };
        let ((left, right), (top, bottom)) = (side(WIDTH, 34), side(HEIGHT, 24));
        Object { class: rng.below(CLASSES), left, top, right, bottom }
    })
}

fn voc(name: &str, objects: &[Object]) -> String {
    let objects: String = objects
        .iter()
        .map(|Object { class, left, top, right, bottom }| {
            format!(
                "<object><name>class_{class}</name><pose>Unspecified</pose>\
                 <truncated>0</truncated><difficult>0</difficult><bndbox><xmin>{left}</xmin>\
                 <ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
            )
        })
        .collect();
    format!(
        "<annotation><folder>JPEGImages</folder><filename>{name}</filename>\
         <size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>\
         <segmented>0</segmented>{objects}</annotation>"
    )
}

fn yolo(objects: &[Object]) -> String {
    let (width, height) = (f64::from(WIDTH), f64::from(HEIGHT));
    let line = |object: &Object| {
        let Object { class, left, top, right, bottom } = object;
        let [x, y] =
            [f64::from(left + right) / 2.0 / width, f64::from(top + bottom) / 2.0 / height];
        let [w, h] = [f64::from(right - left) / width, f64::from(bottom - top) / height];
        format!("{class} {x:.6} {y:.6} {w:.6} {h:.6}\n")
    };
    objects.iter().map(line).collect()
}

fn coco(id: usize, image: u64, object: &Object) -> serde_json::Value {
    let Object { class, left, top, right, bottom } = object;
    let (w, h) = (right - left, bottom - top);
    json!({
        "id": id, "image_id": image, "category_id": class + 1, "bbox": [left, top, w, h],
        "area": w * h, "iscrowd": 0, "segmentation": [],
    })
}

fn write_coco(
    path: &Path,
    images: &[serde_json::Value],
    annotations: &[serde_json::Value],
) -> io::Result<()> {
    let category = |n: u64| json!({"id": n + 1, "name": format!("class_{n}"), "supercategory": ""});
    let categories: Vec<_> = (0..CLASSES).map(category).collect();
    let document = json!({
        "info": {"description": "synthetic"}, "licenses": [],
        "images": images, "annotations": annotations, "categories": categories,
    });
    serde_json::to_writer(BufWriter::new(File::create(path)?), &document)?;
    Ok(())
}

/// Writes the label map: Pascal VOC's format has none, but Datumaro takes only VOC's own classes
/// without one.
fn write_voc_classes(path: &Path) -> io::Result<()> {
    let colour = |n: u64| format!("{},{},{}", n * 25 % 256, n * 70 % 256, n * 111 % 256);
    let labels: String = (0..CLASSES).map(|n| format!("class_{n}:{}::\n", colour(n + 1))).collect();
    fs::write(path, format!("# label:color_rgb:parts:actions\nbackground:0,0,0::\n{labels}"))
}

fn write_yolo_classes(path: &Path) -> io::Result<()> {
    let names: String = (0..CLASSES).map(|n| format!("  {n}: class_{n}\n")).collect();
    fs::write(path, format!("path: .\ntrain: images/train\nval: images/train\nnames:\n{names}"))
}
