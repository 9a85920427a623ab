use serde_json::{Map, Value};
use ymir_core::{Error, ErrorKind, LabelerSpec, Project, Result, VersionId};

use super::ProjectHandle;
use crate::Workspace;

impl Workspace {
    /// Returns the project of this name and definition, which is created unless it is there.
    ///
    /// Versions are the same if their records are: data that is imported again makes no other
    /// definition. A project that is there keeps the versions that it was created with.
    ///
    /// # Errors
    ///
    /// `Conflict` if the project is there with another definition, with the fields that differ in
    /// the context `fields`; else as [`Workspace::create_project`].
    pub async fn get_or_create_project(&self, project: Project) -> Result<ProjectHandle> {
        let name = project.name.clone();
        let found = match self.project(name.as_str()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match self.create_project(project.clone()).await {
                    // Another process was faster.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                        self.project(name.as_str()).await?
                    }
                    created => return created,
                }
            }
            found => found?,
        };
        let differing = self.differing(&found.state().await?.project, &project).await?;
        if differing.is_empty() {
            return Ok(found);
        }
        let fields = differing.join(", ");
        let message = format!(
            "the project is there with another {fields}; change it by `update`, or give the new one \
             another name"
        );
        Err(Error::new(ErrorKind::Conflict, message).with("project", name).with("fields", fields))
    }

    /// Returns the fields in which two definitions differ.
    async fn differing(&self, one: &Project, other: &Project) -> Result<Vec<String>> {
        let (one, other) = (self.comparable(one).await?, self.comparable(other).await?);
        let differs = |(field, value): &(String, Value)| other.get(field) != Some(value);
        Ok(one.into_iter().filter(differs).map(|(field, _)| field).collect())
    }

    /// Returns the fields of a definition with the content of each version in place of its id.
    async fn comparable(&self, project: &Project) -> Result<Map<String, Value>> {
        let mut project = project.clone();
        project.pool = self.content(&project.pool).await?;
        project.validation = self.content(&project.validation).await?;
        if let Some(training) = &mut project.training {
            *training = self.content(training).await?;
        }
        if let LabelerSpec::Oracle { truth } = &mut project.labeler {
            *truth = self.content(truth).await?;
        }
        match serde_json::to_value(project) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(Error::new(ErrorKind::Unexpected, "a definition has named fields")),
            Err(e) => Err(Error::invalid(
                "the project's folder must have a path of UTF-8, and its numbers must be finite",
            )
            .caused_by(e)),
        }
    }

    async fn content(&self, version: &VersionId) -> Result<VersionId> {
        Ok(self.store().version(version).await?.content)
    }
}
