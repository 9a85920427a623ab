//! The native half of the Node package `ymir`: thin classes over the facade.
//!
//! Everything that is not a number, a flag or bytes crosses as JSON text, which V8 reads faster
//! than an object can be put together through Node-API; what is read most often, records, crosses
//! in the compact form of [`record`]. Errors cross as JSON in the reason. The TypeScript half
//! (`../src`) makes the public classes, options and errors of it.

mod call;
mod dataset;
mod error;
mod executor;
mod label;
mod labeler;
mod load;
mod maintain;
mod model;
mod operate;
mod outcomes;
mod project;
mod query;
mod record;
mod stream;
mod task;
mod transfer;
mod work;
mod workspace;
