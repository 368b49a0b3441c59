//! `cargo xtask share`: links by which anybody who has them sees a site.

use anyhow::Result;
use clap::{Args, Subcommand};
use footfall_runtime::auth::{EmbedOrigin, Kind};

use crate::data::access::{self, Kept, New};
use crate::data::location::Place;

/// Make, list and revoke links, by which anybody who has them sees a site
///
/// A link shows the dashboard of one site, with nothing of the others, until it is revoked or ends.
#[derive(Debug, Args)]
#[command(subcommand_required = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a link, and print it this once
    Create {
        #[command(flatten)]
        new: New,
        /// Let pages of this origin show it in a frame, such as https://blog.example.com; say it again for
        /// more. No page can if not said
        #[arg(long, value_name = "ORIGIN", value_parser = origin)]
        embed: Vec<EmbedOrigin>,
        #[command(flatten)]
        place: Place,
    },
    #[command(flatten)]
    Kept(Kept),
}

fn origin(text: &str) -> Result<EmbedOrigin, String> {
    EmbedOrigin::try_from(text.to_owned())
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.action {
        Action::Create { new, embed, place } => {
            access::create(Kind::Share, new, embed.clone(), place).await
        }
        Action::Kept(kept) => kept.run(Kind::Share).await,
    }
}
