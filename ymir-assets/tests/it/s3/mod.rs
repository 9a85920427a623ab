//! Blobs in an S3-compatible server: s3s-fs, which `scripts/test.sh` installs.

mod cache;
mod conformance;
mod faults;
mod maintenance;
mod server;
