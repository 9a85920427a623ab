//! Where object types meet: datasets, models, projects and what is there for each.

use ymir_core::{Error, ErrorKind, Manifest, ObjectType, Result, VersionId};

use crate::Workspace;

/// Checks that tasks, labeling and evaluation handle an object type; `what` asks for it.
pub(crate) fn require_handled(what: &str, object_type: ObjectType) -> Result<ObjectType> {
    if object_type == ObjectType::Detection {
        return Ok(object_type);
    }
    let message = format!("{what} of {object_type} is not supported yet, only of detection");
    Err(Error::new(ErrorKind::Unsupported, message).with("object_type", object_type.as_str()))
}

/// Returns whether what a version holds can be used by something of an object type. Annotations can
/// stand for simpler ones, models cannot.
fn serves(manifest: &Manifest, wanted: ObjectType) -> bool {
    match manifest.model {
        Some(_) => manifest.object_type == wanted,
        None => manifest.summary.annotations == 0 || manifest.object_type.serves(wanted),
    }
}

impl Workspace {
    /// Returns the object type that something is done by, from the model or the annotations that it
    /// is done with.
    pub(crate) async fn object_type_for(
        &self,
        what: &str,
        version: &VersionId,
    ) -> Result<ObjectType> {
        let manifest = self.store().manifest(version).await?;
        let object_type = match serves(&manifest, ObjectType::Detection) {
            true => ObjectType::Detection,
            false => manifest.object_type,
        };
        require_handled(what, object_type).map_err(|e| e.with("version", version))
    }

    /// Checks that what a version holds can be used by something of an object type; `role` is what
    /// the version is to it.
    pub(crate) async fn require_object_type(
        &self,
        role: &str,
        version: &VersionId,
        wanted: ObjectType,
    ) -> Result<()> {
        let manifest = self.store().manifest(version).await?;
        if serves(&manifest, wanted) {
            return Ok(());
        }
        let found = manifest.object_type;
        let message = format!(
            "the {role} is of {found}, and {wanted} is asked for; choose a version of {wanted}"
        );
        Err(Error::invalid(message).with("version", version).with("object_type", found.as_str()))
    }
}
