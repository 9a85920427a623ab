//! What the report shows of the workspace, read from it.

use ymir::{
    Annotation, ClassTable, Dataset, PageOptions, ProjectState, Record, Result, VersionId,
    Workspace,
};

use super::pictures::{Mark, Picture};

/// How many images of the validation set are shown.
const VALIDATION: usize = 12;
/// How many chosen images are shown of each iteration.
const CHOSEN: usize = 10;
/// The score from which on a prediction is drawn.
pub(super) const SHOWN_SCORE: f64 = 0.3;

/// Returns images of the validation set, spread over it, with what is there and what was found.
pub(super) async fn validation(
    workspace: &Workspace,
    state: &ProjectState,
    predictions: &VersionId,
) -> Result<Vec<Picture>> {
    let truth = workspace.dataset_by_id(&state.project.validation).await?;
    let classes = workspace.classes().await?;
    let mut pictures = Vec::new();
    for record in spread(&truth, VALIDATION).await? {
        let found = workspace.dataset_by_id(predictions).await?.get(&record.asset.id).await?;
        let mut marks = marks(&record.annotations, &classes);
        marks.extend(marks_of(found.as_ref(), &classes));
        pictures.push(picture(workspace, &record, marks, 320).await?);
    }
    Ok(pictures)
}

/// Returns the first of the images that an iteration chose, with what the model before it said.
pub(super) async fn chosen(
    workspace: &Workspace,
    selected: &VersionId,
    predictions: Option<VersionId>,
) -> Result<Vec<Picture>> {
    let selected = workspace.dataset_by_id(selected).await?;
    let classes = workspace.classes().await?;
    let predictions = match predictions {
        Some(id) => Some(workspace.dataset_by_id(&id).await?),
        None => None,
    };
    let page = selected.page(PageOptions { limit: CHOSEN, ..PageOptions::default() }).await?;
    let mut pictures = Vec::new();
    for record in page.records {
        let found = match &predictions {
            Some(predictions) => predictions.get(&record.asset.id).await?,
            None => None,
        };
        let marks = marks_of(found.as_ref(), &classes);
        pictures.push(picture(workspace, &record, marks, 200).await?);
    }
    Ok(pictures)
}

/// Returns so many records at equal distances.
async fn spread(dataset: &Dataset, count: usize) -> Result<Vec<Record>> {
    let count = (count as u64).min(dataset.len());
    let mut records = Vec::new();
    for i in 0..count {
        let offset = i * dataset.len() / count;
        let page = dataset.page(PageOptions { offset, limit: 1, class: None }).await?;
        records.extend(page.records);
    }
    Ok(records)
}

fn marks_of(found: Option<&Record>, classes: &ClassTable) -> Vec<Mark> {
    let annotations = found.map(|record| record.annotations.as_slice()).unwrap_or_default();
    let mut marks = marks(annotations, classes);
    marks.retain(|mark| mark.score.is_none_or(|score| score >= SHOWN_SCORE));
    marks
}

fn marks(annotations: &[Annotation], classes: &ClassTable) -> Vec<Mark> {
    let mark = |annotation: &Annotation| Mark {
        class: classes.name_of(&annotation.class).unwrap_or("?").to_owned(),
        bbox: annotation.bbox,
        score: annotation.score,
    };
    annotations.iter().map(mark).collect()
}

async fn picture(
    workspace: &Workspace,
    record: &Record,
    marks: Vec<Mark>,
    side: u32,
) -> Result<Picture> {
    let bytes = workspace.store().read_blob(&record.asset.id).await?;
    Ok(Picture::new(&record.asset, &bytes, marks, side))
}
