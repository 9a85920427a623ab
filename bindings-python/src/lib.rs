//! The native module of the Python package `ymir`: a thin layer over the facade.
//!
//! Each operation exists once, as a future in a [`pending::Pending`]; the package's Python code
//! waits for it, or awaits it. What is read often (records, pages) has a direct way besides.

mod arrow;
mod attach;
mod convert;
mod dataset;
mod error;
mod executor;
mod generation;
mod interrupt;
mod labeler;
mod outcomes;
mod pending;
mod plain;
mod project;
mod record;
mod runtime;
mod stream;
mod task;
mod workspace;

use pyo3::prelude::*;

/// The native module.
#[pymodule]
fn _ymir(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<pending::Pending>()?;
    module.add_class::<pending::Started>()?;
    module.add_class::<record::BBox>()?;
    module.add_class::<record::Flags>()?;
    module.add_class::<record::Annotation>()?;
    module.add_class::<record::Record>()?;
    module.add_class::<workspace::Workspace>()?;
    module.add_class::<dataset::Dataset>()?;
    module.add_class::<outcomes::Outcomes>()?;
    module.add_class::<task::Task>()?;
    module.add_class::<project::Project>()?;
    module.add_class::<stream::Stream>()?;
    module.add_class::<executor::Task>()?;
    module.add_class::<arrow::ArrowTable>()?;
    module.add_function(wrap_pyfunction!(workspace::write_samples, module)?)?;
    module.add_function(wrap_pyfunction!(interrupt::interrupt, module)?)?;
    module.add_function(wrap_pyfunction!(attach::ending, module)?)?;
    module.add_function(wrap_pyfunction!(attach::shut, module)?)?;
    generation::watch_forks(module)
}
