//! `cargo xtask open`: opens the deployed dashboard and signs in.

use std::env;
use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use clap::Args;
use footfall_infra::settings::Domain;
use footfall_runtime::auth::admin;
use footfall_runtime::platform::context::SystemContext;

use crate::aws::clients::Target;
use crate::data::access::domain;
use crate::data::location::{Deployed, only_site};

/// Open the deployed dashboard in the browser and sign in
///
/// Prints a link that signs one browser in for 30 days. It works once and expires after 10 minutes. Do not share
/// it: `cargo xtask share` creates links for others.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site [default: first deployed site]
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    site: Option<Domain>,
    /// Sign out every browser first: sessions and login links become invalid. Tokens and share links stay valid
    #[arg(long)]
    rotate: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let deployed = Deployed::find(&arguments.target, "").await?;
    // As far as the stack says which sites it has.
    if let (Some(site), Some(settings)) = (&arguments.site, &deployed.settings) {
        only_site(settings, Some(site.as_str()))?;
    }
    let key = if arguments.rotate {
        let key = admin::rotate_key(&deployed.table, &SystemContext).await?;
        eprintln!("All browsers are signed out.");
        key
    } else {
        admin::signing_key(&deployed.table, &SystemContext).await?
    };
    let link = admin::login_link(&SystemContext, &key, arguments.site.clone())?;
    let address = admin::login_url(&deployed.endpoint, &link);
    writeln!(io::stdout(), "{address}").context("cannot print")?;
    eprintln!("This link signs one browser in. It works once and expires after 10 minutes.");
    if !has_display(|name| env::var_os(name).is_some()) {
        eprintln!("No display found, so no browser was opened.");
    } else if let Err(error) = opener::open_browser(&address) {
        eprintln!("Cannot open a browser: {error}.");
    }
    Ok(())
}

/// Whether a browser has somewhere to be seen. On a Linux without a display, what opens browsers would
/// start one in the terminal. WSL has the display of its Windows.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    let signs = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"];
    !cfg!(target_os = "linux") || signs.into_iter().any(is_set)
}
