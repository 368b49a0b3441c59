//! The stack: a deployed Footfall as a CloudFormation template.
//!
//! Each module adds one part. The same input always gives the same bytes.

mod budget;

mod alarms;

mod domain;

mod schedule;

mod api;

mod functions;

mod permissions;

mod table;

mod error;

mod inputs;

mod spec;

mod limits;

pub mod outputs;

mod template;

mod yaml;

mod tags;

mod resource_type;

mod ids;

mod name;

use crate::settings::Settings;

pub use budget::REGIONS as BUDGET_REGIONS;
pub use error::StackError;
pub use functions::log_group_name;
pub use ids::{LogicalId, SALTS, TABLE};
pub use inputs::{Architecture, Artifact, Inputs};
pub use limits::{ENVIRONMENT_LIMIT, INLINE_TEMPLATE_LIMIT};
pub use name::StackName;
pub use resource_type::Type;
pub use spec::{Action, Grant, Partition, Schedule, Spec, reserved_concurrency};
pub use table::{EXPIRY, PARTITION_KEY, SORT_KEY, salts_table};
pub use tags::STACK_TAG;
pub use template::{Resource, Template, TemplateError};

/// The stack.
#[derive(Debug)]
pub struct Stack;

impl Stack {
    /// Returns the template for these settings.
    ///
    /// # Errors
    /// If a function has no code, the settings do not fit into a function's environment, or the region
    /// does not support them.
    pub fn of(settings: &Settings, inputs: &Inputs) -> Result<Template, StackError> {
        let mut template = Template::new(tags::all(settings, &inputs.name));
        table::add(&mut template, settings, inputs);
        functions::add(&mut template, settings, inputs)?;
        api::add(&mut template, settings, inputs);
        schedule::add(&mut template);
        domain::add(&mut template, settings, inputs)?;
        alarms::add(&mut template, settings, inputs);
        budget::add(&mut template, settings, inputs)?;
        Ok(template)
    }
}
