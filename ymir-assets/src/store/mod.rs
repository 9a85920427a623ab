//! The dataset store: versions as git commits, records in an aggregated hash trie.

mod asset_store;
mod cache;
mod checksum;
mod classes;
mod column;
mod commit;
mod database;
mod diff;
mod durable;
mod edits;
mod fetched;
mod fields;
mod find;
mod format;
mod fsck;
mod generated;
mod handle;
mod history;
mod history_file;
mod leaf;
mod leaf_encode;
mod lock;
mod maintain;
mod manifest;
mod node;
mod objects;
mod pack;
mod packed_refs;
mod page;
mod query_scan;
mod reach;
mod refs;
mod row;
mod scan;
mod shape_column;
mod stale;
mod update;
mod validate;
mod versions;

pub use cache::{Cache, ClockCache};
pub use handle::{GitAssetStore, StoreOptions};
pub use objects::StoreStats;

pub(crate) use durable::sync_all;
pub(crate) use stale::{is_temporary, remove_stale};
