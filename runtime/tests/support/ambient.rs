//! A clock that stands still until a test moves it, and dice that count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use footfall_runtime::platform::context::{Context, RandomError};
use jiff::{SignedDuration, Timestamp};

/// The same for the same calls, whatever the machine. Clones share the clock and the dice.
#[derive(Clone)]
pub(crate) struct Fixed {
    now: Arc<Mutex<Timestamp>>,
    thrown: Arc<AtomicU64>,
    /// How far this clone's clock is ahead of the one they share.
    ahead: SignedDuration,
}

impl Fixed {
    pub(crate) fn at(now: &str) -> Self {
        let now = Arc::new(Mutex::new(now.parse().unwrap()));
        Self { now, thrown: Arc::new(AtomicU64::new(0)), ahead: SignedDuration::ZERO }
    }

    /// The same clock on a machine where it is ahead by so many seconds, or behind.
    pub(crate) fn skewed(&self, seconds: i64) -> Self {
        Self { ahead: SignedDuration::from_secs(seconds), ..self.clone() }
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        *self.now.lock().unwrap() += time;
    }

    pub(crate) fn set(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }
}

impl Context for Fixed {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap() + self.ahead
    }

    /// The number of the throw: never the same twice.
    fn random(&self) -> Result<[u8; 16], RandomError> {
        let throw = u128::from(self.thrown.fetch_add(1, Ordering::Relaxed));
        // In front, where a hit's key takes it from.
        Ok((throw << 64).to_be_bytes())
    }
}
