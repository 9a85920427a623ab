//! `ymir iterate`: the loop of a project.

mod command;
mod definition;
mod drive;
mod line;
mod options;
mod watch;

pub(crate) use command::Iterate;
pub(crate) use definition::{Wanted, ensure, labeler_name};
pub(crate) use drive::{How, drive, reason_text};
pub(crate) use line::{Line, heading as line_heading, lines_of, row, table};
pub(crate) use options::FIELDS;
