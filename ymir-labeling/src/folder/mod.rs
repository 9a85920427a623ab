mod backend;
mod coco;
mod create;
mod layout;
mod names;
mod read;

pub use backend::FolderBackend;
