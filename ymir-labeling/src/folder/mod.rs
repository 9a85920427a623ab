mod backend;
mod coco;
mod create;
mod layout;
mod names;
mod read;
mod value;

pub use backend::FolderBackend;
