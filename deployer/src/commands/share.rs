//! `cargo xtask share`: share links.

use anyhow::Result;
use clap::{Args, Subcommand};
use footfall_runtime::auth::{EmbedOrigin, TokenKind};

use crate::data::access::{self, CreateArgs, TokenCommand};
use crate::data::location::Place;

/// Create, list and revoke share links
///
/// Anyone with a share link can see the dashboard of one site, until the link expires or is revoked.
#[derive(Debug, Args)]
#[command(subcommand_required = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a share link (shown only once)
    Create {
        #[command(flatten)]
        new: CreateArgs,
        /// Allow pages of this origin to embed the dashboard, such as https://blog.example.com; repeatable [default:
        /// none]
        #[arg(long, value_name = "ORIGIN", value_parser = origin)]
        embed: Vec<EmbedOrigin>,
        #[command(flatten)]
        place: Place,
    },
    #[command(flatten)]
    Existing(TokenCommand),
}

fn origin(text: &str) -> Result<EmbedOrigin, String> {
    EmbedOrigin::try_from(text.to_owned())
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.action {
        Action::Create { new, embed, place } => {
            access::create(TokenKind::Share, new, embed.clone(), place).await
        }
        Action::Existing(command) => command.run(TokenKind::Share).await,
    }
}
