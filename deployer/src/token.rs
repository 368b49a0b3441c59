//! `cargo xtask token`: by which programs read a site.

use anyhow::Result;
use clap::{Args, Subcommand};
use footfall_runtime::access::Kind;

use crate::access::{self, New, Place};

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
    /// List the tokens there are, without their secrets
    List {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// End a token at once, and for good
    Revoke {
        /// Its ID, as the list has it
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.action {
        Action::Create { new, place } => access::create(Kind::Api, new, Vec::new(), place).await,
        Action::List { json, place } => access::list(Kind::Api, *json, place).await,
        Action::Revoke { id, place } => access::revoke(Kind::Api, id, place).await,
    }
}
