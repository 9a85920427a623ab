use serde::{Deserialize, Serialize};
use ymir_core::{
    Annotation, Class, ClassEntry, ClassTable, Error, Input, LabelJobId, LabelerSpec, Name, Result,
    TaskKind, TaskRecord, Timestamp, VersionId, sha256_hex,
};

/// What is to be labeled, by whom, and where it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelOptions {
    /// Who labels.
    pub labeler: LabelerSpec,
    /// The dataset version whose assets are labeled.
    pub dataset: VersionId,
    /// A prediction set for the labeler to correct.
    pub pre_annotations: Option<VersionId>,
    /// The classes that the labeler may use, by name.
    pub classes: Vec<String>,
    /// Instructions for people.
    pub instructions: String,
    /// The dataset that the labels are committed to.
    pub labeled: Name,
}

impl LabelOptions {
    /// Returns the id of the job: the same for the same work, so that it is made once however
    /// often it is tried.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a folder whose path is not UTF-8.
    pub fn job_id(&self) -> Result<LabelJobId> {
        let work =
            (self.dataset, &self.classes, self.pre_annotations, &self.labeled, &self.labeler);
        let text = serde_json::to_string(&work).map_err(|e| {
            Error::invalid("the labeler's folder must have a path of UTF-8").caused_by(e)
        })?;
        let name = self.labeled.as_str().chars().take(40);
        let name = name.map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        LabelJobId::new(format!("{}_{}", name.collect::<String>(), &sha256_hex(text)[..12]))
    }

    /// Returns the table of the job: the named classes alone, in their order.
    pub(super) fn job_classes(&self, all: &ClassTable) -> Result<ClassTable> {
        let mut classes = ClassTable::default();
        for name in &self.classes {
            let entry: &ClassEntry = &all.entries()[all.require(name)?.0 as usize];
            let aliases: Vec<&str> = entry.aliases.iter().map(String::as_str).collect();
            classes.add(&entry.name, &aliases)?;
        }
        Ok(classes)
    }

    /// Returns the lineage of the labels.
    pub(super) fn record(&self, job: &LabelJobId) -> TaskRecord {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut record = TaskRecord {
            kind: TaskKind::Label,
            parameters: [
                ("job".to_owned(), json(job.as_str())),
                ("classes".to_owned(), json(&self.classes.join(","))),
            ]
            .into(),
            inputs: vec![Input { role: "dataset".to_owned(), version: self.dataset }],
            library_version: env!("CARGO_PKG_VERSION").to_owned(),
            started: Timestamp::now(),
            ..TaskRecord::default()
        };
        if let Some(version) = self.pre_annotations {
            record.inputs.push(Input { role: "predictions".to_owned(), version });
        }
        record
    }
}

/// Returns an annotation with its class as another table has it, if it does.
pub(super) fn translate(
    mut annotation: Annotation,
    from: &ClassTable,
    to: &ClassTable,
) -> Option<Annotation> {
    annotation.class = Class::Id(to.find(from.name_of(&annotation.class)?)?);
    Some(annotation)
}
