//! Questions to whoever sits at the terminal. Where nobody does, nothing is asked.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};

/// Whether somebody is there who can answer.
pub(crate) fn somebody() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and waits for a line. Ctrl-C is noticed meanwhile.
pub(crate) async fn line(question: &str) -> Result<String> {
    eprint!("{question} ");
    io::stderr().flush().context("cannot ask")?;
    let read = || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line.trim().to_owned())
    };
    tokio::task::spawn_blocking(read).await?.context("cannot read the answer")
}

/// Asks for a yes. Anything else is a no.
pub(crate) async fn yes(question: &str) -> Result<bool> {
    let answer = line(&format!("{question} [y/N]")).await?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}
