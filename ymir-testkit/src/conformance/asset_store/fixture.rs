use ymir_core::{
    Annotation, Asset, AssetId, AssetStore, Attributes, BBox, Base, Branch, Class, ClassId,
    CommitRequest, Edit, Edits, Error, ErrorKind, Expect, Flags, Keypoint, Manifest, Mask,
    MediaType, NewClass, PageOptions, Record, Shape, Version, Visibility,
};

/// Returns the id of the n-th asset; the ids are in the order of the numbers.
pub(super) fn id(n: u8) -> AssetId {
    let mut bytes = [0; AssetId::LEN];
    bytes[0] = n;
    bytes[AssetId::LEN - 1] = 1;
    AssetId::new(bytes)
}

/// Returns a record that uses every field there is, differently for each number.
pub(super) fn record(n: u8) -> Record {
    let pair = |key: &str| Attributes::from([(key.to_owned(), format!("Wert {n} ✓"))]);
    let asset = Asset {
        id: id(n),
        width: 640 + u32::from(n),
        height: 480,
        channels: [0, 1, 3, 4][usize::from(n % 4)],
        byte_size: 1000 + u64::from(n),
        media_type: [MediaType::Jpeg, MediaType::Png, MediaType::Bmp, MediaType::Webp]
            [usize::from(n % 4)],
        file_name: format!("Bild {n} 图.jpg"),
        attributes: if n.is_multiple_of(3) { pair("city") } else { Attributes::new() },
    };
    let flag = |bit: u8| n & bit != 0;
    let annotation = |class: Class, k: u8| Annotation {
        class,
        // A third is no single-precision number: whatever is given must come back exactly.
        bbox: BBox::new(f64::from(n) / 3.0, f64::from(k), 10.5, 20.25),
        shape: shape(n + k, asset.width, asset.height),
        keypoints: keypoints(n),
        rotate_angle: n.is_multiple_of(2).then_some(0.1),
        score: n.is_multiple_of(5).then_some(1.0 / f64::from(k + 3)),
        quality: n.is_multiple_of(7).then_some(0.5),
        flags: Flags { difficult: flag(1), truncated: flag(2), occluded: flag(4), crowd: flag(8) },
        attributes: if k == 1 { pair("colour") } else { Attributes::new() },
    };
    let mut annotations = Vec::new();
    if !n.is_multiple_of(4) {
        annotations.push(annotation(Class::Id(ClassId(u32::from(n % 2))), 0));
        annotations.push(annotation(Class::Id(ClassId(0)), 1));
    }
    if n % 8 == 2 {
        let class = Class::Id(ClassId(1));
        annotations.push(Annotation::of_image(class, asset.width, asset.height));
    }
    if n % 8 == 1 {
        annotations.push(annotation(Class::Name("Straße".into()), 2));
    }
    Record { asset, annotations }
}

/// Returns polygons, a mask or nothing, on an image of this size.
fn shape(n: u8, width: u32, height: u32) -> Option<Shape> {
    let third = f64::from(n) / 3.0;
    let ring = vec![[third, 1.0], [9.5, third], [4.0, 8.25], [0.0, 7.0]];
    let hole = vec![[4.0, 4.0], [5.0, 4.0], [5.0, 5.0]];
    match n % 5 {
        0 => Some(Shape::Polygons(vec![ring])),
        1 => Some(Shape::Polygons(vec![ring, hole])),
        2 => {
            let inside = 5 + u32::from(n);
            let counts =
                vec![u32::from(n), inside, 7, 9, width * height - inside - u32::from(n) - 16];
            Some(Shape::Mask(Mask::new(width, height, counts).expect("the counts add up")))
        }
        _ => None,
    }
}

fn keypoints(n: u8) -> Vec<Keypoint> {
    let keypoint = |i: u8| Keypoint {
        x: f64::from(n) / 7.0,
        y: f64::from(i),
        visibility: Visibility::from_number(i).expect("below 3"),
    };
    (0..n % 4).filter(|i| *i < 3).map(keypoint).collect()
}

pub(super) fn records(numbers: impl IntoIterator<Item = u8>) -> Vec<Record> {
    numbers.into_iter().map(record).collect()
}

/// Returns a record with one box.
pub(super) fn boxed(n: u8, class: u32, bbox: BBox) -> Record {
    let mut record = record(n);
    record.annotations = vec![Annotation::new(Class::Id(ClassId(class)), bbox)];
    record
}

pub(super) fn puts(numbers: impl IntoIterator<Item = u8>) -> Vec<Edit> {
    records(numbers).into_iter().map(Edit::Put).collect()
}

pub(super) fn branch(name: &str) -> Branch {
    Branch::dataset(name).expect("a valid name")
}

pub(super) fn class(name: &str, aliases: &[&str]) -> NewClass {
    let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
    NewClass { name: name.to_owned(), aliases }
}

/// Adds the two classes that the records use.
pub(super) async fn add_classes(store: &dyn AssetStore) {
    let classes = [class("cat", &["kitten"]), class("dog", &[])];
    store.add_classes(&classes).await.expect("the classes are valid");
}

pub(super) fn request(name: &str, base: Base, expect: Expect, edits: Edits) -> CommitRequest {
    CommitRequest {
        branch: branch(name),
        base,
        edits,
        expect,
        manifest: Manifest::default(),
        message: format!("Change {name}\n\nFor a test."),
    }
}

/// Commits on top of the branch, whatever it is.
pub(super) async fn commit(store: &dyn AssetStore, name: &str, edits: Vec<Edit>) -> Version {
    let request = request(name, Base::Tip, Expect::Any, edits.into());
    store.commit(request).await.expect("the commit is valid")
}

/// Returns all records of a version.
pub(super) async fn all(store: &dyn AssetStore, version: &Version) -> Vec<Record> {
    let options = PageOptions { limit: usize::MAX, ..PageOptions::default() };
    let page = store.page(&version.id, options).await.expect("the version exists");
    assert_eq!(page.total, page.records.len() as u64);
    page.records
}

#[track_caller]
pub(super) fn assert_kind<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = result.expect_err("it should have failed");
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}
