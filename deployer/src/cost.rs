//! The monthly cost, what of it is free, and the worst case.
//!
//! The stack's template says what there is (facts), a number of views or AWS's own metrics what is used (usage, by
//! what was measured; metrics), a dated table what that costs (prices, bill).

mod bill;
mod facts;
mod measured;
mod metrics;
pub(crate) mod month;
pub(crate) mod prices;
pub(crate) mod report;
pub(crate) mod text;
mod usage;
