use std::collections::BTreeSet;
use std::sync::Arc;

use ymir_core::{
    Annotation, AssetStore, Class, ClassEntry, ClassId, ClassTable, Error, Result, UnknownClasses,
};

use super::DatasetEdit;

/// What became of the classes of an edit.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) table: ClassTable,
    pub(super) added: Vec<String>,
    pub(super) ignored: u64,
}

/// Gives all annotations of the changes the classes of the workspace.
///
/// # Errors
///
/// `InvalidInput` for a class id that the table lacks; with [`UnknownClasses::Stop`] for names that
/// it lacks.
pub(super) async fn resolve(
    store: &Arc<dyn AssetStore>,
    edits: &mut [DatasetEdit],
    strategy: UnknownClasses,
) -> Result<Resolved> {
    let mut resolved = Resolved { table: store.classes().await?, ..Resolved::default() };
    let unknown = unknown(edits, &resolved.table)?;
    if !unknown.is_empty() {
        let names = || unknown.iter().cloned().collect::<Vec<_>>();
        match strategy {
            UnknownClasses::Stop => {
                let message = "the workspace does not have these classes; correct their names, or \
                               choose what happens to unknown classes";
                return Err(Error::invalid(message).with("unknown_classes", names().join(", ")));
            }
            UnknownClasses::Add => {
                let entry = |name| ClassEntry { id: ClassId(0), name, aliases: Vec::new() };
                let entries: Vec<_> = names().into_iter().map(entry).collect();
                resolved.table = store.add_classes(&entries).await?;
                resolved.added = names();
            }
            UnknownClasses::Ignore | UnknownClasses::Keep => {}
        }
    }
    for edit in edits {
        resolved.ignored += settle(edit, &resolved.table, strategy)?;
    }
    Ok(resolved)
}

/// Returns the class names of the changes that the table does not have.
fn unknown(edits: &[DatasetEdit], table: &ClassTable) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for annotation in edits.iter().flat_map(annotations) {
        match &annotation.class {
            Class::Id(id) if table.name(*id).is_none() => {
                let message = "the workspace has no class of this id; name the class instead";
                return Err(Error::invalid(message).with("class", id));
            }
            Class::Name(name) if table.find(name).is_none() => {
                names.insert(name.trim().to_owned());
            }
            _ => {}
        }
    }
    Ok(names)
}

fn annotations(edit: &DatasetEdit) -> &[Annotation] {
    match edit {
        DatasetEdit::Put(record) => &record.annotations,
        DatasetEdit::PutImage { annotations, .. }
        | DatasetEdit::SetAnnotations { annotations, .. }
        | DatasetEdit::AddAnnotations { annotations, .. } => annotations,
        DatasetEdit::ReplaceAnnotation { annotation, .. } => std::slice::from_ref(annotation),
        _ => &[],
    }
}

/// Gives the annotations of a change their class ids, and leaves out those to be ignored; returns
/// how many these are.
fn settle(edit: &mut DatasetEdit, table: &ClassTable, strategy: UnknownClasses) -> Result<u64> {
    let annotations = match edit {
        DatasetEdit::Put(record) => &mut record.annotations,
        DatasetEdit::PutImage { annotations, .. }
        | DatasetEdit::SetAnnotations { annotations, .. }
        | DatasetEdit::AddAnnotations { annotations, .. } => annotations,
        DatasetEdit::ReplaceAnnotation { annotation, asset, index } => {
            table.resolve(std::slice::from_mut(annotation));
            if let Class::Name(name) = &annotation.class
                && strategy == UnknownClasses::Ignore
            {
                let message = "an annotation cannot be replaced by one to be ignored; remove it";
                return Err(Error::invalid(message)
                    .with("class", name)
                    .with("asset", asset)
                    .with("index", index));
            }
            return Ok(0);
        }
        _ => return Ok(0),
    };
    table.resolve(annotations);
    let before = annotations.len();
    if strategy == UnknownClasses::Ignore {
        annotations.retain(|annotation| annotation.class.id().is_some());
    }
    Ok((before - annotations.len()) as u64)
}
