//! Operations on dataset versions.
