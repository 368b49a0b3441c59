//! `cargo xtask token`: API tokens.

use anyhow::Result;
use clap::{Args, Subcommand};
use footfall_runtime::auth::TokenKind;

use crate::data::access::{self, CreateArgs, TokenCommand};
use crate::data::location::Place;

/// Create, list and revoke API tokens
///
/// Programs send a token with every request, as `Authorization: Bearer TOKEN`. A token can read one site and
/// change nothing.
#[derive(Debug, Args)]
#[command(subcommand_required = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a token (shown only once)
    Create {
        #[command(flatten)]
        new: CreateArgs,
        #[command(flatten)]
        place: Place,
    },
    #[command(flatten)]
    Existing(TokenCommand),
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.action {
        Action::Create { new, place } => {
            access::create(TokenKind::Api, new, Vec::new(), place).await
        }
        Action::Existing(command) => command.run(TokenKind::Api).await,
    }
}
