//! Masks and shapes: COCO's encoding, areas, boxes, and what JSON becomes of them.

use proptest::prelude::*;
use serde::Deserialize;
use ymir_core::{Annotation, BBox, Class, ClassId, ErrorKind, Mask, Ring, Shape, Visibility};

fn pixels(mask: &Mask) -> Vec<bool> {
    let pixels = mask.counts().iter().enumerate();
    pixels.flat_map(|(i, count)| std::iter::repeat_n(i % 2 == 1, *count as usize)).collect()
}

fn counts(pixels: &[bool]) -> Vec<u32> {
    let mut counts = vec![0];
    let mut inside = false;
    for pixel in pixels {
        if *pixel != inside {
            counts.push(0);
            inside = *pixel;
        }
        *counts.last_mut().unwrap() += 1;
    }
    counts
}

proptest! {
    #[test]
    fn masks_survive_their_encodings(
        width in 1..40u32, height in 1..40u32, bits in proptest::collection::vec(any::<bool>(), 1600),
    ) {
        let bits = &bits[..(width * height) as usize];
        let mask = Mask::new(width, height, counts(bits)).unwrap();
        prop_assert_eq!(pixels(&mask), bits);
        let text = mask.to_coco_string();
        prop_assert_eq!(&Mask::from_coco_string(width, height, &text).unwrap(), &mask);
        let json = serde_json::to_string(&mask).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Mask>(&json).unwrap(), &mask);
        prop_assert_eq!(mask.area(), bits.iter().filter(|bit| **bit).count() as u64);

        let inside = (0..bits.len() as u32).filter(|i| bits[*i as usize]);
        let places: Vec<_> = inside.map(|i| (i / height, i % height)).collect();
        let bbox = places.iter().fold(None, |edges, (x, y)| {
            let (left, top, right, bottom) = edges.unwrap_or((*x, *y, *x, *y));
            Some((left.min(*x), top.min(*y), right.max(*x), bottom.max(*y)))
        });
        let bbox = bbox.map(|(left, top, right, bottom)| {
            BBox::new(left.into(), top.into(), (right - left + 1).into(), (bottom - top + 1).into())
        });
        prop_assert_eq!(mask.bbox(), bbox);
    }

    #[test]
    fn zero_counts_make_no_difference(
        bits in proptest::collection::vec(any::<bool>(), 1..60), at in 0..60usize,
    ) {
        let plain = counts(&bits);
        let mut split = plain.clone();
        let at = at % split.len();
        let count = split[at];
        split.splice(at..=at, [count / 2, 0, count - count / 2]);
        let mask = |counts| Mask::new(bits.len() as u32, 1, counts).unwrap();
        prop_assert_eq!(mask(split), mask(plain));
    }

    #[test]
    fn any_string_is_a_mask_or_an_error(text in "[ -~]{0,40}|\\PC{0,10}") {
        if let Err(error) = Mask::from_coco_string(8, 8, &text) {
            prop_assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }
}

/// The string and the box that pycocotools 2.0 gives.
#[test]
fn strings_are_those_of_coco() {
    let mask = Mask::new(7, 5, vec![6, 3, 2, 3, 21]).unwrap();
    assert_eq!(mask.to_coco_string(), "6320c0");
    assert_eq!(mask.bbox(), Some(BBox::new(1.0, 1.0, 2.0, 3.0)));
    assert_eq!(Mask::from_coco_string(7, 5, "6320c0").unwrap(), mask);
}

#[test]
fn masks_that_do_not_add_up_are_refused() {
    for (width, height, counts) in [
        (0, 0, vec![]),
        (2, 2, vec![3]),
        (2, 2, vec![2, 3]),
        (2, 0, vec![0]),
        (u32::MAX, 2, vec![u32::MAX, u32::MAX]),
        (u32::MAX, u32::MAX, vec![u32::MAX; 4]),
    ] {
        assert_eq!(Mask::new(width, height, counts).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let json = r#"{"size": [2, 2], "counts": [5]}"#;
    assert!(serde_json::from_str::<Mask>(json).is_err());
}

#[test]
fn a_mask_of_every_pixel_has_a_first_count_of_zero() {
    let mask = Mask::new(2, 2, vec![0, 4, 0]).unwrap();
    assert_eq!(mask.counts(), [0, 4]);
    assert_eq!(mask.bbox(), Some(BBox::new(0.0, 0.0, 2.0, 2.0)));
    assert_eq!(Mask::new(2, 2, vec![4]).unwrap().bbox(), None);
}

#[test]
fn polygons_have_areas_and_boxes() {
    let square = vec![[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]];
    let shape = Shape::Polygons(vec![square, vec![[5.0, 5.0], [7.0, 5.0], [5.0, 6.0]]]);
    assert_eq!(shape.area(), 7.0);
    assert_eq!(shape.bbox(), Some(BBox::new(1.0, 1.0, 6.0, 5.0)));
}

#[test]
fn json_without_shapes_stays_as_it_was() {
    let annotation = Annotation::new(Class::Id(ClassId(1)), BBox::new(1.0, 2.0, 3.0, 4.0));
    let json = serde_json::to_value(&annotation).unwrap();
    assert!(json.get("shape").is_none() && json.get("keypoints").is_none(), "{json}");
    assert_eq!(serde_json::from_value::<Annotation>(json).unwrap(), annotation);

    let label = Annotation::of_image(Class::Id(ClassId(1)), 64, 48);
    let json = serde_json::to_value(&label).unwrap();
    assert_eq!(json["shape"], "image");
    assert_eq!(serde_json::from_value::<Annotation>(json).unwrap(), label);
    assert_eq!(Visibility::from_number(3), None);
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    let annotation = Annotation::new(Class::Id(ClassId(0)), BBox::new(0.0, 0.0, 2.0, 2.0));
    let of_other_size = Mask::new(3, 2, vec![6]).unwrap();
    for shape in [
        Shape::Polygons(Vec::new()),
        Shape::Polygons(vec![vec![[0.0, 0.0], [1.0, 1.0]]]),
        Shape::Polygons(vec![vec![[0.0, 0.0], [1.0, 1.0], [f64::NAN, 0.0]]]),
        Shape::Mask(of_other_size),
        Shape::Image,
    ] {
        let error = annotation.clone().with_shape(shape).check(9, 9).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    Annotation::of_image(Class::Id(ClassId(0)), 9, 9).check(9, 9).unwrap();
}

#[derive(Deserialize)]
struct Outline {
    width: u32,
    height: u32,
    ring: Ring,
    counts: String,
}

/// What pycocotools says, see `data/coco_outlines.py`.
fn outlines() -> Vec<Outline> {
    serde_json::from_str(include_str!("../data/coco_outlines.json")).unwrap()
}

#[test]
fn an_outline_has_the_pixels_that_pycocotools_sees() {
    let outlines = outlines();
    assert!(outlines.len() > 40);
    for Outline { width, height, ring, counts } in outlines {
        let wanted = Mask::from_coco_string(width, height, &counts).unwrap();
        let mask = Mask::from_rings(width, height, std::slice::from_ref(&ring)).unwrap();
        assert_eq!(mask, wanted, "{ring:?} on {width}x{height}");
    }
}

#[test]
fn a_ring_within_another_is_a_hole() {
    let square = |from: f64, to: f64| vec![[from, from], [to, from], [to, to], [from, to]];
    let mask = Mask::from_rings(10, 10, &[square(0.0, 10.0), square(2.0, 5.0)]).unwrap();
    assert_eq!(mask.area(), 100 - 9);
    assert_eq!(Mask::from_rings(10, 10, &[]).unwrap().area(), 0);
}

#[test]
fn outlines_that_would_take_forever_are_refused() {
    let far = vec![[0.0, 0.0], [1e300, 0.0], [0.0, 5.0]];
    let tangle = (0..100_000).map(|i| [f64::from(i % 2) * 60_000.0, 0.0]).collect();
    for ring in [far, tangle, vec![[f64::NAN, 0.0]; 3]] {
        let error = Mask::from_rings(60_000, 60_000, &[ring]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    assert!(Mask::from_rings(0, 5, &[]).is_err());
}
