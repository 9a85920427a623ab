//! Tasks that run an executor: training, mining, inference.

mod handle;
mod infer;
pub(crate) mod left_behind;
mod mine;
mod options;
mod scoring;
mod train;
mod work;

pub use handle::Task;
pub use infer::InferOptions;
pub use mine::MineOptions;
pub use options::TaskOptions;
pub use train::TrainOptions;
pub(crate) use train::distinct;
