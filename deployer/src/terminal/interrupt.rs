//! Ctrl-C, where something is to be said of it.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use crate::error::CommandError;

/// Set by Ctrl-C, for what reads without giving others a turn.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

/// Ends at Ctrl-C, with what is to be said then; at another one, at once.
pub(crate) async fn unless_stopped<T>(
    work: impl Future<Output = Result<T>>,
    remedy: &str,
) -> Result<T> {
    set_at_ctrl_c()?;
    let stopped = || CommandError::failed("stopped", remedy).into();
    tokio::select! {
        // In this order: whoever listens first is heard from the beginning.
        biased;
        _ = tokio::signal::ctrl_c() => {
            eprintln!();
            Err(stopped())
        }
        done = work => {
            done.map_err(|error| if STOP.load(Ordering::Relaxed) { stopped() } else { error })
        }
    }
}

/// Listens in a thread, as reading leaves the other no time to.
fn set_at_ctrl_c() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if STOP.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
            }
        });
    });
    Ok(())
}
