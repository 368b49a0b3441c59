//! Clock and randomness, injected so that tests are deterministic.

use jiff::Timestamp;

/// Source of time and randomness.
pub trait Context: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Returns 16 unpredictable bytes.
    ///
    /// # Errors
    /// If the operating system provides no randomness. There must be no fallback: the anonymity of visitors
    /// depends on it.
    fn random(&self) -> Result<[u8; 16], RandomError>;
}

/// The operating system provided no randomness.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot get random bytes from the operating system: {0}")]
pub struct RandomError(String);

/// The machine's clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemContext;

impl Context for SystemContext {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn random(&self) -> Result<[u8; 16], RandomError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| RandomError(error.to_string()))?;
        Ok(bytes)
    }
}
