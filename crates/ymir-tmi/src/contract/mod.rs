//! The executor contract (TMI).
