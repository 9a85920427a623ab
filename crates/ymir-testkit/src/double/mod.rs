//! In-memory doubles that forgive less than the real thing.
