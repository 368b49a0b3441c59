//! How often DynamoDB is asked, and how long it is waited for.

use std::time::Duration;

/// How often an operation is tried, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often it is tried.
    pub attempts: u32,
    /// How long one try may take.
    pub attempt: Duration,
    /// How long all of them together may, pauses included.
    pub all: Duration,
    /// The longest that the first pause may be; the next doubles.
    pub first_pause: Duration,
    /// The longest of all pauses.
    pub longest_pause: Duration,
    /// For how long an operation that is still throttled after all tries begins anew.
    pub patience: Duration,
}

impl Retries {
    /// A function's: all of it fits well within the 30 seconds that API Gateway waits.
    pub const FUNCTION: Self = Self {
        attempts: 5,
        attempt: Duration::from_secs(3),
        all: Duration::from_secs(12),
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_secs(2),
        patience: Duration::ZERO,
    };

    /// The pause after so many tries (1 or more), by dice from 0 to 1: any up to one that doubles each time, so
    /// that those who were throttled together do not come back together.
    pub(super) fn pause(&self, tried: u32, dice: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(tried.saturating_sub(1));
        self.first_pause.saturating_mul(doubled).min(self.longest_pause).mul_f64(dice)
    }

    /// The pause after all tries, by dice from 0 to 1.
    pub(super) fn while_throttled(&self, dice: f64) -> Duration {
        self.longest_pause.mul_f64(0.5 + dice / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
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
