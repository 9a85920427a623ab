use futures::Stream;
use ymir_core::{
    AssetId, AssetStore, FindOptions, Page, Query, Record, Result, ScanOptions, VersionId,
};

use crate::Dataset;
use crate::dataset::scan_records;

/// The assets of a dataset version that a query is true of, found as they are asked for.
///
/// Nothing of it is kept in memory. What the counts of the version tell, such as how many assets
/// have a class, is answered by them; else the part of the records that the query looks at is
/// scanned, up to the last that is wanted.
#[derive(Debug, Clone)]
pub struct Selected<'a> {
    dataset: &'a Dataset,
    query: Query,
}

impl Dataset {
    /// Returns the assets that a query is true of; nothing is read yet.
    pub fn query(&self, query: &Query) -> Selected<'_> {
        Selected { dataset: self, query: query.clone() }
    }
}

impl<'a> Selected<'a> {
    /// Returns the query.
    pub fn query(&self) -> &Query {
        &self.query
    }

    fn store(&self) -> &'a dyn AssetStore {
        self.dataset.workspace().store().as_ref()
    }

    fn version(&self) -> VersionId {
        self.dataset.id()
    }

    /// Returns how many there are.
    ///
    /// # Errors
    ///
    /// `NotFound` for a class that the version's table does not have; `InvalidInput` for a query
    /// that contradicts itself.
    pub async fn count(&self) -> Result<u64> {
        self.store().count(&self.version(), &self.query).await
    }

    /// Returns their ids, in order.
    ///
    /// # Errors
    ///
    /// As [`Selected::count`].
    pub async fn ids(&self, options: FindOptions) -> Result<Vec<AssetId>> {
        self.store().find(&self.version(), &self.query, options).await
    }

    /// Returns a run of their records, in the order of the ids, and how many there are in all.
    ///
    /// Where the whole number is not needed, [`Selected::records`] may be much faster.
    ///
    /// # Errors
    ///
    /// As [`Selected::count`].
    pub async fn page(&self, offset: u64, limit: usize) -> Result<Page> {
        let total = self.count().await?;
        let options = FindOptions { offset, limit, after: None };
        let ids = if offset < total { self.ids(options).await? } else { Vec::new() };
        Ok(Page { records: self.get(&ids).await?, total })
    }

    async fn get(&self, ids: &[AssetId]) -> Result<Vec<Record>> {
        let records = self.store().get(&self.version(), ids).await?;
        Ok(records.into_iter().flatten().collect())
    }

    /// Returns their records behind an asset, in the order of the ids, found and read as they are
    /// asked for.
    pub fn records(
        &self,
        after: Option<AssetId>,
    ) -> impl Stream<Item = Result<Record>> + Send + 'a {
        let options = ScanOptions { query: self.query.clone(), after, ..ScanOptions::default() };
        scan_records(self.store().scan(&self.version(), options))
    }
}
