//! `cargo xtask open`: the deployed dashboard, in the browser, which is signed in by it.

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

/// Open the deployed dashboard in the browser, and sign in
///
/// The link that is printed signs a browser in for 30 days. It works once, and for 10 minutes: do not give it
/// to others; `cargo xtask share` makes links for them. That there is no browser is no failure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site; the first one that was deployed if not said
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    site: Option<Domain>,
    /// Sign everybody out first, everywhere: makes a new key, by which every session and every login link is
    /// over. Tokens and share links stay: revoke those one by one
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
        eprintln!("Everybody is signed out.");
        key
    } else {
        admin::signing_key(&deployed.table, &SystemContext).await?
    };
    let link = admin::login_link(&SystemContext, &key, arguments.site.clone())?;
    let address = admin::login_address(&deployed.endpoint, &link);
    writeln!(io::stdout(), "{address}").context("cannot print")?;
    eprintln!("This link signs one browser in. It works once, and for 10 minutes.");
    if !has_display(|name| env::var_os(name).is_some()) {
        eprintln!("There is no display to open it on.");
    } else if let Err(error) = opener::open_browser(&address) {
        eprintln!("No browser was opened: {error}.");
    }
    Ok(())
}

/// Whether a browser has somewhere to be seen. On a Linux without a display, what opens browsers would
/// start one in the terminal. WSL has the display of its Windows.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    let signs = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"];
    !cfg!(target_os = "linux") || signs.into_iter().any(is_set)
}
