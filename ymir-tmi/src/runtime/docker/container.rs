//! The container of a run: what the grant and the limits come to in the engine's terms.

use std::path::Path;

use bollard::models::{
    ContainerCreateBody, DeviceRequest, HostConfig, HostConfigLogConfig, Mount, MountType,
};
use ymir_core::{Error, Limits, Result, RunRequest};

use super::labels;

/// The log that the engine keeps of a run: the newest 4 × 64 MiB.
const LOG_DRIVER: &str = "json-file";
const LOG_FILE: &str = "64m";
const LOG_FILES: &str = "4";

/// The shared memory that the contract gives per GPU, and without one.
const SHARED_MEMORY: i64 = 16 << 30;

/// Returns the container for a request.
pub(super) fn body(request: &RunRequest) -> Result<ContainerCreateBody> {
    let limits = &request.limits;
    let user =
        format!("{}:{}", rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    Ok(ContainerCreateBody {
        // By its id: a tag may mean another image by now.
        image: Some(request.executor.digest.clone()),
        user: (!limits.image_user).then_some(user),
        env: Some(environment(request)?),
        tty: Some(false),
        labels: Some(labels::of(request)?),
        host_config: Some(host_config(request)?),
        ..ContainerCreateBody::default()
    })
}

fn host_config(request: &RunRequest) -> Result<HostConfig> {
    let (limits, grant) = (&request.limits, &request.grant);
    let memory = i64::try_from(grant.memory).map_err(|_| {
        Error::invalid("this much memory cannot be granted").with("memory", grant.memory)
    })?;
    let mounts = vec![
        bind(&request.dir.join("in"), "/in", true)?,
        bind(&request.dir.join("out"), "/out", false)?,
    ];
    Ok(HostConfig {
        mounts: Some(mounts),
        network_mode: (!limits.network).then(|| "none".to_owned()),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        cap_drop: (!limits.capabilities).then(|| vec!["ALL".to_owned()]),
        pids_limit: Some(if limits.pids == 0 { -1 } else { i64::from(limits.pids) }),
        memory: (memory > 0).then_some(memory),
        // The same number: no swap beyond it.
        memory_swap: (memory > 0).then_some(memory),
        nano_cpus: (grant.cpus > 0).then(|| i64::from(grant.cpus) * 1_000_000_000),
        shm_size: Some(shared_memory(limits, grant.gpus.len())),
        device_requests: (!grant.gpus.is_empty()).then(|| vec![gpus(&grant.gpus)]),
        // It passes TERM on to the image's command, which as the first process would be deaf to it.
        init: Some(true),
        log_config: Some(HostConfigLogConfig {
            typ: Some(LOG_DRIVER.to_owned()),
            config: Some(
                [("max-size", LOG_FILE), ("max-file", LOG_FILES)]
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
        }),
        ..HostConfig::default()
    })
}

fn shared_memory(limits: &Limits, gpus: usize) -> i64 {
    match i64::try_from(limits.shared_memory) {
        Ok(0) | Err(_) => SHARED_MEMORY.saturating_mul(gpus.max(1) as i64),
        Ok(bytes) => bytes,
    }
}

fn gpus(uuids: &[String]) -> DeviceRequest {
    DeviceRequest {
        device_ids: Some(uuids.to_vec()),
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        ..DeviceRequest::default()
    }
}

/// Returns a bind mount. Unlike the short form, it takes any character in the path.
fn bind(source: &Path, target: &str, read_only: bool) -> Result<Mount> {
    let text = source.to_str().ok_or_else(|| {
        Error::invalid("the Docker Engine needs paths of UTF-8; put the workspace elsewhere")
            .with("path", source.display())
    })?;
    Ok(Mount {
        source: Some(text.to_owned()),
        target: Some(target.to_owned()),
        typ: Some(MountType::BIND),
        read_only: Some(read_only),
        ..Mount::default()
    })
}

fn environment(request: &RunRequest) -> Result<Vec<String>> {
    let mut environment: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: String| environment.push((name.to_owned(), value));
    if request.grant.gpus.is_empty() {
        // Where NVIDIA's runtime is the engine's default, images ask for all devices by themselves.
        set("NVIDIA_VISIBLE_DEVICES", "void".to_owned());
    }
    if request.grant.cpus > 0 {
        // A program sees all CPUs of the host, but gets this share of them.
        set("OMP_NUM_THREADS", request.grant.cpus.to_string());
    }
    if !request.limits.image_user {
        // The caller's user has no home in the image; many libraries want to write to one.
        set("HOME", "/tmp".to_owned());
    }
    for (name, value) in &request.environment {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Error::invalid("an environment variable cannot be given so")
                .with("variable", name.escape_debug()));
        }
        environment.retain(|(known, _)| known != name);
        environment.push((name.clone(), value.clone()));
    }
    Ok(environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}
