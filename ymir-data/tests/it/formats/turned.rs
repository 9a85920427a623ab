//! Pictures that Exif data turn: what is told of the upright picture is brought to the pixels as
//! they are stored.

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use ymir_core::BBox;
use ymir_formats::{Format, read_image_info};

use super::made::{export, import};
use crate::common::{add_class, folder, put, records, store};
use ymir_testkit::fixture::pictures::encode;

/// Where the white box of the picture is among the pixels as stored, which are 64 × 48.
const BOX: BBox = BBox { x: 8.0, y: 16.0, w: 24.0, h: 8.0 };

fn picture() -> DynamicImage {
    let is_in = |v: u32, start: f64, size: f64| (start..start + size).contains(&f64::from(v));
    let white = |x, y| is_in(x, BOX.x, BOX.w) && is_in(y, BOX.y, BOX.h);
    RgbImage::from_fn(64, 48, |x, y| Rgb([if white(x, y) { 255 } else { 0 }; 3])).into()
}

/// Returns a JPEG whose Exif data have this orientation, in either order of bytes.
fn jpeg(orientation: u8) -> Vec<u8> {
    let plain = encode(picture(), ImageFormat::Jpeg);
    let tiff = match orientation % 2 {
        0 => [
            &b"II*\0\x08\0\0\0\x02\0"[..],
            &[0x0f, 0x01, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            &[0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0],
        ]
        .concat(),
        _ => [&b"MM\0*\0\0\0\x08\0\x01"[..], &[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]]
            .concat(),
    };
    let length = (tiff.len() + 8) as u16;
    let head = [&b"\xff\xd8\xff\xe1"[..], &length.to_be_bytes(), b"Exif\0\0", &tiff].concat();
    [&head, &plain[2..]].concat()
}

/// Returns the white box of the upright picture, and its size, as the `image` crate turns it.
fn upright(orientation: u8) -> ([u32; 4], u32, u32) {
    let mut picture = picture();
    picture.apply_orientation(Orientation::from_exif(orientation).unwrap());
    let picture = picture.into_rgb8();
    let white: Vec<_> = picture.enumerate_pixels().filter(|(.., p)| p.0[0] > 128).collect();
    let range = |of: fn(&(u32, u32, &Rgb<u8>)) -> u32| {
        let all = || white.iter().map(of);
        (all().min().unwrap(), all().max().unwrap() + 1)
    };
    let ((x, right), (y, bottom)) = (range(|p| p.0), range(|p| p.1));
    ([x, y, right - x, bottom - y], picture.width(), picture.height())
}

async fn found(format: Format, orientation: u8, path: &str, document: &str) -> BBox {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "images/train/a.jpg", jpeg(orientation));
    put(&source, path, document);
    put(&source, "data.yaml", "train: images/train\nnames: [cat]\n");
    let report = import(&store, &source, format).await.unwrap();
    assert_eq!(report.size_mismatches, Vec::<String>::new());
    let all = records(&store, &report.version.id).await;
    assert_eq!((all[0].asset.width, all[0].asset.height), (64, 48));
    all[0].annotations[0].bbox
}

#[tokio::test]
async fn what_is_told_of_the_upright_picture_is_brought_to_the_pixels() {
    for orientation in 1..=8 {
        assert_eq!(read_image_info(&jpeg(orientation)).unwrap().orientation, orientation);
        let ([x, y, w, h], width, height) = upright(orientation);
        let part = |v: f64, of: u32| v / f64::from(of);
        let row = format!(
            "0 {} {} {} {}\n",
            part(f64::from(x) + f64::from(w) / 2.0, width),
            part(f64::from(y) + f64::from(h) / 2.0, height),
            part(w.into(), width),
            part(h.into(), height)
        );
        let yolo = found(Format::Yolo, orientation, "labels/train/a.txt", &row).await;
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(yolo.x, BOX.x) && near(yolo.y, BOX.y), "{orientation}: {yolo:?}");
        assert!(near(yolo.w, BOX.w) && near(yolo.h, BOX.h), "{orientation}: {yolo:?}");

        // A size tells upright from stored only where width and height change places.
        if orientation >= 5 {
            let coco = format!(
                r#"{{"images": [{{"id": 1, "file_name": "a.jpg", "width": {width}, "height": {height}}}],
                "categories": [{{"id": 1, "name": "cat"}}],
                "annotations": [{{"image_id": 1, "category_id": 1, "bbox": [{x}, {y}, {w}, {h}]}}]}}"#
            );
            assert_eq!(found(Format::Coco, orientation, "a.json", &coco).await, BOX);
        }
        let stored = r#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [8, 16, 24, 8]}]}"#;
        assert_eq!(found(Format::Coco, orientation, "a.json", stored).await, BOX);
    }
}

/// Fractions that are exported are those of the upright picture too, as trainers read it.
#[tokio::test]
async fn fractions_are_exported_of_the_upright_picture() {
    for orientation in 1..=8 {
        let ([x, y, w, h], width, height) = upright(orientation);
        let (store, source) = (store(), folder());
        add_class(&store, "cat").await;
        put(&source, "a.jpg", jpeg(orientation));
        let stored = r#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [8, 16, 24, 8]}]}"#;
        put(&source, "a.json", stored);
        let version = import(&store, &source, Format::Coco).await.unwrap().version;
        for (format, label) in [(Format::Yolo, "labels/a.txt"), (Format::Darknet, "obj_data/a.txt")]
        {
            let out = folder();
            export(&store, &version.id, &out, format).await.unwrap();
            let text = std::fs::read_to_string(out.join(label)).unwrap();
            let row: Vec<f64> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
            let [_, cx, cy, rw, rh] = row[..] else { panic!("{text}") };
            let pixels = [
                (cx - rw / 2.0) * f64::from(width),
                (cy - rh / 2.0) * f64::from(height),
                rw * f64::from(width),
                rh * f64::from(height),
            ];
            let near =
                pixels.iter().zip([x, y, w, h]).all(|(a, b)| (a - f64::from(b)).abs() < 1e-9);
            assert!(near, "{orientation}: {pixels:?}");
            let back = import(&store, &out, format).await.unwrap();
            let found = records(&store, &back.version.id).await[0].annotations[0].bbox;
            let sides = [(found.x, BOX.x), (found.y, BOX.y), (found.w, BOX.w), (found.h, BOX.h)];
            assert!(sides.iter().all(|(a, b)| (a - b).abs() < 1e-9), "{orientation}: {found:?}");
        }
    }
}

#[test]
fn damaged_exif_data_are_none() {
    let whole = jpeg(6);
    for at in 0..60 {
        for bit in 0..8 {
            let mut file = whole.clone();
            file[at] ^= 1 << bit;
            if let Ok(info) = read_image_info(&file) {
                assert!((1..=8).contains(&info.orientation));
            }
        }
    }
}
