//! Tasks that run an executor: training, mining, inference.

mod handle;
mod infer;
mod mine;
mod options;
mod output;
mod start;
mod train;

pub use handle::Task;
pub use infer::InferOptions;
pub use mine::MineOptions;
pub use options::TaskOptions;
pub use output::{Mined, TaskOutput, TrainedModel};
pub use train::TrainOptions;
pub(crate) use train::distinct;
