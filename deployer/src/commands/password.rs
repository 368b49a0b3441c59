//! `cargo xtask password`: a password for the dashboard, in addition to the links of `cargo xtask open`.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use anyhow::{Context as _, Result};
use clap::Args;
use console::Term;
use footfall_infra::api;
use footfall_runtime::auth::admin;
use footfall_runtime::auth::{Password, PasswordError};
use footfall_runtime::platform::context::SystemContext;
use footfall_runtime::storage::Store;

use crate::data::access::Table;
use crate::data::location::{Deployed, Place};
use crate::error::CommandError;

/// Maximum bytes read from a line.
const MAX_LINE: u64 = 4096;

/// Set or remove the password of the dashboard
///
/// Asks for the password twice without showing it, or reads the first line of standard input, for example from a
/// password manager. It needs at least 12 characters. The dashboard accepts 5 attempts a minute and 30 an hour
/// from everyone together, so a stranger can block the password but never the link of `cargo xtask open`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Remove the password, so that only links sign in
    #[arg(long)]
    remove: bool,
    /// Also sign out every browser, as `open --rotate` does
    #[arg(long)]
    sign_out: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    match Table::of(&arguments.place).await? {
        Table::Deployed(Deployed { table, endpoint, .. }) => {
            let page = format!("{}{}", endpoint.trim_end_matches('/'), api::LOGIN);
            apply(&table, arguments, &page).await
        }
        Table::Local(table, _) => apply(&table, arguments, "`cargo xtask dev --closed`").await,
    }
}

async fn apply<S: Store>(store: &S, arguments: &Arguments, door: &str) -> Result<()> {
    if arguments.remove {
        let was_there = admin::remove_password(store).await?;
        eprintln!(
            "{}",
            match was_there {
                true => "Password removed. Only the links of `cargo xtask open` sign in now.",
                false => "No password was set.",
            }
        );
    } else {
        let password = read()?;
        admin::set_password(store, &SystemContext, &password).await?;
        eprintln!("Password set. Sign in at {door}.");
    }
    if arguments.sign_out {
        admin::rotate_key(store, &SystemContext).await?;
        eprintln!("All browsers are signed out.");
    }
    Ok(())
}

/// Asks at a terminal, twice; takes one line of anything else. Never an argument, which others on the machine
/// see, and the shell writes down.
fn read() -> Result<Password> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        let mut input = io::stdin().lock().take(MAX_LINE);
        input.read_line(&mut line).context("cannot read the password")?;
        return Ok(parsed(line.trim_end_matches(['\r', '\n']).to_owned())?);
    }
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(CommandError::rejected(
            "cannot ask for the password: stderr is not a terminal",
            "run this on a terminal, or pipe the password in",
        )
        .into());
    }
    let ask =
        |question: &str| terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    let password = parsed(ask("Password (not shown): ").context("cannot ask")?)?;
    let again = ask("Repeat the password: ").context("cannot ask")?;
    if Password::parse(again).ok().as_ref() != Some(&password) {
        return Err(CommandError::rejected(
            "the passwords differ; nothing was changed",
            "run this again",
        )
        .into());
    }
    Ok(password)
}

fn parsed(text: String) -> Result<Password, CommandError> {
    let refused = |error: PasswordError| {
        let hint = match error {
            PasswordError::Short => "try a few unrelated words",
            PasswordError::Long => "choose a shorter one",
        };
        CommandError::rejected(error.to_string(), hint)
    };
    Password::parse(text).map_err(refused)
}
