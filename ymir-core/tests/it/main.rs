//! The types, through their public interface.

mod ids;
mod query;
mod shapes;
