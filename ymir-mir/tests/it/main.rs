//! Repositories of the original, imported.

mod common;
mod hostile;
mod import;
