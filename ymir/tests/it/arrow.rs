//! Datasets as Arrow tables.
#![cfg(feature = "arrow")]

use crate::common::{Fixture, fixture};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt8Type, UInt32Type};
use arrow_ipc::reader::StreamReader;
use futures::TryStreamExt;
use serde_json::json;
use ymir::{Dataset, ErrorKind, Format, ImportOptions, PageOptions, Record, UnknownClasses};

async fn first(dataset: &Dataset) -> Record {
    let page = dataset.page(PageOptions { offset: 0, limit: 1, class: None }).await.unwrap();
    page.records.into_iter().next().unwrap()
}

/// Imports one of the images again, with what a COCO file says of it.
async fn with_annotations(fixture: &Fixture, annotations: serde_json::Value) -> Dataset {
    let pool = fixture.workspace.dataset_by_id(&fixture.pool).await.unwrap();
    let asset = first(&pool).await.asset;
    let folder = fixture.dir.join("coco");
    std::fs::create_dir(&folder).unwrap();
    let file = fixture.workspace.image_path(&asset.id).await.unwrap();
    std::fs::copy(file, folder.join(&asset.file_name)).unwrap();
    let image = json!({ "id": 1, "file_name": asset.file_name, "width": 64, "height": 48 });
    let categories = json!([{ "id": 1, "name": "coin" }]);
    let coco = json!({ "images": [image], "categories": categories, "annotations": annotations });
    std::fs::write(folder.join("annotations.json"), coco.to_string()).unwrap();
    let options =
        ImportOptions { unknown_classes: UnknownClasses::Add, ..ImportOptions::default() };
    let (workspace, tell) = (&fixture.workspace, |_| ());
    workspace
        .import_dataset(folder, Format::Coco, "shaped", &options)
        .on_progress(tell)
        .await
        .unwrap();
    workspace.dataset("shaped").await.unwrap()
}

#[tokio::test]
async fn a_table_has_what_the_records_have() {
    let fixture = fixture().await;
    let dataset = fixture.workspace.dataset("pool").await.unwrap();
    let records: Vec<Record> = dataset.records().try_collect().await.unwrap();
    let table = dataset.to_arrow(None).await.unwrap();
    assert_eq!(table.len(), records.len());
    let ipc = table.to_ipc().unwrap();
    let read: Vec<_> = StreamReader::try_new(ipc.as_slice(), None).unwrap().collect();
    assert_eq!(read.len(), 1);
    let batch = read[0].as_ref().unwrap();
    assert_eq!(batch, &table.batches[0]);
    let column = |name| batch.column_by_name(name).unwrap();
    for (row, record) in records.iter().enumerate() {
        assert_eq!(column("id").as_string::<i32>().value(row), record.asset.id.to_string());
        assert_eq!(column("width").as_primitive::<UInt32Type>().value(row), record.asset.width);
        let list = column("annotations").as_list::<i32>().value(row);
        let list = list.as_struct();
        assert_eq!(list.len(), record.annotations.len());
        for (i, annotation) in record.annotations.iter().enumerate() {
            let x = list.column_by_name("x").unwrap().as_primitive::<Float64Type>().value(i);
            assert_eq!(x, annotation.bbox.x);
            let name = list.column_by_name("class_name").unwrap().as_string::<i32>().value(i);
            assert_eq!(Some(name), dataset.class_name(&annotation.class));
        }
    }
}

#[tokio::test]
async fn a_table_of_a_class_has_its_assets_alone() {
    let fixture = fixture().await;
    let dataset = fixture.workspace.dataset("pool").await.unwrap();
    let coin = dataset.class("coin").unwrap();
    let table = dataset.to_arrow(Some("coin")).await.unwrap();
    assert_eq!(table.len() as u64, dataset.summary().count(Some(coin)));
    let error = dataset.to_arrow(Some("unicorn")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn shapes_and_keypoints_are_columns_as_in_coco() {
    let fixture = fixture().await;
    let counts = [3 * 48 + 10, 4, 3072 - 3 * 48 - 14];
    let dataset = with_annotations(
        &fixture,
        json!([
            { "id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 6, 5],
              "segmentation": [[1.5, 2, 7, 2, 7, 7], [1, 3, 2, 3, 2, 4, 1, 4]] },
            { "id": 2, "image_id": 1, "category_id": 1, "bbox": [3, 10, 1, 4], "iscrowd": 1,
              "segmentation": { "size": [48, 64], "counts": counts } },
            { "id": 3, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9],
              "keypoints": [4, 5, 2, 6, 7, 1, 0, 0, 0] },
        ]),
    )
    .await;
    let record = first(&dataset).await;
    let table = dataset.to_arrow(None).await.unwrap();
    let list = table.batches[0].column_by_name("annotations").unwrap().as_list::<i32>().value(0);
    let column = |name| list.as_struct().column_by_name(name).unwrap();
    let of = |id: usize| {
        let is_it = |annotation: &ymir::Annotation| annotation.bbox.x == [1.0, 3.0, 0.0][id];
        record.annotations.iter().position(is_it).unwrap()
    };
    let (outlined, masked, pointed) = (of(0), of(1), of(2));

    let kinds = column("shape").as_string::<i32>();
    assert_eq!((kinds.value(outlined), kinds.value(masked)), ("polygons", "mask"));
    assert!(kinds.is_null(pointed));

    let polygons = column("polygons").as_list::<i32>();
    assert!(polygons.is_null(masked) && polygons.is_null(pointed));
    let rings = polygons.value(outlined);
    let rings = rings.as_list::<i32>();
    let ring = |i| rings.value(i).as_primitive::<Float64Type>().values().to_vec();
    assert_eq!(rings.len(), 2);
    assert_eq!(ring(0), [1.5, 2.0, 7.0, 2.0, 7.0, 7.0]);
    assert_eq!(ring(1), [1.0, 3.0, 2.0, 3.0, 2.0, 4.0, 1.0, 4.0]);

    let masks = column("mask").as_string::<i32>();
    assert!(masks.is_null(outlined));
    let mask = ymir::Mask::from_coco_string(64, 48, masks.value(masked)).unwrap();
    assert_eq!(mask.counts(), counts);

    let keypoints = column("keypoints").as_list::<i32>();
    assert_eq!(keypoints.value_length(outlined), 0);
    let points = keypoints.value(pointed);
    let points = points.as_struct();
    let numbers = |name| points.column_by_name(name).unwrap().as_primitive::<Float64Type>();
    assert_eq!(numbers("x").values(), &[4.0, 6.0, 0.0]);
    assert_eq!(numbers("y").values(), &[5.0, 7.0, 0.0]);
    let seen = points.column_by_name("visibility").unwrap().as_primitive::<UInt8Type>();
    assert_eq!(seen.values(), &[2, 1, 0]);
}
