//! What is asked and shown at the terminal.

pub(crate) mod duration;
pub(crate) mod interrupt;
pub(crate) mod output;
pub(crate) mod prompt;
