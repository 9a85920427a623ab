//! The types, through their public interface.

mod query;
mod shapes;
