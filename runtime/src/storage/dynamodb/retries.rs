//! Retries and timeouts of DynamoDB requests.

use std::time::Duration;

/// Limits for attempts at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Maximum attempts.
    pub attempts: u32,
    /// Timeout of one attempt.
    pub attempt: Duration,
    /// Timeout of all attempts together, pauses included.
    pub all: Duration,
    /// Maximum first pause. It doubles with each attempt.
    pub first_pause: Duration,
    /// Maximum pause.
    pub longest_pause: Duration,
    /// How long to start over if an operation is still throttled after all attempts.
    pub patience: Duration,
}

impl Retries {
    /// Limits for functions. All attempts together fit well within the 30 seconds that API Gateway waits.
    pub const FUNCTION: Self = Self {
        attempts: 5,
        attempt: Duration::from_secs(3),
        all: Duration::from_secs(12),
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_secs(2),
        patience: Duration::ZERO,
    };

    /// Returns the pause after `tried` attempts: exponential backoff with full jitter, so clients that were throttled
    /// together do not retry together. `dice` is in 0..1.
    pub(super) fn pause(&self, tried: u32, dice: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(tried.saturating_sub(1));
        self.first_pause.saturating_mul(doubled).min(self.longest_pause).mul_f64(dice)
    }

    /// Returns the pause after all attempts. `dice` is in 0..1.
    pub(super) fn while_throttled(&self, dice: f64) -> Duration {
        self.longest_pause.mul_f64(0.5 + dice / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let pauses = |retries: Retries, dice: f64| -> Vec<u128> {
            [1, 2, 3, 4, 5, 6, 7, 40].map(|n| retries.pause(n, dice).as_millis()).to_vec()
        };
        let function = Retries::FUNCTION;
        assert_eq!(pauses(function, 1.0), [100, 200, 400, 800, 1600, 2000, 2000, 2000]);
        assert_eq!(pauses(function, 0.5), [50, 100, 200, 400, 800, 1000, 1000, 1000]);
        assert_eq!(pauses(function, 0.0), [0; 8]);
        assert_eq!(function.while_throttled(0.0), Duration::from_secs(1));
        assert_eq!(function.while_throttled(1.0), Duration::from_secs(2));
    }
}
