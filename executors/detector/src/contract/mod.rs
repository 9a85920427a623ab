//! The executor's side of the contract: what is read from `/in` and written to `/out`.

pub mod annotation;
pub mod config;
pub mod env;
pub mod index;
pub mod log;
pub mod monitor;
pub mod results;
pub mod settings;
