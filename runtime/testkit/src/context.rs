//! A clock that stands still until a test moves it, and random numbers that count up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use footfall_runtime::platform::context::{Context, RandomError};
use jiff::{SignedDuration, Timestamp};

/// Deterministic clock and randomness. Clones share both.
#[derive(Clone)]
pub struct Fixed {
    now: Arc<Mutex<Timestamp>>,
    drawn: Arc<AtomicU64>,
    /// How far this clone's clock is ahead of the shared one.
    ahead: SignedDuration,
}

impl Fixed {
    /// Starts the clock at `now`, such as `2026-11-22T13:05:06Z`.
    pub fn at(now: &str) -> Self {
        let now = Arc::new(Mutex::new(now.parse().unwrap()));
        Self { now, drawn: Arc::new(AtomicU64::new(0)), ahead: SignedDuration::ZERO }
    }

    /// Returns a clone whose clock is ahead by `seconds`, or behind if they are negative.
    pub fn skewed(&self, seconds: i64) -> Self {
        Self { ahead: SignedDuration::from_secs(seconds), ..self.clone() }
    }

    /// Moves the clock forward by `time`.
    pub fn pass(&self, time: SignedDuration) {
        *self.now.lock().unwrap() += time;
    }

    /// Sets the clock to `now`.
    pub fn set(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }
}

impl Context for Fixed {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap() + self.ahead
    }

    /// Returns the number of the call, so no two results are equal.
    fn random(&self) -> Result<[u8; 16], RandomError> {
        let number = u128::from(self.drawn.fetch_add(1, Ordering::Relaxed));
        // In the leading bytes, which a hit's key uses.
        Ok((number << 64).to_be_bytes())
    }
}
