//! Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use crate::error::CommandError;

/// Set by Ctrl-C, for blocking reads.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

/// Runs `work` until Ctrl-C, and then fails with the hint. A second Ctrl-C exits at once.
pub(crate) async fn unless_stopped<T>(
    work: impl Future<Output = Result<T>>,
    hint: &str,
) -> Result<T> {
    set_stop_on_ctrl_c()?;
    let stopped = || CommandError::failed("stopped", hint).into();
    tokio::select! {
        // In this order, so that the signal handler is installed before the work begins.
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

/// Listens on a thread of its own, because blocking reads keep the main thread busy.
fn set_stop_on_ctrl_c() -> Result<()> {
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
