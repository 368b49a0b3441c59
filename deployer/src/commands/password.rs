//! `cargo xtask password`: a password for the dashboard, beside the links of `cargo xtask open`.

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

/// The most that is read of a line: more than any password has.
const MAX_LINE: u64 = 4096;

/// Set a password by which you sign in to the dashboard, or remove it
///
/// It is asked for twice, and not shown; or it is the first line of what is piped in, such as from a password
/// manager. It has 12 characters or more. The dashboard takes 5 tries a minute and 30 an hour, of everybody
/// together: so a stranger can keep you from signing in by it, but never by the link of `cargo xtask open`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Remove the password: links alone sign in from then on
    #[arg(long)]
    remove: bool,
    /// Sign everybody out as well, everywhere, as `open --rotate` does; without it, who is signed in stays so
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
                true => "The password is removed: the links of `cargo xtask open` alone sign in.",
                false => "There was no password.",
            }
        );
    } else {
        let password = read()?;
        admin::set_password(store, &SystemContext, &password).await?;
        eprintln!("The password is set: {door} takes it.");
    }
    if arguments.sign_out {
        admin::rotate_key(store, &SystemContext).await?;
        eprintln!("Everybody is signed out.");
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
            "there is nowhere to ask for the password",
            "let stderr be the terminal, or pipe the password in",
        )
        .into());
    }
    let ask =
        |question: &str| terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    let password = parsed(ask("Password, which is not shown: ").context("cannot ask")?)?;
    let again = ask("The same again: ").context("cannot ask")?;
    if Password::parse(again).ok().as_ref() != Some(&password) {
        return Err(CommandError::rejected(
            "the two differ; nothing was changed",
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
