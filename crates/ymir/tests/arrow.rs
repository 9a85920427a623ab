//! Datasets as Arrow tables.
#![cfg(feature = "arrow")]

mod common;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use arrow_ipc::reader::StreamReader;
use common::fixture;
use futures::TryStreamExt;
use ymir::{ErrorKind, Record};

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
