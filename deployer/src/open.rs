//! `cargo xtask open`: the deployed dashboard, in the browser.

use std::env;
use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use clap::Args;
use footfall_infra::settings::Domain;
use footfall_infra::{api, outputs};

use crate::aws::{Aws, Target};
use crate::problem::Problem;
use crate::stack::{self, look};

/// Open the deployed dashboard in the browser
///
/// Its address is printed in any case; that there is no browser is no failure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site; the first one that was deployed if not said
    #[arg(long, value_name = "DOMAIN", value_parser = |text: &str| Domain::try_from(text.to_owned()))]
    site: Option<Domain>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let aws = Aws::connect(&arguments.target).await?;
    let name = &arguments.target.stack;
    let found = look(&aws, name.as_str()).await?;
    let endpoint = found.as_ref().and_then(|s| stack::outputs(s).remove(outputs::ENDPOINT));
    let (Some(stack), Some(endpoint)) = (found, endpoint) else {
        return Err(Problem::failed(
            format!("there is no dashboard: the stack {name} is not deployed"),
            "deploy it with `cargo xtask deploy`, or choose another with --stack or --region",
        )
        .into());
    };
    if let Some(site) = &arguments.site {
        check_site(&aws, &stack, site).await?;
    }
    let address = address(&endpoint, arguments.site.as_ref());
    writeln!(io::stdout(), "{address}").context("cannot print")?;
    if !has_display(|name| env::var_os(name).is_some()) {
        eprintln!("There is no display to open it on.");
    } else if let Err(error) = opener::open_browser(&address) {
        eprintln!("No browser was opened: {error}.");
    }
    Ok(())
}

/// Refuses a site that the stack does not have, as far as it says which it has.
async fn check_site(
    aws: &Aws,
    found: &aws_sdk_cloudformation::types::Stack,
    site: &Domain,
) -> Result<()> {
    let Some(settings) = stack::settings(stack::template(aws, found).await?.as_ref()) else {
        return Ok(());
    };
    if settings.site(site.as_str()).is_some() {
        return Ok(());
    }
    let sites: Vec<&str> = settings.sites.iter().map(|site| site.domain.as_str()).collect();
    Err(Problem::refused(
        format!("no site called {site} is deployed"),
        format!("the sites are {}; deploy again if there should be more", sites.join(", ")),
    )
    .into())
}

/// The dashboard's address.
fn address(endpoint: &str, site: Option<&Domain>) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    // A domain is letters, digits, dots and hyphens: nothing that an address would have to escape.
    let query = site.map_or_else(String::new, |site| format!("?site={site}"));
    format!("{endpoint}{}{query}", api::DASHBOARD)
}

/// Whether a browser has somewhere to be seen. On a Linux without a display, what opens browsers would
/// start one in the terminal. WSL has the display of its Windows.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    let signs = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"];
    !cfg!(target_os = "linux") || signs.into_iter().any(is_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_site_if_it_is_said() {
        assert_eq!(address("https://e.x/", None), "https://e.x/dashboard");
        let site = Domain::try_from("a.example".to_owned()).unwrap();
        assert_eq!(address("https://e.x", Some(&site)), "https://e.x/dashboard?site=a.example");
    }
}
