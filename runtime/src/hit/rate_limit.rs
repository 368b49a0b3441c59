//! Who is too fast to be a reader: the limit of hits per visitor, which costs no write.
//!
//! A function that takes hits remembers the visitors of a minute, and refuses what is over the limit: a flood from one
//! place is not even stored. What several functions at once let through is set apart when hits are read, which
//! sees all of them. Both count by the minutes of the clock, so that an hour and its day agree.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::hit::exclusion::ExclusionReason;
use crate::hit::visitor::VisitorId;
use crate::hit::{Excluded, Kind, Record};

/// So many hits of one visitor count in a minute of the clock. It is what GoatCounter takes, 4 a second: far
/// more than a reader makes, and enough for a school class that shares an address and a kind of browser.
pub const MAX_HITS_PER_MINUTE: u32 = 240;

/// So many visitors of a minute are remembered at most; with more, all are forgotten. It is what a function of 128 MB
/// has room for, and more than it can serve.
const MAX_VISITORS: usize = 50_000;

/// Counts the hits of a minute.
#[derive(Debug, Default)]
pub struct RateLimiter {
    minute: i64,
    hits: HashMap<VisitorId, u32>,
}

impl RateLimiter {
    /// Counts a hit; true if it is over the limit. Hits come in the order of time: with one of another minute, all are
    /// forgotten.
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

    /// A stored hit: over the limit, it does not count.
    #[must_use]
    pub fn paced(&mut self, record: Record) -> Record {
        match record.kind {
            Kind::Hit(hit) if self.is_over_limit(record.at, hit.visitor) => {
                let filtered = Excluded { reason: ExclusionReason::RateLimited, page: hit.page };
                Record { kind: Kind::Excluded(filtered), ..record }
            }
            _ => record,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_has_so_many_hits_a_minute() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (ann, bob) = (VisitorId::new(1), VisitorId::new(2));
        let mut pace = RateLimiter::default();
        let too_fast = |pace: &mut RateLimiter, at: Timestamp| {
            (0..MAX_HITS_PER_MINUTE + 10).filter(|_| pace.is_over_limit(at, ann)).count()
        };
        assert_eq!(too_fast(&mut pace, at("2026-11-22T09:00:59.999Z")), 10);
        assert!(!pace.is_over_limit(at("2026-11-22T09:00:59.999Z"), bob));
        assert_eq!(too_fast(&mut pace, at("2026-11-22T09:01:00Z")), 10);
        assert_eq!(too_fast(&mut pace, at("1969-12-31T23:59:59Z")), 10);
    }
}
