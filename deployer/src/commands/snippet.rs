//! `cargo xtask snippet`: prints the tracking snippet of a site.

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

/// Print the tracking snippet for the pages of a site
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site [default: first site in footfall.yaml]
    #[arg(long, value_name = "DOMAIN")]
    site: Option<String>,
    /// URL of the API, without a path [default: that of the deployed stack, or else of `cargo xtask dev`]
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
        bail!("unknown site {asked}; the sites are {}", settings.domains());
    };
    let endpoint = match &arguments.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => deployed(&arguments.target).await.unwrap_or_else(|| DEV.to_owned()),
    };
    let endpoint = endpoint.trim_end_matches('/');
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        bail!("invalid endpoint {endpoint:?}: expected a URL, such as https://stats.example.com");
    }
    io::stdout().write_all(snippet(site, endpoint).as_bytes()).context("cannot print the snippet")
}

/// Where the deployed API is. Whatever stands in the way, a snippet is printed; which one, and why,
/// is said if AWS is in use at all.
async fn deployed(target: &Target) -> Option<String> {
    clients::region(target).await?;
    let why = match tokio::time::timeout(PATIENCE, endpoint(target)).await {
        Ok(Ok(Some(endpoint))) => return Some(endpoint),
        Ok(Ok(None)) => format!("stack {} not found", target.stack),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => "AWS did not answer in time".to_owned(),
    };
    eprintln!("This is the snippet for `cargo xtask dev`: {why}.");
    None
}

async fn endpoint(target: &Target) -> Result<Option<String>> {
    let aws = Aws::connect(target).await?;
    let found = state::find(&aws, target.stack.as_str()).await?;
    Ok(found.and_then(|stack| state::outputs(&stack).remove(outputs::ENDPOINT)))
}
