//! The commands, each with its arguments.

pub(crate) mod alike;
pub(crate) mod classes;
pub(crate) mod compare;
pub(crate) mod copy;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod filter;
pub(crate) mod fsck;
pub(crate) mod fuse;
pub(crate) mod gc;
pub(crate) mod import;
mod import_mir;
pub(crate) mod infer;
pub(crate) mod init;
pub(crate) mod iterate;
pub(crate) mod label;
pub(crate) mod log;
pub(crate) mod mine;
pub(crate) mod outcomes;
pub(crate) mod relabel;
pub(crate) mod sample;
pub(crate) mod samples;
pub(crate) mod set_operation;
pub(crate) mod show;
pub(crate) mod split;
pub(crate) mod task;
pub(crate) mod train;

mod dispatch;
pub(crate) mod made;

pub(crate) use dispatch::run;
