//! Where object types meet: datasets, models, projects and what is there for each.

use ymir_core::{Error, ErrorKind, ObjectType, Result, VersionId};

use crate::Workspace;

/// Checks that tasks, labeling and evaluation handle an object type; `what` asks for it.
pub(crate) fn require_handled(what: &str, object_type: ObjectType) -> Result<ObjectType> {
    if object_type.serves(ObjectType::Detection) {
        return Ok(ObjectType::Detection);
    }
    let message = format!("{what} of {object_type} is not supported yet; use data of detection");
    Err(Error::new(ErrorKind::Unsupported, message).with("object_type", object_type.as_str()))
}

impl Workspace {
    /// Returns the object type that something is done by, from the annotations that it is done
    /// with; detection without any.
    pub(crate) async fn object_type_for(
        &self,
        what: &str,
        version: &VersionId,
    ) -> Result<ObjectType> {
        match self.object_type(version).await? {
            Some(object_type) => {
                require_handled(what, object_type).map_err(|e| e.with("version", version))
            }
            None => Ok(ObjectType::default()),
        }
    }

    /// Checks that what a version holds can be used by something of an object type; `role` is what
    /// the version is to it.
    pub(crate) async fn require_object_type(
        &self,
        role: &str,
        version: &VersionId,
        wanted: ObjectType,
    ) -> Result<()> {
        match self.object_type(version).await?.filter(|found| !found.serves(wanted)) {
            None => Ok(()),
            Some(found) => {
                let message = format!(
                    "the {role} is of {found}, and {wanted} is asked for; choose a version of \
                     {wanted}"
                );
                Err(Error::invalid(message)
                    .with("version", version)
                    .with("object_type", found.as_str()))
            }
        }
    }

    /// Returns the object type of a model or of the annotations of a version; none without any.
    async fn object_type(&self, version: &VersionId) -> Result<Option<ObjectType>> {
        let manifest = self.store().manifest(version).await?;
        let has_any = manifest.model.is_some() || manifest.summary.annotations > 0;
        Ok(has_any.then_some(manifest.object_type))
    }
}
