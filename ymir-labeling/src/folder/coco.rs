use ymir_core::{Annotation, Class, LabelJobRequest, Result};
use ymir_formats::{CocoDocument, Extras};

/// Returns the COCO document of a job whose images have these names. Numbers count from 1, as most
/// tools take 0 for background; pre-annotations of classes that the job lacks are left out, as are
/// the parts of boxes outside the image.
pub(super) fn document(job: &LabelJobRequest, names: &[String]) -> Result<Vec<u8>> {
    let mut document = CocoDocument::in_memory(&job.title, Extras::Attributes)?;
    for (item, name) in job.items.iter().zip(names) {
        let size = (item.asset.width, item.asset.height);
        let suggested = item.pre_annotations.iter();
        let objects: Vec<_> = suggested.filter_map(|one| suggestion(one, job, size)).collect();
        let objects = objects.iter().map(|(category, annotation)| (*category, annotation));
        document.add(&item.asset, name, objects)?;
    }
    let classes = job.classes.entries().iter();
    let categories: Vec<_> =
        classes.map(|class| (u64::from(class.id.0) + 1, class.name.as_str())).collect();
    document.finish(&categories)
}

/// Returns a pre-annotation as it is handed out, with the number of its category.
fn suggestion(
    annotation: &Annotation,
    job: &LabelJobRequest,
    (width, height): (u32, u32),
) -> Option<(u64, Annotation)> {
    let class = match &annotation.class {
        Class::Id(class) => *class,
        Class::Name(name) => job.classes.find(name)?,
    };
    let whole = annotation.bbox;
    let bbox = whole.is_valid().then(|| whole.clip(width, height)).flatten()?;
    let score = annotation.score.filter(|score| score.is_finite());
    Some((u64::from(class.0) + 1, Annotation { bbox, score, ..annotation.clone() }))
}
