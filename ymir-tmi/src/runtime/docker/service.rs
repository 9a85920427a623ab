use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, ListContainersOptionsBuilder,
    StartContainerOptions,
};
use tokio::sync::OnceCell;
use ymir_core::{
    Error, ErrorKind, ExecutorInfo, ExecutorRef, Layout, Result, Run, RunRequest, TaskId,
    TmiRuntime, WorkspaceId,
};

use super::container::{TASK_LABEL, WORKSPACE_LABEL, body};
use super::engine::{connect, failed, status};
use super::image;
use super::options::DockerOptions;
use super::removal::{Removal, remove};
use super::run::{DockerRun, Output};

/// Runs container images as executors, through the Docker Engine: `docker:IMAGE`.
///
/// A container runs the image's default command, with `<dir>/in` mounted read-only at `/in` and
/// `<dir>/out` at `/out`, by default without network, without capabilities, without new privileges,
/// with the caller's user and group and `HOME=/tmp`; [`ymir_core::Limits`] loosens each but the
/// privileges. It gets the granted memory (and no swap beyond it), its share of the CPUs
/// (`OMP_NUM_THREADS` tells their number) and the granted GPUs. It is labelled with `ymir.workspace`
/// and `ymir.task`, and removed when it has ended.
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

    /// Removes what an earlier process left of this task.
    async fn remove_stale(
        &self,
        docker: &Docker,
        workspace: &WorkspaceId,
        task: &TaskId,
    ) -> Result<()> {
        let labels = vec![format!("{WORKSPACE_LABEL}={workspace}"), format!("{TASK_LABEL}={task}")];
        let filters = [("label".to_owned(), labels)].into();
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let stale = docker
            .list_containers(Some(options))
            .await
            .map_err(|error| failed(error, "cannot list containers"))?;
        for container in stale.into_iter().filter_map(|container| container.id) {
            remove(docker, &container).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl TmiRuntime for DockerRuntime {
    fn name(&self) -> &str {
        Self::NAME
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
        image::inspect(self.engine().await?, &self.options, &executor.target).await
    }

    async fn start(&self, mut request: RunRequest) -> Result<Box<dyn Run>> {
        check(&request.executor)?;
        request.dir = std::path::absolute(&request.dir)
            .map_err(|error| Error::io("cannot find the task directory", &request.dir, error))?;
        let docker = self.engine().await?;
        self.remove_stale(docker, &request.workspace, &request.task).await?;
        if request.limits.image_user {
            open_output(&request.dir).await?;
        }
        let created = docker
            .create_container(None::<CreateContainerOptions>, body(&request)?)
            .await
            .map_err(|error| not_started(error, &request))?;
        let removal = Removal::of(docker, self.options.socket.clone(), created.id);
        match begin(docker, removal.container(), &request).await {
            Ok(output) => Ok(Box::new(DockerRun::follow(docker.clone(), removal, output))),
            Err(error) => {
                removal.now().await?;
                Err(error)
            }
        }
    }

    async fn end_left_behind(
        &self,
        workspace: &WorkspaceId,
        task: &TaskId,
        _dir: &Path,
    ) -> Result<()> {
        self.remove_stale(self.engine().await?, workspace, task).await
    }
}

/// Starts a container. Its output is attached before, so that nothing is missed.
async fn begin(docker: &Docker, container: &str, request: &RunRequest) -> Result<Output> {
    let options =
        AttachContainerOptionsBuilder::default().stream(true).stdout(true).stderr(true).build();
    let attached = docker.attach_container(container, Some(options)).await.map_err(|error| {
        failed(error, "cannot follow the container").with("task", &request.task)
    })?;
    docker
        .start_container(container, None::<StartContainerOptions>)
        .await
        .map_err(|error| not_started(error, request))?;
    Ok(attached.output)
}

fn check(executor: &ExecutorRef) -> Result<()> {
    if executor.runtime == DockerRuntime::NAME {
        return Ok(());
    }
    Err(Error::invalid("expected docker: and the name of an image").with("executor", executor))
}

/// Returns the error for a container that could not be created or started.
fn not_started(error: bollard::errors::Error, request: &RunRequest) -> Error {
    let image = &request.executor.target;
    let text = error.to_string().to_ascii_lowercase();
    // The engine has no codes for these; its texts are the only way to tell.
    let grant = ["device driver", "cpus", "memory", "gpu", "nvidia"];
    match status(&error) {
        Some(404) if text.contains("image") => image::missing(error, image),
        Some(400 | 500) if grant.iter().any(|word| text.contains(word)) => Error::new(
            ErrorKind::ResourceExhausted,
            "the Docker Engine cannot give the executor what it was granted; ask for less",
        )
        .with("image", image)
        .with("gpus", request.grant.gpus.len())
        .with("cpus", request.grant.cpus)
        .with("memory", request.grant.memory)
        .caused_by(error),
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
