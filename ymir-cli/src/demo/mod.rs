//! `ymir demo`: the whole loop, mined against random selection, with a report.

mod command;
mod compare;
mod data;
mod plan;
mod run;

pub(crate) use command::Demo;
pub(crate) use compare::{Comparison, Curve, Span};
pub(crate) use plan::strategy_name;
