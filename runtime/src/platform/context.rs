//! The clock and the dice: passed in, so that tests are exact.

use jiff::Timestamp;

/// Where the time and randomness come from.
pub trait Context: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// 16 bytes that nobody can guess.
    ///
    /// # Errors
    /// If the system has no randomness to give. Nothing may be made up in its place: a visitor's
    /// anonymity rests on it.
    fn random(&self) -> Result<[u8; 16], RandomError>;
}

/// The system gave no randomness.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the system gives no randomness: {0}")]
pub struct RandomError(String);

/// The machine's own clock and randomness.
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
