//! Per-visitor rate limit. Kept in memory, so it costs no write.
//!
//! Each instance of the function `track` remembers the visitors of the current minute and rejects hits over the
//! limit, so a flood from one visitor is not stored. Several instances can together let more through. Reading
//! sees all hits and excludes that excess. Both count by calendar minute, so the totals of hours and days agree.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::hit::exclusion::ExclusionReason;
use crate::hit::visitor::VisitorId;
use crate::hit::{Excluded, Kind, Record};

/// Maximum hits per visitor per calendar minute. GoatCounter's limit, 4 per second: far more than one reader
/// causes, and enough for a school class that shares an IP address and a browser version.
pub const MAX_HITS_PER_MINUTE: u32 = 240;

/// Maximum number of visitors remembered; beyond it, all are dropped. This many fit into a function with 128 MB,
/// and are more than it can serve in a minute.
const MAX_VISITORS: usize = 50_000;

/// Counts each visitor's hits in the current minute.
#[derive(Debug, Default)]
pub struct RateLimiter {
    minute: i64,
    hits: HashMap<VisitorId, u32>,
}

impl RateLimiter {
    /// Counts a hit and returns whether it is over the limit. Expects hits in chronological order: a hit in
    /// another minute resets all counts.
    pub fn is_over_limit(&mut self, at: Timestamp, visitor: VisitorId) -> bool {
        let minute = at.as_second().div_euclid(60);
        if minute != self.minute || self.hits.len() >= MAX_VISITORS {
            self.hits.clear();
            self.minute = minute;
        }
        let hits = self.hits.entry(visitor).or_insert(0);
        *hits = hits.saturating_add(1);
        *hits > MAX_HITS_PER_MINUTE
    }

    /// Turns a stored hit into an excluded one if it is over the limit.
    #[must_use]
    pub fn exclude_over_limit(&mut self, record: Record) -> Record {
        match record.kind {
            Kind::Hit(hit) if self.is_over_limit(record.at, hit.visitor) => {
                let excluded = Excluded { reason: ExclusionReason::RateLimited, page: hit.page };
                Record { kind: Kind::Excluded(excluded), ..record }
            }
            _ => record,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hits_per_visitor_and_minute() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (ann, bob) = (VisitorId::new(1), VisitorId::new(2));
        let mut limiter = RateLimiter::default();
        let over_limit = |limiter: &mut RateLimiter, at: Timestamp| {
            (0..MAX_HITS_PER_MINUTE + 10).filter(|_| limiter.is_over_limit(at, ann)).count()
        };
        assert_eq!(over_limit(&mut limiter, at("2026-11-22T09:00:59.999Z")), 10);
        assert!(!limiter.is_over_limit(at("2026-11-22T09:00:59.999Z"), bob));
        assert_eq!(over_limit(&mut limiter, at("2026-11-22T09:01:00Z")), 10);
        assert_eq!(over_limit(&mut limiter, at("1969-12-31T23:59:59Z")), 10);
    }
}
