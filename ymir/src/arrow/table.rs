use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};
use ymir_core::{Error, ErrorKind, PageOptions, Result};

use super::columns;
use crate::Dataset;

/// Rows of a batch.
const BATCH: usize = 16_384;

/// A dataset version as an Arrow table: a row per asset, in the order of their ids.
///
/// | column | type |
/// |---|---|
/// | `id`, `media_type`, `file_name` | text |
/// | `width`, `height`, `channels`, `byte_size` | unsigned integers |
/// | `attributes` | map from text to text |
/// | `annotations` | list of structs: `class_name`, `class_id` (null outside the class table), `x`, `y`, `w`, `h` in pixels, `rotate_angle`, `score`, `quality` (null where there is none), `difficult`, `truncated`, `occluded`, `crowd`, `attributes`, and the columns of shapes |
///
/// Of the shape of an annotation, `shape` says which it has: `polygons`, `mask`, `image` for a label
/// of the whole image, or null. `polygons` are rings of numbers `x, y, x, y, …`; `mask` is COCO's
/// compressed run lengths, of the height and width of the row; both are as pycocotools takes them.
/// `keypoints` are structs of `x`, `y` and `visibility`, COCO's number from 0 to 2.
#[derive(Debug, Clone)]
pub struct ArrowTable {
    /// The schema, the same for every dataset.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl ArrowTable {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the table as a stream of Arrow's IPC format, which every implementation reads.
    pub fn to_ipc(&self) -> Result<Vec<u8>> {
        let write = || {
            let mut writer = StreamWriter::try_new(Vec::new(), &self.schema)?;
            self.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.into_inner()
        };
        write().map_err(failed)
    }
}

fn failed(error: ArrowError) -> Error {
    Error::new(ErrorKind::Unexpected, "the dataset does not fit into an Arrow table")
        .caused_by(error)
}

impl Dataset {
    /// Returns the dataset as an Arrow table, of all its assets or of those with a class.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such class.
    pub async fn to_arrow(&self, class: Option<&str>) -> Result<ArrowTable> {
        let class = class.map(|name| self.class(name)).transpose()?;
        let schema = columns::schema();
        let mut batches = Vec::new();
        let mut offset = 0;
        loop {
            let page = self.page(PageOptions { offset, limit: BATCH, class }).await?;
            offset += page.records.len() as u64;
            if page.records.is_empty() {
                return Ok(ArrowTable { schema, batches });
            }
            let (classes, schema) = (self.manifest().classes.clone(), schema.clone());
            let batch = move || columns::batch(&page.records, &classes, &schema).map_err(failed);
            batches.push(tokio::task::spawn_blocking(batch).await.map_err(|error| {
                Error::new(ErrorKind::Unexpected, "building the table broke off").caused_by(error)
            })??);
        }
    }
}
