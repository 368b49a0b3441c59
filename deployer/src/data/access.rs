//! API tokens and share links, in the deployed table or in the data of `dev`.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use footfall_infra::settings::{Domain, Settings};
use footfall_runtime::auth::admin::{self, AdminError, TokenRequest};
use footfall_runtime::auth::{EmbedOrigin, Secret, Token, TokenKind};
use footfall_runtime::platform::context::{Context as _, SystemContext};
use footfall_runtime::storage::embedded::Embedded;
use jiff::{SignedDuration, Timestamp};

use crate::data::location::{DEV, Deployed, Place, existing, only_site};
use crate::error::CommandError;
use crate::settings;
use crate::terminal::duration;
use crate::terminal::output::print_json;

/// Arguments for a new token or link
#[derive(Debug, Clone, Args)]
pub(crate) struct CreateArgs {
    /// Domain of the site; required if there is more than one
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    site: Option<Domain>,
    /// A name to recognise it by
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    /// When it expires, such as 12h or 90d from now [default: never]
    #[arg(long, value_name = "SPAN", value_parser = life)]
    expires: Option<SignedDuration>,
}

/// Commands for existing tokens or links
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// List them, without secrets
    List {
        /// Print the list as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Revoke one, at once and for good
    Revoke {
        /// Its ID, from the list
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

impl TokenCommand {
    pub(crate) async fn run(&self, kind: TokenKind) -> Result<()> {
        match self {
            Self::List { json, place } => list(kind, *json, place).await,
            Self::Revoke { id, place } => revoke(kind, id, place).await,
        }
    }
}

/// The time that a token lives.
fn life(text: &str) -> Result<SignedDuration, String> {
    let life =
        SignedDuration::try_from(duration::parse(text)?).map_err(|error| error.to_string())?;
    // Ten years are for good.
    if life.is_zero() || life > SignedDuration::from_hours(24 * 3653) {
        return Err(format!(
            "invalid time span {text:?}: expected at most 3650d; leave it out if it never expires"
        ));
    }
    Ok(life)
}

pub(crate) fn domain(text: &str) -> Result<Domain, String> {
    Domain::try_from(text.to_owned())
}

/// Either table.
pub(crate) enum Table {
    Deployed(Deployed),
    Local(Embedded, Settings),
}

impl Table {
    pub(crate) async fn of(place: &Place) -> Result<Self> {
        let Some(folder) = place.folder() else {
            return Ok(Self::Deployed(place.deployed().await?));
        };
        Ok(Self::Local(existing(folder)?, settings::or_local()?))
    }

    /// Where the dashboard is.
    fn endpoint(&self) -> &str {
        match self {
            Self::Deployed(deployed) => &deployed.endpoint,
            Self::Local(..) => DEV,
        }
    }

    fn site(&self, said: Option<&Domain>) -> Result<Domain, CommandError> {
        let settings = match self {
            Self::Deployed(deployed) => deployed.settings.as_ref(),
            Self::Local(_, settings) => Some(settings),
        };
        match (said, settings) {
            // The stack does not say which it has.
            (Some(site), None) => Ok(site.clone()),
            (None, None) => Err(CommandError::rejected("missing site", "pass one with --site")),
            (said, Some(settings)) => {
                only_site(settings, said.map(Domain::as_str)).map(|site| site.domain.clone())
            }
        }
    }

    async fn create(&self, wish: TokenRequest) -> Result<(Secret, Token), AdminError> {
        match self {
            Self::Deployed(Deployed { table, .. }) => {
                admin::create(table, &SystemContext, wish).await
            }
            Self::Local(table, _) => admin::create(table, &SystemContext, wish).await,
        }
    }

    async fn list(&self, kind: TokenKind) -> Result<Vec<Token>, AdminError> {
        match self {
            Self::Deployed(Deployed { table, .. }) => admin::list(table, kind).await,
            Self::Local(table, _) => admin::list(table, kind).await,
        }
    }

    async fn revoke(&self, kind: TokenKind, id: &str) -> Result<Option<Token>, AdminError> {
        match self {
            Self::Deployed(Deployed { table, .. }) => admin::revoke(table, kind, id).await,
            Self::Local(table, _) => admin::revoke(table, kind, id).await,
        }
    }
}

/// Makes a token or a share link, and prints it: the one time that it can be.
pub(crate) async fn create(
    kind: TokenKind,
    new: &CreateArgs,
    embed: Vec<EmbedOrigin>,
    place: &Place,
) -> Result<()> {
    let table = Table::of(place).await?;
    let expires = new.expires.map(|life| SystemContext.now().checked_add(life));
    let wish = TokenRequest {
        kind,
        site: table.site(new.site.as_ref())?,
        name: new.name.clone(),
        expires: expires.transpose().context("the expiry is too far in the future")?,
        embed,
    };
    let (secret, token) = table.create(wish).await?;
    let printed = match kind {
        TokenKind::Api => secret.expose().to_owned(),
        TokenKind::Share => admin::share_url(table.endpoint(), &secret),
    };
    writeln!(io::stdout(), "{printed}").context("cannot print")?;
    let Token { id, site, expires, .. } = &token;
    let end = expires.map_or_else(|| "never expires".to_owned(), |end| format!("expires {end:.0}"));
    let (noun, command) = (noun(kind), command(kind));
    eprintln!(
        "{noun} {id} for {site}, {end}. It is shown only once. `cargo xtask {command} revoke {id}` revokes it."
    );
    Ok(())
}

/// Prints what there is, but for the secrets: nobody has them but who was given them.
async fn list(kind: TokenKind, json: bool, place: &Place) -> Result<()> {
    let tokens = Table::of(place).await?.list(kind).await?;
    if json {
        return print_json(&tokens);
    }
    if tokens.is_empty() {
        eprintln!("None yet. `cargo xtask {} create` creates one.", command(kind));
    }
    io::stdout().write_all(text(&tokens, SystemContext.now()).as_bytes()).context("cannot print")
}

/// Ends a token or a share link.
async fn revoke(kind: TokenKind, id: &str, place: &Place) -> Result<()> {
    let Some(token) = Table::of(place).await?.revoke(kind, id).await? else {
        return Err(CommandError::failed(
            format!("unknown {} {id}", noun(kind).to_lowercase()),
            format!("`cargo xtask {} list` lists them with their IDs", command(kind)),
        )
        .into());
    };
    eprintln!("{} {id} of {} was revoked.", noun(kind), token.site);
    Ok(())
}

/// A line each.
fn text(tokens: &[Token], now: Timestamp) -> String {
    let line = |token: &Token| {
        let end = match token.expires {
            None => "never expires".to_owned(),
            Some(end) if end <= now => format!("expired {end:.0}"),
            Some(end) => format!("expires {end:.0}"),
        };
        let embed: String = token.embed.iter().map(|o| format!("  embed {}", o.as_str())).collect();
        let Token { id, site, created, name, .. } = token;
        let line = format!("{id}  {site}  created {created:.0}  {end}{embed}  {name}");
        line.trim_end().to_owned() + "\n"
    };
    tokens.iter().map(line).collect()
}

const fn noun(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Api => "Token",
        TokenKind::Share => "Share link",
    }
}

const fn command(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Api => "token",
        TokenKind::Share => "share",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_lifetimes_up_to_ten_years() {
        assert_eq!(life("90d"), Ok(SignedDuration::from_hours(90 * 24)));
        assert_eq!(life("12h"), Ok(SignedDuration::from_hours(12)));
        for wrong in ["", "0d", "4000d", "90", "d", "-1d", "90x", "99999999999999999999d"] {
            assert!(life(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn list_shows_when_each_expires() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let token = |expires: Option<&str>, embed: &[&str]| Token {
            id: "0123abcd".to_owned(),
            kind: TokenKind::Share,
            site: domain("e.x").unwrap(),
            name: "for Ann".to_owned(),
            created: at("2026-11-22T13:05:06.789Z"),
            expires: expires.map(at),
            embed: embed.iter().map(|o| EmbedOrigin::try_from((*o).to_owned()).unwrap()).collect(),
        };
        let tokens = [
            token(None, &[]),
            token(Some("2026-11-23T00:00:00Z"), &["https://b.x"]),
            token(Some("2026-11-22T00:00:00Z"), &[]),
        ];
        assert_eq!(
            text(&tokens, at("2026-11-22T14:00:00Z")),
            "0123abcd  e.x  created 2026-11-22T13:05:06Z  never expires  for Ann\n\
             0123abcd  e.x  created 2026-11-22T13:05:06Z  expires 2026-11-23T00:00:00Z  embed https://b.x  for Ann\n\
             0123abcd  e.x  created 2026-11-22T13:05:06Z  expired 2026-11-22T00:00:00Z  for Ann\n"
        );
    }
}
