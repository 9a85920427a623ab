//! One run of the executor: reads `env.yaml`, runs its tasks, reports how it ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::contract::config::{self, Config};
use crate::contract::env::{DEFAULT_ENV_FILE, ENV_VARIABLE, Env, Output};
use crate::contract::log::Log;
use crate::contract::monitor::Monitor;
use crate::contract::settings::{self, ScanSettings, TrainSettings};
use crate::error::{Code, Error, Result};
use crate::task::{Report, scan, train};

/// Runs the executor and returns the exit code of the process.
pub fn main() -> ExitCode {
    let path = std::env::var_os(ENV_VARIABLE).map_or(DEFAULT_ENV_FILE.into(), PathBuf::from);
    let env = Env::read(&path);
    let fallback = Output::default();
    let (output, task_id) =
        env.as_ref().map_or((&fallback, ""), |env| (&env.output, env.task_id.as_str()));
    let log = Log::open(&output.executor_log_file);
    let monitor = Monitor::new(&output.monitor_file, task_id);
    let result = match &env {
        Ok(env) => guarded(env, Report { log: &log, monitor: &monitor }),
        Err(error) => Err(error.clone()),
    };
    match result {
        Ok(()) => {
            monitor.done();
            ExitCode::SUCCESS
        }
        Err(error) => {
            log.error(&error.to_string());
            monitor.failed(&error);
            ExitCode::FAILURE
        }
    }
}

/// Runs the tasks; a panic is a failure with a message like any other.
fn guarded(env: &Env, report: Report<'_>) -> Result<()> {
    // Panics in image decoders are caught and reported where they happen.
    std::panic::set_hook(Box::new(|_| {}));
    catch_unwind(AssertUnwindSafe(|| run(env, report))).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("unknown");
        Err(Error::new(Code::Failed, format!("internal error, please report it: {text}")))
    })
}

fn run(env: &Env, report: Report<'_>) -> Result<()> {
    report.monitor.progress(0.0);
    let mut templates = Vec::new();
    if env.run_training {
        templates.push(config::TRAINING_TEMPLATE);
    }
    if env.run_mining {
        templates.push(config::MINING_TEMPLATE);
    }
    if env.run_infer {
        templates.push(config::INFER_TEMPLATE);
    }
    if templates.is_empty() || env.run_training && templates.len() > 1 {
        return Err(Error::config(
            "env.yaml must ask for run_training alone, or for run_mining, run_infer or both",
        ));
    }
    let config = read_config(&env.input.config_file, &templates, report.log)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(settings::threads(&config)?)
        .build()
        .map_err(|e| Error::new(Code::Failed, format!("cannot start threads: {e}")))?;
    if env.run_training {
        let settings = TrainSettings::read(&config)?;
        pool.install(|| train::train(env, &settings, report))
    } else {
        let settings = ScanSettings::read(&config, env.run_mining, env.run_infer)?;
        pool.install(|| scan::scan(env, &settings, report))
    }
}

fn read_config(path: &Path, templates: &[&str], log: &Log) -> Result<Config> {
    let config = Config::read(path, templates, log)?;
    settings::check_object_type(&config)?;
    let gpus = config.text("gpu_id")?;
    if !gpus.is_empty() {
        log.info(&format!("gpu_id is {gpus}, but this executor runs on the CPU alone"));
    }
    Ok(config)
}
