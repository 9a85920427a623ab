use std::collections::VecDeque;
use std::sync::Arc;

use ymir_core::{AssetStore, PageOptions, Record, Result, VersionId};

/// How many records are read at once.
const PAGE: usize = 1024;

/// Reads the records of a version from first to last, a page at a time.
#[derive(Debug)]
pub struct Pages<'a> {
    store: &'a Arc<dyn AssetStore>,
    version: VersionId,
    offset: u64,
    ended: bool,
    read: VecDeque<Record>,
}

impl<'a> Pages<'a> {
    /// Returns a reader of a version from its first record on.
    pub fn new(store: &'a Arc<dyn AssetStore>, version: VersionId) -> Self {
        Self { store, version, offset: 0, ended: false, read: VecDeque::new() }
    }

    /// Returns the next record, `None` after the last.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::page`].
    pub async fn next(&mut self) -> Result<Option<Record>> {
        self.fill().await?;
        Ok(self.read.pop_front())
    }

    /// Returns the next record and leaves it there, `None` after the last.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::page`].
    pub async fn peek(&mut self) -> Result<Option<&Record>> {
        self.fill().await?;
        Ok(self.read.front())
    }

    /// Returns the next record if it fulfils a condition, else leaves it there.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::page`].
    pub async fn next_if(
        &mut self,
        condition: impl FnOnce(&Record) -> bool,
    ) -> Result<Option<Record>> {
        self.fill().await?;
        match self.read.front() {
            Some(record) if condition(record) => Ok(self.read.pop_front()),
            _ => Ok(None),
        }
    }

    /// Returns the next records, as many as were read at once; `None` after the last.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::page`].
    pub async fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        self.fill().await?;
        Ok((!self.read.is_empty()).then(|| std::mem::take(&mut self.read).into()))
    }

    async fn fill(&mut self) -> Result<()> {
        if !self.read.is_empty() || self.ended {
            return Ok(());
        }
        let options = PageOptions { offset: self.offset, limit: PAGE, class: None };
        let page = self.store.page(&self.version, options).await?;
        self.offset += page.records.len() as u64;
        self.ended = page.records.is_empty() || self.offset >= page.total;
        self.read = page.records.into();
        Ok(())
    }
}
