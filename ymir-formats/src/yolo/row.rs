//! A row of a label file: a class and numbers, as fractions of the size of the image.

use ymir_core::{BBox, Keypoint, Shape, Visibility};

use super::super::document::{Document, Object};
use super::layout::Layout;

const MAX_OBJECTS: usize = 100_000;
/// The most numbers in a row.
const MAX_NUMBERS: usize = 200_000;

/// Reads a label file. A row that cannot be understood is dropped.
///
/// # Errors
///
/// Says what is wrong, and in which line.
pub(super) fn read(text: &str, layout: &Layout) -> Result<Document, String> {
    let mut document = Document { relative: true, ..Document::default() };
    let rows = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (number, (line, row)) in rows.enumerate() {
        if number == MAX_OBJECTS {
            return Err(format!("the file has more than {MAX_OBJECTS} rows"));
        }
        let numbers: Result<Vec<f64>, _> = row.split_whitespace().map(str::parse).collect();
        let numbers = numbers.ok().filter(|numbers| numbers.iter().all(|n| n.is_finite()));
        let numbers = numbers.filter(|numbers| numbers.len() <= MAX_NUMBERS);
        let wrong = || format!("line {}: a row is of finite numbers", line + 1);
        let number = number as u32 + 1;
        match numbers.ok_or_else(wrong).and_then(|numbers| object(&numbers, layout)) {
            Ok(object) => document.objects.push(Object { number, ..object }),
            Err(reason) => document.dropped.push((number, reason)),
        }
    }
    Ok(document)
}

fn object(numbers: &[f64], layout: &Layout) -> Result<Object, String> {
    let [class, rest @ ..] = numbers else { return Err("its row is empty".to_owned()) };
    let Some(name) = layout.name(*class) else {
        return Err(format!("its class {class} is none of those that the dataset names"));
    };
    let mut object = Object { name: name.to_owned(), ..Object::default() };
    let pose = layout.keypoints.filter(|(count, each)| {
        let points = 4 + count * each;
        rest.len() == points || rest.len() == points + 1
    });
    match (rest, pose) {
        ([x, y, w, h, points @ ..], Some((count, each))) => {
            object.bbox = centred(*x, *y, *w, *h);
            object.keypoints = points.chunks_exact(each).take(count).map(keypoint).collect();
            object.score = points.get(count * each).copied();
        }
        ([x, y, w, h], _) => object.bbox = centred(*x, *y, *w, *h),
        ([x, y, w, h, score], _) => {
            object.bbox = centred(*x, *y, *w, *h);
            object.score = Some(*score);
        }
        (points @ [_, _, _, _, _, _, ..], _) => {
            // A number too many behind the points is the confidence of a prediction.
            let (points, score) = points.split_at(points.len() & !1);
            let ring = points.chunks_exact(2).map(|point| [point[0], point[1]]).collect();
            object.set_shape(Shape::Polygons(vec![ring]));
            object.score = score.first().copied();
        }
        _ => return Err(format!("its row has {} numbers, too few for a box", numbers.len())),
    }
    match object.bbox.is_valid() {
        true => Ok(object),
        false => Err("its box is empty".to_owned()),
    }
}

fn centred(x: f64, y: f64, w: f64, h: f64) -> BBox {
    BBox::new(x - w / 2.0, y - h / 2.0, w, h)
}

fn keypoint(numbers: &[f64]) -> Keypoint {
    let visibility = match numbers.get(2) {
        Some(v) if *v <= 0.0 => Visibility::Absent,
        Some(v) if *v < 2.0 => Visibility::Hidden,
        _ => Visibility::Visible,
    };
    Keypoint { x: numbers[0], y: numbers[1], visibility }
}
