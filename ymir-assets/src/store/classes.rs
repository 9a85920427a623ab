use std::sync::PoisonError;

use git2::{ObjectType, Oid};
use prost::Message;
use ymir_core::{ClassEdit, ClassTable, Error, Result, Timestamp};

use super::durable::{sync_all, sync_dir};
use super::format::{TreeEntry, decode_commit, decode_tree, encode_commit, encode_tree, object_id};
use super::generated::manifest as proto;
use super::handle::{Shared, too_new};
use super::manifest::{FORMAT_VERSION, VersionData, decode_classes, encode_classes};
use super::objects::{Objects, damaged};
use super::pack::{PackWriter, Packing};

const REF: &str = "refs/heads/classes";
const FILE: &str = "classes.pb";

impl Shared {
    pub(super) fn classes(&self) -> Result<ClassTable> {
        match self.refs.read(REF)? {
            Some(oid) => self.classes_at(oid).map_err(|e| e.with("ref", REF)),
            None => Ok(ClassTable::default()),
        }
    }

    /// Returns the table of a commit, which every commit of records asks for twice.
    fn classes_at(&self, oid: Oid) -> Result<ClassTable> {
        let lock = || self.class_table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, table)) = &*lock()
            && *known == oid
        {
            return Ok(table.clone());
        }
        let table = read_classes(&self.objects, oid)?;
        *lock() = Some((oid, table.clone()));
        Ok(table)
    }

    /// Returns the classes of a version with the names that they have now.
    ///
    /// With a damaged table the names are those of the version's time.
    pub(super) fn classes_of(&self, version: &VersionData) -> ClassTable {
        let theirs = &version.manifest.classes;
        self.classes().map_or_else(|_| theirs.clone(), |table| table.first(theirs.len()))
    }

    /// Changes the table under the lock of its ref: there is nothing to gain from trying first.
    pub(super) fn edit_classes(&self, edits: &[ClassEdit]) -> Result<ClassTable> {
        loop {
            let lock = self.refs.lock(REF)?;
            let old = self.refs.read(REF)?;
            let before = self.classes()?;
            let mut table = before.clone();
            for edit in edits {
                table.apply(edit)?;
            }
            if table == before {
                return Ok(table);
            }
            let pack = PackWriter::new(&self.packs());
            let value = self.refs.prepare(write(&table, old, &pack)?)?;
            let pack = pack.finish()?.expect("a commit is in it");
            let files = [&pack.pack, &pack.index, &value.file];
            sync_all(&files.map(|file| (file.as_file(), file.path())))?;
            pack.publish()?;
            sync_dir(&self.packs())?;
            if self.refs.set(&lock, REF, old, value)? {
                self.refs.sync(REF)?;
                return Ok(table);
            }
        }
    }
}

/// Checks that a version means by its classes what the workspace does: else its annotations would be
/// taken for others.
pub(super) fn check_classes(data: &VersionData, table: &ClassTable) -> Result<()> {
    let mut theirs = data.manifest.classes.entries().iter();
    let Some(entry) = theirs.find(|entry| !table.is_same_class(entry)) else { return Ok(()) };
    let message = "the classes of this version are not those of the workspace; restore the ref \
                   refs/heads/classes, or, if the version is of another workspace, fetch all of \
                   that as a git remote and take the version over with `ymir copy --fetched`";
    Err(Error::corrupted(message)
        .with("version", data.version.id)
        .with("class", entry.id)
        .with("name", &entry.name)
        .with("here", table.name(entry.id).unwrap_or("none")))
}

fn write(table: &ClassTable, parent: Option<Oid>, pack: &PackWriter) -> Result<Oid> {
    let put = |kind, data: &[u8]| -> Result<Oid> {
        let oid = object_id(kind, data);
        pack.put(oid, kind, data, Packing::Deflated)?;
        Ok(oid)
    };
    let classes = encode_classes(table);
    let message = proto::ClassTable { format_version: FORMAT_VERSION, classes };
    let oid = put(ObjectType::Blob, &message.encode_to_vec())?;
    let tree = encode_tree(&[TreeEntry { name: FILE.into(), is_tree: false, oid }]);
    let tree = put(ObjectType::Tree, &tree)?;
    let names: Vec<&str> = table.entries().iter().map(|entry| entry.name.as_str()).collect();
    let retired = table.len() - table.active().count();
    let count = match retired {
        0 => format!("{} classes", table.len()),
        _ => format!("{} classes, {retired} of them retired", table.len()),
    };
    let text = format!("Class table: {count}\n\n{}\n", names.join("\n"));
    put(ObjectType::Commit, &encode_commit(tree, parent, Timestamp::now(), &text))
}

/// Reads the class table of a commit.
pub(super) fn read_classes(objects: &Objects, oid: Oid) -> Result<ClassTable> {
    let commit = objects.read(oid, ObjectType::Commit)?;
    let commit = decode_commit(&commit).ok_or_else(|| damaged(oid, "it is no commit"))?;
    let tree = objects.read(commit.tree, ObjectType::Tree)?;
    let file = decode_tree(&tree)
        .and_then(|tree| tree.into_iter().find(|entry| entry.name == FILE))
        .ok_or_else(|| damaged(commit.tree, "it has no file `classes.pb`"))?
        .oid;
    let data = objects.read(file, ObjectType::Blob)?;
    let table = proto::ClassTable::decode(data.as_slice())
        .map_err(|e| damaged(file, "it is not a class table").caused_by(e))?;
    if !(1..=FORMAT_VERSION).contains(&table.format_version) {
        return Err(too_new(table.format_version).with("object", file));
    }
    decode_classes(table.classes)
        .map_err(|e| damaged(file, "it is not a valid class table").caused_by(e))
}
