use std::collections::BTreeMap;
use std::sync::Arc;

use ymir_core::{
    AnnotationCondition, AssetStore, Branch, Class, ClassId, ClassLookup, ClassTable, Error,
    FindOptions, NewClass, OnProgress, Query, Result, TaskKind, Version, VersionId,
};

use super::class_map::{ClassMap, key};
use super::commit::{Operation, Plan};

/// Commits the records of a version with other classes.
///
/// `classes` says what becomes of each class that it names: the annotations get the class of
/// another name, or go if there is none. Several may become one, and all are changed at once, so
/// that two can be exchanged. Names are those of the workspace's class table, or those that
/// annotations outside it are kept by; a new name that the table does not have is added to it. An
/// asset whose annotations all go stays. Only the assets concerned are read and written. Classes that
/// were added stay in the table if the commit then fails.
///
/// # Errors
///
/// - `NotFound` if the version does not exist, or for a class that neither the table nor the
///   version has.
/// - `InvalidInput` for a class named twice, by its alias perhaps, for a new name that can be none,
///   and if the target is not of the source's kind.
pub async fn relabel(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    classes: &BTreeMap<String, Option<String>>,
    target: &Branch,
    on_progress: OnProgress<'_>,
) -> Result<Version> {
    let json = serde_json::json!(classes);
    let operation = Operation::new(store, TaskKind::Relabel, "relabel", source, target).await?;
    let mut operation = operation.parameter("classes", &json).telling(on_progress);
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let table = store.classes().await?;
    check_old_names(store, source, classes, &table).await?;
    let table = add_new_names(store, classes, &table).await?;
    let map = class_map(classes, &table)?;
    let ids = store.find(source, &concerned(&map), FindOptions::default()).await?;
    let change = |(old, new): (&String, &Option<String>)| match new {
        Some(new) => format!("{old} as {new}"),
        None => format!("{old} as nothing"),
    };
    let changes: Vec<_> = classes.iter().map(change).collect();
    let message = format!("Relabel {} of {}", changes.join(", "), operation.source());
    operation.commit(Plan::Relabel(ids, map), message).await
}

async fn check_old_names(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    classes: &BTreeMap<String, Option<String>>,
    table: &ClassTable,
) -> Result<()> {
    for old in classes.keys().filter(|old| table.find(old).is_none()) {
        let unlisted = AnnotationCondition::Unlisted(vec![old.clone()]);
        if store.count(source, &Query::Annotation(unlisted)).await? == 0 {
            return table.require(old).map(drop);
        }
    }
    Ok(())
}

async fn add_new_names(
    store: &Arc<dyn AssetStore>,
    classes: &BTreeMap<String, Option<String>>,
    table: &ClassTable,
) -> Result<ClassTable> {
    let new = classes.values().flatten().filter(|name| table.lookup(name) == ClassLookup::Unknown);
    let new: Vec<NewClass> = new.map(NewClass::new).collect();
    if new.is_empty() { Ok(table.clone()) } else { store.add_classes(&new).await }
}

fn class_map(classes: &BTreeMap<String, Option<String>>, table: &ClassTable) -> Result<ClassMap> {
    let mut map = ClassMap::default();
    for (old, new) in classes {
        let new = new.as_ref().map(|new| table.require(new).map(Class::Id)).transpose()?;
        let id = table.find(old);
        let known = id.is_some_and(|id| map.ids.insert(id, new.clone()).is_some());
        // Annotations that were kept by a name may be there beside those of a class that got it
        // later.
        if map.names.insert(key(old), new).is_some() || known {
            let message = "a class is named twice; say once what becomes of it";
            return Err(Error::invalid(message).with("class", old));
        }
    }
    Ok(map)
}

/// Returns the query for the assets with an annotation that changes.
fn concerned(map: &ClassMap) -> Query {
    let changes = |(id, new): &(&ClassId, &Option<Class>)| **new != Some(Class::Id(**id));
    let mut ids: Vec<ClassId> = map.ids.iter().filter(changes).map(|(id, _)| *id).collect();
    let mut names: Vec<String> = map.names.keys().cloned().collect();
    ids.sort_unstable();
    names.sort_unstable();
    let classes = ids.into_iter().map(Class::Id).collect();
    let listed = AnnotationCondition::Class { classes, not: false };
    Query::Annotation(listed).or(Query::Annotation(AnnotationCondition::Unlisted(names)))
}
