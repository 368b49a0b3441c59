//! `cargo xtask snippet`: prints what to paste into a site's pages.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use footfall_infra::settings;
use footfall_infra::snippet::snippet;
use footfall_infra::stack::outputs;
use footfall_runtime::platform::settings_file;

use crate::aws::clients::{self, Aws, Target};
use crate::data::location::DEV;
use crate::stack::state;

/// How long AWS may take to say where the API is.
const PATIENCE: Duration = Duration::from_secs(3);

/// Print what to paste into the pages of a site
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site; the first one in footfall.yaml if not said
    #[arg(long, value_name = "DOMAIN")]
    site: Option<String>,
    /// Where the API is, without a path; that of the deployed stack if not said, or that of `cargo
    /// xtask dev` if there is none
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let settings = settings_file::read(Path::new(settings::FILE))?;
    let site = match &arguments.site {
        None => settings.sites.first(),
        Some(domain) => settings.site(domain),
    };
    let Some(site) = site else {
        let asked = arguments.site.as_deref().unwrap_or_default();
        bail!("there is no site called {asked}; the sites are {}", settings.domains());
    };
    let endpoint = match &arguments.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => deployed(&arguments.target).await.unwrap_or_else(|| DEV.to_owned()),
    };
    let endpoint = endpoint.trim_end_matches('/');
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        bail!(
            "{endpoint:?} is no endpoint; write it with its scheme, as in https://stats.example.com"
        );
    }
    io::stdout().write_all(snippet(site, endpoint).as_bytes()).context("cannot print the snippet")
}

/// Where the deployed API is. Whatever stands in the way, a snippet is printed; which one, and why,
/// is said if AWS is in use at all.
async fn deployed(target: &Target) -> Option<String> {
    clients::region(target).await?;
    let why = match tokio::time::timeout(PATIENCE, endpoint(target)).await {
        Ok(Ok(Some(endpoint))) => return Some(endpoint),
        Ok(Ok(None)) => format!("there is no stack {}", target.stack),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => "AWS takes too long to answer".to_owned(),
    };
    eprintln!("This is the snippet for `cargo xtask dev`: {why}.");
    None
}

async fn endpoint(target: &Target) -> Result<Option<String>> {
    let aws = Aws::connect(target).await?;
    let found = state::find(&aws, target.stack.as_str()).await?;
    Ok(found.and_then(|stack| state::outputs(&stack).remove(outputs::ENDPOINT)))
}
