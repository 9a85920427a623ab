//! Buffers of feature maps, kept for the next map of the same size.
//!
//! Every training step makes the same maps again. Taken from the system each time, their pages
//! would cost a quarter of the run in page faults.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

static BUFFERS: LazyLock<Mutex<HashMap<usize, Vec<Vec<f32>>>>> = LazyLock::new(Mutex::default);

/// Returns a buffer of zeros.
pub(super) fn zeros(len: usize) -> Vec<f32> {
    let kept = {
        let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.get_mut(&len).and_then(Vec::pop)
    };
    match kept {
        Some(mut buffer) => {
            buffer.fill(0.0);
            buffer
        }
        None => vec![0.0; len],
    }
}

/// Keeps a buffer for later.
pub(super) fn give_back(buffer: Vec<f32>) {
    if !buffer.is_empty() {
        let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.entry(buffer.len()).or_default().push(buffer);
    }
}
