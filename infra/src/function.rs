//! The Lambda functions.

/// A Lambda function of the stack, and the binary of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Takes hits.
    Track,
    /// Answers reports.
    Dashboard,
    /// Rolls hits up into segments. It has no route, because it runs on a schedule.
    Rollup,
}

impl Function {
    /// Every function, in the order of the template.
    pub const ALL: [Self; 3] = [Self::Track, Self::Dashboard, Self::Rollup];

    /// Returns the name of the function in the stack and of its binary in `runtime`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Dashboard => "dashboard",
            Self::Rollup => "rollup",
        }
    }
}
