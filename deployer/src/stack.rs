//! The CloudFormation stack: its state, and how it is planned, changed and watched.

pub(crate) mod apply;
pub(crate) mod change_set;
pub(crate) mod concurrency;
pub(crate) mod history;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod recover;
pub(crate) mod state;
pub(crate) mod template;
pub(crate) mod template_body;
