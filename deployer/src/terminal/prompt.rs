//! Prompts on the terminal.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};

/// Whether the command runs on a terminal, so that somebody can answer.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question and returns the answer. Ctrl-C still works while it waits.
pub(crate) async fn line(question: &str) -> Result<String> {
    eprint!("{question} ");
    io::stderr().flush().context("cannot ask")?;
    let read = || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line.trim().to_owned())
    };
    tokio::task::spawn_blocking(read).await?.context("cannot read the answer")
}

/// Asks for confirmation. Any answer other than yes means no.
pub(crate) async fn confirm(question: &str) -> Result<bool> {
    let answer = line(&format!("{question} [y/N]")).await?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}
