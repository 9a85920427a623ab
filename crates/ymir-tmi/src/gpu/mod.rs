//! GPUs: what there is, and who gets which.
