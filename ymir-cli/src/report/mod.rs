//! The report of a demo: one HTML file that needs nothing else.

mod chart;
mod collect;
mod html;
mod lineage;
mod page;
mod pictures;
mod tables;

pub(crate) use page::write;
