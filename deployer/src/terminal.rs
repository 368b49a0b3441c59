//! Prompts, output, time spans and Ctrl-C.

pub(crate) mod duration;
pub(crate) mod interrupt;
pub(crate) mod output;
pub(crate) mod prompt;
