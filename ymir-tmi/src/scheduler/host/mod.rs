//! What the tasks of a host hold and wait for, over all processes and workspaces.

mod broker;
pub(super) mod capacity;
mod grants;
mod lease;
mod ledger;
mod options;
mod place;
pub(super) mod process;
mod proof;

pub(super) use broker::{Broker, Ticket};
pub(super) use lease::Holder;
pub use lease::{HostLease, LeaseState};
pub(super) use ledger::{Claim, Ledger};
pub use options::HostOptions;
