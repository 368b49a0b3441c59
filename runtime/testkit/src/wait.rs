//! Waiting for handlers, for processes, and for midnight to pass.

use std::time::{Duration, Instant};

/// Runs a future to its end on this thread, with a clock but without a network.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// Calls `find` until it returns a value.
///
/// Fails after `seconds`, naming `event` as what did not happen.
pub fn wait_for<T>(event: &str, seconds: u64, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(value) = find() {
            return value;
        }
        assert!(Instant::now() < deadline, "{event}: not within {seconds} seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the next day if this one ends within five minutes (UTC).
///
/// Someone who visits before and after midnight is two visitors.
pub fn away_from_midnight() {
    wait_for("a new day", 310, || {
        let left = 86_400 - jiff::Timestamp::now().as_second().rem_euclid(86_400);
        (left > 300).then_some(())
    });
}
