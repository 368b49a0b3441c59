//! `cargo xtask token`: by which programs read a site.

use anyhow::Result;
use clap::{Args, Subcommand};
use footfall_runtime::auth::Kind;

use crate::data::access::{self, Kept, New};
use crate::data::location::Place;

/// Make, list and revoke tokens, by which programs read a site
///
/// A program sends its token with every request, as `Authorization: Bearer TOKEN`. It reads one site, and
/// changes nothing.
#[derive(Debug, Args)]
#[command(subcommand_required = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token, and print it this once
    Create {
        #[command(flatten)]
        new: New,
        #[command(flatten)]
        place: Place,
    },
    #[command(flatten)]
    Kept(Kept),
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.action {
        Action::Create { new, place } => access::create(Kind::Api, new, Vec::new(), place).await,
        Action::Kept(kept) => kept.run(Kind::Api).await,
    }
}
