//! The stack and its usage in a month.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use footfall_infra::function::Function;
use footfall_infra::settings::{FILE, Settings};
use footfall_infra::stack::outputs;
use footfall_infra::stack::{Artifact, StackName};
use footfall_runtime::platform::settings_file;
use jiff::Timestamp;
use serde::Serialize;

use super::facts::Facts;
use super::metrics;
use super::usage::Usage;
use crate::artifact::toolchain::Arch;
use crate::aws::clients::{Aws, Target};
use crate::stack::state;
use crate::stack::template::template;

/// The source of the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    /// An estimate for a number of page views.
    Views(u64),
    /// Metrics of a deployed stack over some days.
    Used { stack: String, days: i64 },
}

/// A month.
#[derive(Debug)]
pub(crate) struct Month {
    pub(crate) basis: Basis,
    pub(crate) facts: Facts,
    pub(crate) usage: Usage,
}

impl Month {
    /// A stack as the settings in this folder would make it, and a month of so many views.
    pub(crate) fn reckoned(views: u64, region: &str) -> Result<Self> {
        let file = Path::new(FILE);
        let settings = if file.exists() {
            settings_file::read(file)?
        } else {
            eprintln!("There is no {FILE} in this folder, so this uses the default settings.");
            Settings::local()
        };
        // Where it is deployed does not matter to what it consists of, but for what some regions lack.
        let settings = Settings { custom_domain: None, monthly_budget_usd: None, ..settings };
        let artifact =
            |function| (function, Artifact { bucket: String::new(), key: String::new() });
        let artifacts: BTreeMap<Function, Artifact> = Function::ALL.map(artifact).into();
        let name = StackName::default();
        let region = region.to_owned();
        // Whether there is room to reserve executions, AWS would have to be asked: without, a flood can cost more.
        let made = template(&settings, name, region, Arch::Arm64, artifacts, false)?;
        let made = serde_json::from_str(&made.to_json()?)?;
        let facts = Facts::of(&made).context("the template is not what is expected")?;
        let usage = Usage::of_views(&facts, views as f64);
        Ok(Self { basis: Basis::Views(views), facts, usage })
    }

    /// The deployed stack, and what it used; `None` if there is none.
    pub(crate) async fn deployed(target: &Target) -> Result<Option<Self>> {
        let aws = Aws::connect(target).await?;
        let name = &target.stack;
        let Some(found) = state::find_owned(&aws, name.as_str()).await? else { return Ok(None) };
        let template = state::template(&aws, &found).await?;
        let facts = template.as_ref().and_then(Facts::of);
        let facts = facts.context("its template is unknown to this version")?;
        let now = Timestamp::now();
        let mut usage = metrics::usage(&aws, name, &found, &facts, now).await?;
        let table = state::outputs(&found).remove(outputs::TABLE_NAME).unwrap_or_default();
        usage.is_stored(&facts, metrics::table_storage(&aws, &table).await?);
        let days = metrics::days(&found, now);
        let basis = Basis::Used { stack: name.to_string(), days };
        Ok(Some(Self { basis, facts, usage }))
    }
}
