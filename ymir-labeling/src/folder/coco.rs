use serde::Serialize;
use serde_json::{Map, Value};
use ymir_core::{Annotation, Class, LabelJob};

/// A COCO detection file, as it is handed out.
#[derive(Serialize)]
pub(super) struct Coco<'a> {
    info: Info<'a>,
    licenses: [(); 0],
    images: Vec<Image<'a>>,
    annotations: Vec<Shape>,
    categories: Vec<Category<'a>>,
}

#[derive(Serialize)]
struct Info<'a> {
    description: &'a str,
}

#[derive(Serialize)]
struct Image<'a> {
    id: usize,
    file_name: &'a str,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct Category<'a> {
    id: u32,
    name: &'a str,
    supercategory: &'static str,
}

#[derive(Serialize)]
struct Shape {
    id: usize,
    image_id: usize,
    category_id: u32,
    bbox: [f64; 4],
    area: f64,
    segmentation: [(); 0],
    iscrowd: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    attributes: Map<String, Value>,
}

impl<'a> Coco<'a> {
    /// Returns the file of a job whose images have these names. Numbers count from 1, as most tools
    /// take 0 for background; pre-annotations of classes that the job lacks are left out, as are
    /// the parts of boxes outside the image.
    pub(super) fn new(job: &'a LabelJob, names: &'a [String]) -> Self {
        let mut images = Vec::new();
        let mut annotations = Vec::new();
        for (index, (item, name)) in job.items.iter().zip(names).enumerate() {
            let (image_id, asset) = (index + 1, &item.asset);
            let (width, height) = (asset.width, asset.height);
            images.push(Image { id: image_id, file_name: name, width, height });
            for annotation in &item.pre_annotations {
                let id = annotations.len() + 1;
                let ids = (id, image_id);
                annotations.extend(shape(ids, annotation, job, (width, height)));
            }
        }
        let category = |entry: &'a ymir_core::ClassEntry| Category {
            id: entry.id.0 + 1,
            name: &entry.name,
            supercategory: "",
        };
        let categories = job.classes.entries().iter().map(category).collect();
        let info = Info { description: &job.title };
        Self { info, licenses: [], images, annotations, categories }
    }
}

fn shape(
    (id, image_id): (usize, usize),
    annotation: &Annotation,
    job: &LabelJob,
    (width, height): (u32, u32),
) -> Option<Shape> {
    let class = match &annotation.class {
        Class::Id(class) => *class,
        Class::Name(name) => job.classes.find(name)?,
    };
    let whole = annotation.bbox;
    let bbox = whole.is_valid().then(|| whole.clip(width, height)).flatten()?;
    Some(Shape {
        id,
        image_id,
        category_id: class.0 + 1,
        bbox: [bbox.x, bbox.y, bbox.w, bbox.h],
        area: bbox.area(),
        segmentation: [],
        iscrowd: u8::from(annotation.flags.crowd),
        score: annotation.score.filter(|score| score.is_finite()),
        attributes: attributes(annotation),
    })
}

/// Returns what COCO has no field for, under the names that CVAT uses.
fn attributes(annotation: &Annotation) -> Map<String, Value> {
    let free = annotation.attributes.iter();
    let mut all: Map<_, _> = free.map(|(key, value)| (key.clone(), value.clone().into())).collect();
    let flags = annotation.flags;
    let marks = [
        ("occluded", flags.occluded),
        ("truncated", flags.truncated),
        ("difficult", flags.difficult),
    ];
    for (name, _) in marks.iter().filter(|(_, set)| *set) {
        all.insert((*name).to_owned(), true.into());
    }
    if let Some(angle) = annotation.rotate_angle.filter(|angle| angle.is_finite()) {
        all.insert("rotation".to_owned(), angle.to_degrees().into());
    }
    all
}
