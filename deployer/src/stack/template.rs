//! The template of a stack, as a deploy gives it to CloudFormation.

use std::collections::BTreeMap;

use anyhow::Result;
use footfall_infra::function::Function;
use footfall_infra::settings::Settings;
use footfall_infra::stack::{Architecture, Artifact, Inputs, Stack, StackName, Template};

use crate::artifact::toolchain::Arch;

/// The template of a stack.
pub(crate) fn template(
    settings: &Settings,
    name: StackName,
    region: String,
    arch: Arch,
    artifacts: BTreeMap<Function, Artifact>,
    reserve_concurrency: bool,
) -> Result<Template> {
    let architecture = match arch {
        Arch::Arm64 => Architecture::Arm64,
        Arch::X86_64 => Architecture::X86_64,
    };
    let inputs = Inputs { name, region, artifacts, architecture, reserve_concurrency };
    Ok(Stack::of(settings, &inputs)?)
}
