use ymir_core::{Branch, BranchKind, Error, Name, Result};
use ymir_data::operations::{self, DatasetEdit, EditOptions, EditReport};

use crate::{Dataset, Workspace};

impl Workspace {
    /// Changes records of the newest version of a dataset in one commit: puts them in, changes
    /// their attributes and annotations, takes them out.
    ///
    /// ```
    /// # async fn example(workspace: &ymir::Workspace) -> ymir::Result<()> {
    /// use ymir::{DatasetEdit, EditOptions};
    ///
    /// let dataset = workspace.dataset("street").await?;
    /// let [blurred, night] = [dataset.page(Default::default()).await?.records[0].asset.id; 2];
    /// let edits = vec![
    ///     DatasetEdit::Remove(blurred),
    ///     DatasetEdit::SetAttributes {
    ///         asset: night,
    ///         attributes: [("time".to_owned(), Some("night".to_owned()))].into(),
    ///     },
    /// ];
    /// let message = Some("Clean up after review".to_owned());
    /// workspace.edit("street", edits, &EditOptions { message, ..Default::default() }).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`operations::edit`].
    pub async fn edit(
        &self,
        name: &str,
        edits: Vec<DatasetEdit>,
        options: &EditOptions,
    ) -> Result<EditReport> {
        let branch = Branch::new(BranchKind::Dataset, Name::new(name)?);
        operations::edit(self.store(), &branch, edits, options).await
    }
}

impl Dataset {
    /// Changes records of this version in one commit, as [`Workspace::edit`] does; this version is
    /// to be the newest of its dataset.
    ///
    /// # Errors
    ///
    /// `Conflict` if this is not the newest version; `InvalidInput` for a prediction set, which is
    /// what a model said; as [`operations::edit`].
    pub async fn edit(&self, edits: Vec<DatasetEdit>, options: &EditOptions) -> Result<EditReport> {
        let branch = &self.version().branch;
        if branch.kind != BranchKind::Dataset {
            let message = "predictions are what a model said, and cannot be edited";
            return Err(Error::invalid(message).with("predictions", &branch.name));
        }
        let options = EditOptions { expect: Some(self.id()), ..options.clone() };
        operations::edit(self.workspace().store(), branch, edits, &options).await
    }
}
