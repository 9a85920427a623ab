use ymir_core::{ClassEdit, ClassTable, NewClass, Result};

use crate::Workspace;

impl Workspace {
    /// Changes the class table, by all of these edits or none, and returns it.
    ///
    /// # Errors
    ///
    /// As [`ClassTable::apply`].
    pub async fn edit_classes(&self, edits: &[ClassEdit]) -> Result<ClassTable> {
        self.store().edit_classes(edits).await
    }

    /// Adds classes to the class table, all or none; those that are there are left as they are.
    ///
    /// Names that differ by case only are of different classes.
    ///
    /// # Errors
    ///
    /// As [`ClassTable::add`].
    pub async fn add_classes(&self, names: &[&str]) -> Result<ClassTable> {
        let classes: Vec<_> = names.iter().map(|name| NewClass::new(*name)).collect();
        self.store().add_classes(&classes).await
    }

    /// Gives a class another main name, under which versions of before show it too. The old name
    /// stays as an alias.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such class; `AlreadyExists` if the name is another class's.
    pub async fn rename_class(&self, class: &str, to: &str) -> Result<ClassTable> {
        let (class, to) = (class.to_owned(), to.to_owned());
        self.edit_classes(&[ClassEdit::Rename { class, to }]).await
    }

    /// Adds a name to a class, for imports and for what executors and labelers return.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such class; `AlreadyExists` if the name is another class's.
    pub async fn alias_class(&self, class: &str, alias: &str) -> Result<ClassTable> {
        let (class, alias) = (class.to_owned(), alias.to_owned());
        self.edit_classes(&[ClassEdit::Alias { class, alias }]).await
    }

    /// Retires a class: trainings, labeling jobs and projects refuse it from now on. Its annotations
    /// stay, and can be read, queried and exported.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such class.
    pub async fn retire_class(&self, class: &str) -> Result<ClassTable> {
        self.edit_classes(&[ClassEdit::Retire(class.to_owned())]).await
    }

    /// Takes the retirement of a class back.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such class.
    pub async fn restore_class(&self, class: &str) -> Result<ClassTable> {
        self.edit_classes(&[ClassEdit::Restore(class.to_owned())]).await
    }
}
