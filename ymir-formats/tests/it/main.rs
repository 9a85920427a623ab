//! Image files and annotation files, without a store.

mod image_files;
