//! `cargo xtask snippet`: prints what to paste into a site's pages.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use footfall_infra::settings::{self, Settings};
use footfall_runtime::snippet::snippet;

/// Print what to paste into the pages of a site
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site; the first one in footfall.yaml if not said
    #[arg(long, value_name = "DOMAIN")]
    site: Option<String>,
    /// Where the API is, without a path; that of `cargo xtask dev` if not said
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    endpoint: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let settings = Settings::from_file(Path::new(settings::FILE))?;
    let site = match &arguments.site {
        None => settings.sites.first(),
        Some(domain) => settings.site(domain),
    };
    let Some(site) = site else {
        let sites: Vec<&str> = settings.sites.iter().map(|site| site.domain.as_str()).collect();
        let asked = arguments.site.as_deref().unwrap_or_default();
        bail!("there is no site called {asked}; the sites are {}", sites.join(", "));
    };
    let endpoint = arguments.endpoint.trim_end_matches('/');
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        bail!(
            "{endpoint:?} is no endpoint; write it with its scheme, as in https://stats.example.com"
        );
    }
    io::stdout().write_all(snippet(site, endpoint).as_bytes()).context("cannot print the snippet")
}
