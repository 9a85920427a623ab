use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::ContainerSummary;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    StartContainerOptions,
};
use tokio::sync::OnceCell;
use ymir_core::{
    Error, ErrorKind, ExecutorInfo, ExecutorRef, Layout, LogPosition, PinnedExecutor, Result, Run,
    RunHandle, RunListing, RunRequest, RunState, RuntimeCapabilities, Timestamp, TmiRuntime,
};

use super::container::body;
use super::engine::{connect, failed, remove, status};
use super::options::DockerOptions;
use super::run::DockerRun;
use super::state::{container, state};
use super::{image, labels};
use crate::runtime::blocking;
use crate::runtime::folder::{RunFolder, absolute};

/// Runs container images as executors, through the Docker Engine: `docker:IMAGE`.
///
/// A container runs the image's default command, with `<dir>/in` mounted read-only at `/in` and
/// `<dir>/out` at `/out`, by default without network, without capabilities, without new privileges,
/// with the caller's user and group and `HOME=/tmp`; [`ymir_core::Limits`] loosens each but the
/// privileges. It gets the granted memory (and no swap beyond it), its share of the CPUs
/// (`OMP_NUM_THREADS` tells their number) and the granted GPUs. An init process passes signals on, so
/// that TERM reaches commands of the form `sh -c`; the engine needs its `docker-init` for that.
///
/// The container is made of the image's id, not of its name, and is called
/// `ymir-<workspace>-<task>-<unit>-<attempt>`. It has the labels `ymir.workspace`, `ymir.task`,
/// `ymir.unit`, `ymir.attempt`, `ymir.dir`, `ymir.digest`, `ymir.executor` and `ymir.user`; one that
/// an image is looked into with has `ymir.inspect` and `ymir.user`. It stays until
/// [`TmiRuntime::remove`], whatever becomes of the process that made it.
///
/// The engine keeps its log by the driver `json-file`, the newest 4 files of 64 MiB. What was not
/// read before it was overwritten is reported as missing. An engine that is away is waited for; one
/// that ends containers when it is restarted (without `live-restore`) has ended the run.
#[derive(Debug, Default)]
pub struct DockerRuntime {
    options: DockerOptions,
    engine: OnceCell<Docker>,
}

impl DockerRuntime {
    /// The name that executors name it by.
    pub const NAME: &str = "docker";

    /// Returns the runtime; the engine is reached when it is first needed.
    pub fn new(options: DockerOptions) -> Self {
        Self { options, engine: OnceCell::new() }
    }

    /// Returns the runtime, once the engine has answered.
    ///
    /// # Errors
    ///
    /// `Unavailable` if it cannot be reached.
    pub async fn connect(options: DockerOptions) -> Result<Self> {
        let runtime = Self::new(options);
        runtime.engine().await?;
        Ok(runtime)
    }

    async fn engine(&self) -> Result<&Docker> {
        self.engine.get_or_try_init(|| connect(&self.options)).await
    }

    /// Returns a run's container that was created before.
    async fn existing(&self, docker: &Docker, request: &RunRequest) -> Result<RunHandle> {
        let name = labels::name(request);
        let found = docker.inspect_container(&name, None::<InspectContainerOptions>).await;
        let found = found.map_err(|error| failed(error, "cannot look up a container"))?;
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let container = found.id.unwrap_or_default();
        let handle = labels::handle(&labels, &container)
            .filter(|handle| handle.task == request.task && handle.workspace == request.workspace);
        handle.ok_or_else(|| {
            let message = "a container that is not YMIR's has the name of the run's; rename it";
            Error::new(ErrorKind::Conflict, message).with("container", name).retryable(false)
        })
    }

    async fn list(&self, label: &str) -> Result<Vec<RunListing>> {
        let filters = labels::filter(label);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.engine().await?.list_containers(Some(options)).await;
        let found = found.map_err(|error| failed(error, "cannot list containers"))?;
        Ok(found.into_iter().filter_map(listing).collect())
    }
}

fn listing(container: ContainerSummary) -> Option<RunListing> {
    let id = container.id?;
    let created = container.created.and_then(|second| Timestamp::from_second(second).ok());
    let running = container.state.is_some_and(|state| {
        use bollard::models::ContainerSummaryStateEnum as State;
        matches!(state, State::RUNNING | State::PAUSED | State::RESTARTING)
    });
    let handle = labels::handle(&container.labels.unwrap_or_default(), &id);
    Some(RunListing {
        name: format!("container {}", id.get(..12).unwrap_or(&id)),
        dir: handle.as_ref().map(|handle| handle.dir.clone()),
        handle,
        running,
        created,
        id,
    })
}

#[async_trait]
impl TmiRuntime for DockerRuntime {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn capabilities(&self) -> RuntimeCapabilities {
        RuntimeCapabilities {
            survives: true,
            queues: false,
            isolates: true,
            bounds_memory: true,
            gpus: true,
            lists: true,
        }
    }

    fn layout(&self, _executor: &ExecutorRef, _dir: &Path) -> Layout {
        Layout {
            input: "/in".into(),
            output: "/out".into(),
            manifest: "/img-man/manifest.yaml".into(),
        }
    }

    async fn inspect(&self, executor: &ExecutorRef) -> Result<ExecutorInfo> {
        check(executor)?;
        image::inspect(self.engine().await?, &executor.target).await
    }

    async fn create(&self, mut request: RunRequest) -> Result<RunHandle> {
        check(&request.executor.reference)?;
        request.dir = absolute(&request.dir)?;
        let docker = self.engine().await?;
        if request.limits.image_user {
            open_output(&request.dir).await?;
        }
        let name = labels::name(&request);
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        match docker.create_container(Some(options), body(&request)?).await {
            Ok(created) => Ok(RunHandle {
                runtime: Self::NAME.to_owned(),
                workspace: request.workspace,
                task: request.task,
                unit: request.unit,
                attempt: request.attempt,
                digest: request.executor.digest,
                dir: request.dir,
                data: serde_json::json!({ "container": created.id }),
            }),
            Err(error) if status(&error) == Some(409) => self.existing(docker, &request).await,
            Err(error) if is_missing_image(&error) => Err(gone(docker, &request.executor).await),
            Err(error) => Err(refused(error, &request.executor.reference.target)),
        }
    }

    async fn start(&self, handle: &RunHandle) -> Result<()> {
        let docker = self.engine().await?;
        // The engine would start one that has ended again.
        match state(docker, handle).await? {
            RunState::Created => {}
            RunState::Running | RunState::Ended(_) => return Ok(()),
            RunState::Lost => return Err(missing(handle)),
        }
        let container = container(handle)?;
        match docker.start_container(container, None::<StartContainerOptions>).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(304) => Ok(()),
            Err(error) => Err(refused(error, &handle.digest)),
        }
    }

    async fn attach(&self, handle: &RunHandle, from: Option<&LogPosition>) -> Result<Box<dyn Run>> {
        let docker = self.engine().await?;
        match state(docker, handle).await? {
            RunState::Lost => Err(missing(handle)),
            _ => Ok(Box::new(DockerRun::attach(docker, handle, from)?)),
        }
    }

    async fn state(&self, handle: &RunHandle) -> Result<RunState> {
        state(self.engine().await?, handle).await
    }

    async fn remove(&self, handle: &RunHandle) -> Result<()> {
        remove(self.engine().await?, container(handle)?).await?;
        let folder = RunFolder::of(&handle.dir);
        blocking(move || folder.remove()).await
    }

    async fn list_runs(&self) -> Result<Vec<RunListing>> {
        let mut listed = self.list(labels::TASK).await?;
        listed.extend(self.list(labels::INSPECT).await?);
        Ok(listed)
    }

    async fn end_listed(&self, id: &str) -> Result<()> {
        let docker = self.engine().await?;
        let found = match docker.inspect_container(id, None::<InspectContainerOptions>).await {
            Err(error) if status(&error) == Some(404) => return Ok(()),
            found => found.map_err(|error| failed(error, "cannot look up a container"))?,
        };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        if !labels::are_own(&labels) {
            let message = "this container is not one that YMIR made for this user";
            return Err(Error::invalid(message).with("container", id));
        }
        remove(docker, &found.id.unwrap_or_else(|| id.to_owned())).await
    }
}

fn missing(handle: &RunHandle) -> Error {
    let message = "the container of the run is gone; somebody has removed it";
    Error::not_found(message).with("task", &handle.task)
}

/// Returns the error for an image that is no longer there under its id.
async fn gone(docker: &Docker, executor: &PinnedExecutor) -> Error {
    let image = &executor.reference.target;
    match image::id(docker, image).await {
        Ok(found) => {
            let message = "the image of the submitted task is gone, its name means another one by \
                           now; get it back, or submit the task again";
            Error::new(ErrorKind::Conflict, message)
                .with("image", image)
                .with("submitted", &executor.digest)
                .with("found", found)
                .retryable(false)
        }
        Err(error) => error,
    }
}

fn is_missing_image(error: &bollard::errors::Error) -> bool {
    status(error) == Some(404) && error.to_string().to_ascii_lowercase().contains("image")
}

fn check(executor: &ExecutorRef) -> Result<()> {
    if executor.runtime == DockerRuntime::NAME {
        return Ok(());
    }
    Err(Error::invalid("expected docker: and the name of an image").with("executor", executor))
}

/// Returns the error for a container that could not be created or started.
fn refused(error: bollard::errors::Error, image: &str) -> Error {
    let text = error.to_string().to_ascii_lowercase();
    // The engine has no codes for these; its texts are the only way to tell.
    let grant = ["device driver", "cpus", "memory", "gpu", "nvidia"];
    match status(&error) {
        Some(400 | 500) if text.contains("docker-init") || text.contains("init binary") => {
            let message = "the Docker Engine has no init program; install `tini` (`docker-init`)";
            Error::new(ErrorKind::Unsupported, message).caused_by(error)
        }
        Some(400 | 500) if grant.iter().any(|word| text.contains(word)) => {
            let message = "the Docker Engine cannot give the executor what it was granted; ask for \
                           less";
            Error::new(ErrorKind::ResourceExhausted, message).with("image", image).caused_by(error)
        }
        Some(400 | 500) => Error::invalid(
            "the image's command cannot be started; check that its CMD exists and can be run by \
             any user, or allow it the image's own user",
        )
        .with("image", image)
        .caused_by(error),
        _ => failed(error, "cannot start the container").with("image", image),
    }
}

/// Lets any user write to `/out`: the image's own is not known before it runs.
async fn open_output(dir: &Path) -> Result<()> {
    for folder in ["out", "out/models", "out/tensorboard"] {
        let path = dir.join(folder);
        match tokio::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("cannot open /out for the image's user", &path, error));
            }
            _ => {}
        }
    }
    Ok(())
}
