//! Arbitrary bytes and documents never panic, and annotations go through the folder unharmed.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use ymir_core::{Annotation, BBox, Class, ClassId, LabelJobRequest, Labeled};
use ymir_labeling::FolderBackend;
use ymir_testkit::conformance::label_backend::{Fixture, Labeling};

use super::common::{Folder, collected, status};
use super::exchange::created;

struct Ready {
    runtime: Runtime,
    _fixture: Fixture,
    folder: Folder,
    backend: FolderBackend,
    job: LabelJobRequest,
}

impl Ready {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let fixture = runtime.block_on(Fixture::new());
        let (folder, backend, job) = runtime.block_on(created(&fixture));
        Self { runtime, _fixture: fixture, folder, backend, job }
    }

    /// Writes a file, and checks that whatever comes back is fit to be stored.
    fn take(&self, bytes: impl AsRef<[u8]>) -> bool {
        self.folder.write(&self.job, bytes);
        let collected = self.runtime.block_on(collected(&self.backend, &self.job));
        let _ = self.runtime.block_on(status(&self.backend, &self.job));
        let Ok(labeled) = collected else { return false };
        assert!(labeled.windows(2).all(|pair| pair[0].id < pair[1].id));
        for Labeled { id, annotations } in labeled {
            let item = self.job.items.iter().find(|item| item.asset.id == id).expect("of the job");
            let (width, height) = (f64::from(item.asset.width), f64::from(item.asset.height));
            for annotation in annotations {
                let b = annotation.bbox;
                assert!(b.is_valid(), "{b:?}");
                let (right, lower) = (b.x + b.w, b.y + b.h);
                let is_inside =
                    b.x >= 0.0 && b.y >= 0.0 && right <= width + 1e-9 && lower <= height + 1e-9;
                // The edges of a rotated box are not where its corners are.
                assert!(is_inside || annotation.rotate_angle.is_some(), "{b:?}");
                assert!(annotation.class.id().is_none_or(|id| id.0 < 2));
            }
        }
        true
    }
}

/// Any JSON at all, with a liking for the keys and values that mean something.
fn document(name: String) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..4).prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        Just(json!(name)),
        "(cat|dog|wolf|1|[a-z]{0,3})".prop_map(Value::from),
    ];
    let key = "(images|annotations|categories|id|image_id|category_id|bbox|file_name|name|width\
               |segmentation|iscrowd|attributes|rotation|[a-z]{0,2})";
    leaf.prop_recursive(5, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn annotation() -> impl Strategy<Value = Annotation> {
    (0u32..2, 0.0..0.9f64, 0.0..0.9f64, 0.001..1.0f64, 0.001..1.0f64).prop_map(
        |(class, x, y, w, h)| {
            let (x, y) = (x * 40.0, y * 30.0);
            let bbox = BBox::new(x, y, w * (40.0 - x), h * (30.0 - y));
            Annotation::new(Class::Id(ClassId(class)), bbox)
        },
    )
}

// All share the one file of the one job, and so one test.
#[test]
fn whatever_is_given_back() {
    let ready = &Ready::new();
    let name =
        ready.folder.handed_out(&ready.job)["images"][0]["file_name"].as_str().unwrap().to_owned();
    let config = || ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) };

    proptest!(config(), |(bytes in prop::collection::vec(any::<u8>(), 0..200))| {
        ready.take(bytes);
    });
    proptest!(config(), |(document in document(name.clone()))| {
        ready.take(document.to_string());
    });

    // A valid file, in which one thing is replaced by anything.
    let good = json!({
        "images": [{"id": 1, "file_name": name, "width": 40, "height": 30}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0,
            "attributes": {"rotation": 1}}],
    });
    assert!(ready.take(good.to_string()));
    let places = [
        "/images",
        "/images/0",
        "/images/0/id",
        "/images/0/width",
        "/categories/0/id",
        "/categories/0/name",
        "/annotations/0",
        "/annotations/0/image_id",
        "/annotations/0/bbox",
        "/annotations/0/bbox/0",
        "/annotations/0/bbox/2",
        "/annotations/0/attributes/rotation",
    ];
    let place = prop::sample::select(places.to_vec());
    proptest!(config(), |(place in place, value in document(name.clone()))| {
        let mut document = good.clone();
        *document.pointer_mut(place).unwrap() = value;
        ready.take(document.to_string());
    });

    let lists = prop::collection::vec(prop::collection::vec(annotation(), 0..6), 0..7);
    proptest!(config(), |(lists in lists)| {
        let job = &ready.job;
        let mut answers: Vec<_> = job.items.iter().zip(lists)
            .map(|(item, annotations)| Labeled { id: item.asset.id, annotations })
            .collect();
        answers.sort_by_key(|labeled| labeled.id);
        ready.runtime.block_on(ready.folder.label(job, &answers));
        let found = ready.runtime.block_on(collected(&ready.backend, job)).unwrap();
        prop_assert_eq!(found.len(), answers.len());
        for (found, expected) in found.iter().zip(&answers) {
            prop_assert_eq!(found.id, expected.id);
            prop_assert_eq!(found.annotations.len(), expected.annotations.len());
            for (a, b) in found.annotations.iter().zip(&expected.annotations) {
                prop_assert_eq!(&a.class, &b.class);
                let pairs = [(a.bbox.x, b.bbox.x), (a.bbox.y, b.bbox.y),
                    (a.bbox.w, b.bbox.w), (a.bbox.h, b.bbox.h)];
                prop_assert!(pairs.iter().all(|(a, b)| (a - b).abs() <= 1e-9), "{:?} {:?}", a, b);
            }
        }
    });
}
