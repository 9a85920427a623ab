use std::fmt;

use async_trait::async_trait;
use ymir_core::{ExecutorInfo, Result};

use super::HostTask;

/// A function of the host program that trains, mines or infers.
///
/// ```
/// use async_trait::async_trait;
/// use ymir_core::{BBox, ExecutorInfo, ObjectType, Parameters, Result, TmiKind};
/// use ymir_tmi::contract::SampleSet;
/// use ymir_tmi::{HostDetection, HostExecutor, HostTask};
///
/// /// Finds one object of the first class in the middle of every image.
/// #[derive(Debug)]
/// struct Middle;
///
/// #[async_trait]
/// impl HostExecutor for Middle {
///     fn info(&self) -> ExecutorInfo {
///         ExecutorInfo {
///             digest: "middle 1.0".to_owned(),
///             object_types: vec![ObjectType::Detection],
///             templates: [(TmiKind::Inference, Parameters::new())].into(),
///         }
///     }
///
///     async fn run(&self, task: HostTask) -> Result<()> {
///         let samples = task.samples(SampleSet::Candidates)?;
///         for (i, sample) in samples.iter().enumerate() {
///             let (w, h) = (f64::from(sample.asset.width), f64::from(sample.asset.height));
///             let bbox = BBox::new(w / 4.0, h / 4.0, w / 2.0, h / 2.0);
///             let detection = HostDetection::new(task.class_names()[0].clone(), bbox, 0.5);
///             task.predict(&sample.asset.id, vec![detection])?;
///             task.progress(i as f64 / samples.len() as f64, "")?;
///         }
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait HostExecutor: Send + Sync + fmt::Debug {
    /// Returns what it can do, with the default parameters of each kind of task, and its identity.
    ///
    /// # Behavior
    ///
    /// - Equal digests mean equal results from equal input: what one has made is found again and
    ///   not computed anew. A function that may have changed has a digest of its own each time.
    fn info(&self) -> ExecutorInfo;

    /// Does what a task asks for: [`HostTask::kinds`].
    ///
    /// # Behavior
    ///
    /// - It returns soon when [`HostTask::is_cancelled`]; every call of the task that can fail
    ///   does so then. What does not end within the grace period is given up: its future is
    ///   dropped, and what a thread of its own still gives the task is refused.
    /// - It does not block: work that computes goes to a thread for that.
    ///
    /// # Errors
    ///
    /// - Any: the task fails with the message. A context `exit_code` is passed on, and
    ///   `ResourceExhausted` means that memory ran out.
    async fn run(&self, task: HostTask) -> Result<()>;
}
