//! Usage of a month: calculated from a number of views, or the most that a flood at the throttle could use.
//!
//! Every number has its source beside it: the template, a measurement (measured.json), or an assumption that is
//! marked as one.

use footfall_runtime::storage::retention::HIT_DAYS;
use serde::Serialize;

use super::facts::{Facts, Size};
use super::measured::MEASURED;
use crate::artifact::bucket::KEPT_VERSIONS;

/// Hours of a month as AWS counts it.
pub(crate) const HOURS: f64 = 730.0;

/// Seconds of the longest month.
pub(crate) const LONGEST: f64 = 31.0 * 86_400.0;

const GB: f64 = (1_u64 << 30) as f64;

/// Size of a short JSON response in bytes. Assumes the headers of a response to a hit.
const WORDS: f64 = 500.0;

/// Routes that answer a stranger with a page.
const PAGES: f64 = 2.0;

/// Bytes that AWS and TLS add to a response. Assumed.
const AROUND: f64 = 500.0;

/// Response time of DynamoDB in milliseconds. Assumed: AWS says "single-digit".
/// <https://aws.amazon.com/dynamodb/features/>
const ROUND_TRIP: f64 = 10.0;

/// Bytes that CloudWatch adds to each log line.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const LINE_OVERHEAD: f64 = 26.0;

/// Bytes that DynamoDB bills per item besides its content.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
const ITEM_OVERHEAD: f64 = 100.0;

/// Memory that comes with a full core, in GB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const CORE: f64 = 1769.0 / 1024.0;

/// Default limit of an on-demand table, in units of each kind per second.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
const QUOTA: f64 = 40_000.0;

/// Hours with fewer hits are not rolled up on their own, so they are read every hour until their day is over
/// (runtime/src/rollup.rs).
const QUIET: f64 = 100.0;

/// Average hours of today so far, which is how often the hits of a quiet hour are read.
const HOURS_OPEN: f64 = 13.0;

/// Months in the table: a year, because nothing is deleted by default.
const MONTHS_KEPT: f64 = 12.0;

/// Views of the dashboard per month: ten a day. Assumed.
pub(crate) const LOOKS: f64 = 300.0;

/// Requests per view of the dashboard: the page, and five minutes of current visitors, updated once a minute.
/// Assumed.
const REQUESTS_A_LOOK: f64 = 6.0;

/// Size of a function's zip: more than the build allows (deployer/src/artifact/build.rs).
const ZIP: f64 = 3_500_000.0;

/// Billed quantities of a month.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub(crate) struct Usage {
    pub(crate) api_requests: f64,
    pub(crate) function_requests: f64,
    /// GB-seconds.
    pub(crate) function_seconds: f64,
    /// Request units. With provisioned capacity they cost nothing by themselves.
    pub(crate) table_writes: f64,
    pub(crate) table_reads: f64,
    /// Unit-hours for reads and writes with provisioned capacity.
    pub(crate) read_unit_hours: f64,
    pub(crate) write_unit_hours: f64,
    /// Average GB over the month.
    pub(crate) table_storage: f64,
    pub(crate) table_recovery: f64,
    /// GB ingested and stored.
    pub(crate) logs: f64,
    pub(crate) log_storage: f64,
    pub(crate) alarms: f64,
    /// GB to the internet.
    pub(crate) transfer: f64,
    pub(crate) bucket_storage: f64,
    pub(crate) bucket_puts: f64,
    /// Scheduled runs.
    pub(crate) runs: f64,
}

impl Usage {
    /// Usage that does not depend on visitors.
    pub(crate) fn standing(facts: &Facts) -> Self {
        let (read_units, write_units) = facts.provisioned.unwrap_or_default();
        let zips = KEPT_VERSIONS as f64 * 3.0 * ZIP;
        Self {
            read_unit_hours: read_units * HOURS,
            write_unit_hours: write_units * HOURS,
            alarms: facts.alarms,
            bucket_storage: zips / GB,
            // One deploy a month: three zips, its template and its history entry.
            bucket_puts: 5.0,
            runs: HOURS,
            ..Self::default()
        }
    }

    /// A month with a number of page views. Unknown quantities take their maximum: every view also loads the tracker,
    /// which browsers cache for a day, and is two requests where engagement is measured.
    pub(crate) fn of_views(facts: &Facts, views: f64) -> Self {
        let hits = if facts.engagement { 2.0 * views } else { views };
        let mut usage = Self::standing(facts);
        usage.add_hits(facts, hits, hits / HOURS, MONTHS_KEPT);
        usage.add_requests(
            &facts.track,
            views,
            MEASURED.script_bytes,
            (MEASURED.script_cpu_ms, 0.0),
        );
        usage.add_runs(facts);
        usage.add_looks(facts, LOOKS, hits);
        usage.finish(facts);
        usage
    }

    /// Adds a flood that keeps the API at its throttle for the longest possible month.
    pub(crate) fn flooded(self, facts: &Facts, flood: Flood) -> Self {
        let mut usage = self;
        let each = facts.rate * LONGEST;
        match flood {
            Flood::Hits => usage.add_hits(facts, each, each / HOURS, 1.0),
            Flood::AccessMode => usage.add_strangers(facts, each, MEASURED.door_bytes),
            Flood::Reports => {
                usage.add_requests(&facts.dashboard, each, WORDS, (0.0, 0.0));
                usage.add_public_reports(facts, each, self.table_storage * GB);
            }
            Flood::EachRoute => {
                // All routes of the function except the tracker's take hits.
                let hits = each * (facts.track.routes - 1.0);
                usage.add_hits(facts, hits, hits / HOURS, 1.0);
                usage.add_requests(
                    &facts.track,
                    each,
                    MEASURED.script_bytes,
                    (MEASURED.script_cpu_ms, 0.0),
                );
                usage.add_strangers(facts, each * PAGES, MEASURED.door_bytes);
                usage.add_strangers(facts, each * (facts.dashboard.routes - PAGES), WORDS);
                if facts.public {
                    // Anyone may open its dashboard and badge.
                    usage.add_public_reports(facts, each * 2.0, self.table_storage * GB);
                }
            }
        }
        let hits = (usage.table_writes - self.table_writes) / MEASURED.writes_a_hit();
        usage.add_runs_in_vain(facts, hits / (LONGEST / 86_400.0));
        usage.finish(facts);
        usage
    }

    /// Failed runs of a table with too little capacity to read a whole day: three per hour, because Lambda retries a
    /// failed scheduled run twice.
    fn add_runs_in_vain(&mut self, facts: &Facts, hits_a_day: f64) {
        let Some((units, writes)) = facts.provisioned else { return };
        let timeout = facts.rollup.timeout;
        let hits_a_day = hits_a_day.min(writes * 86_400.0);
        if hits_a_day * MEASURED.item_bytes / 4096.0 > units * (300.0 + timeout) {
            self.function_seconds += seconds(&facts.rollup, 3.0 * LONGEST / 3600.0, timeout * 1e3);
        }
    }

    /// Hits and what they become: an item each, and a share of their hour's and their day's segment.
    fn add_hits(&mut self, facts: &Facts, hits: f64, in_an_hour: f64, months: f64) {
        let taking = ROUND_TRIP + MEASURED.hit_cpu_ms / share(&facts.track);
        self.api_requests += hits;
        self.function_requests += hits;
        self.function_seconds += seconds(&facts.track, hits, taking);
        self.transfer += hits * (MEASURED.hit_answer_bytes + AROUND) / GB;
        self.table_writes += hits * MEASURED.writes_a_hit();
        // Read when their hour and their day are rolled up; in quiet hours, every hour.
        let times = if in_an_hour < QUIET * facts.sites { HOURS_OPEN } else { 1.0 };
        self.table_reads += hits * (1.0 + times) * MEASURED.item_bytes / 4096.0;
        // Processes many at once, so only whole runs are rounded up to milliseconds.
        self.function_seconds += hits * 2.0 * MEASURED.fold_cpu_ms / 1e3 * facts.rollup.gb;
        // Days of the month. Half of a flood is rolled up in the following month.
        let days_kept = f64::from(HIT_DAYS) / (HOURS / 24.0);
        self.table_storage += hits * (MEASURED.item_bytes + ITEM_OVERHEAD) * days_kept / GB;
        self.table_storage += hits * MEASURED.at_rest_bytes * months / GB;
    }

    /// Requests that store nothing, each with its milliseconds of CPU and of waiting.
    fn add_requests(&mut self, size: &Size, requests: f64, bytes: f64, (cpu, wait): (f64, f64)) {
        self.api_requests += requests;
        self.function_requests += requests;
        self.function_seconds += seconds(size, requests, cpu / share(size) + wait);
        self.transfer += requests * (bytes + AROUND) / GB;
    }

    /// Denied requests. Whether a token or link is valid takes a lookup.
    fn add_strangers(&mut self, facts: &Facts, requests: f64, bytes: f64) {
        self.add_requests(
            &facts.dashboard,
            requests,
            bytes,
            (MEASURED.stranger_cpu_ms, ROUND_TRIP),
        );
        self.table_reads += requests;
    }

    /// Scheduled runs, without the hits they process.
    fn add_runs(&mut self, facts: &Facts) {
        let asked = facts.sites * facts.shards * HOURS_OPEN + 4.0;
        self.function_requests += HOURS;
        self.function_seconds +=
            seconds(&facts.rollup, HOURS, MEASURED.idle_run_cpu_ms + asked * ROUND_TRIP);
        self.table_reads += HOURS * asked;
        // A status item per run. Per day a checkpoint and a segment of at least 4 units, written and deleted.
        self.table_writes += HOURS + facts.sites * 31.0 * 10.0;
        self.logs += HOURS * (MEASURED.run_line_bytes + LINE_OVERHEAD) / GB;
    }

    /// Views of the dashboard over a month of hits, each with the month before.
    fn add_looks(&mut self, facts: &Facts, looks: f64, hits: f64) {
        let report = 2.0 * hits;
        let wait = 5.0 * ROUND_TRIP;
        self.add_requests(
            &facts.dashboard,
            looks,
            MEASURED.page_bytes,
            (report * MEASURED.report_cpu_ms(), wait),
        );
        let others = looks * (REQUESTS_A_LOOK - 1.0);
        self.add_requests(&facts.dashboard, others, WORDS, (MEASURED.stranger_cpu_ms, wait));
        let today = HOURS_OPEN * facts.shards + hits / 30.4 * MEASURED.item_bytes / 4096.0;
        self.table_reads +=
            looks * (report * MEASURED.at_rest_bytes / 4096.0 + today) + others * 3.0;
    }

    /// Reports of all data of a public site: as many as the functions can make if their concurrency is limited.
    fn add_public_reports(&mut self, facts: &Facts, asked: f64, bytes: f64) {
        // The share of hits from the last month, by the same rule as in add_hits.
        let hits =
            bytes / (MEASURED.at_rest_bytes + (MEASURED.item_bytes + ITEM_OVERHEAD) / MONTHS_KEPT);
        let millis = (hits * MEASURED.report_cpu_ms() / share(&facts.dashboard) + 5.0 * ROUND_TRIP)
            .min(facts.dashboard.timeout * 1e3);
        let possible = facts.dashboard.at_once.map_or(asked, |n| n * LONGEST * 1e3 / millis);
        let reports = asked.min(possible);
        self.function_seconds += seconds(&facts.dashboard, reports, millis);
        self.table_reads += reports * hits * MEASURED.at_rest_bytes / 4096.0;
        self.transfer += reports * MEASURED.page_bytes / GB;
    }

    /// Records the size of the table in GB.
    pub(crate) fn is_stored(&mut self, facts: &Facts, gb: f64) {
        self.table_storage = gb;
        self.finish(facts);
    }

    /// Derived quantities.
    fn finish(&mut self, facts: &Facts) {
        self.log_storage = self.logs * facts.log_days / (HOURS / 24.0);
        self.table_recovery = if facts.recovery { self.table_storage } else { 0.0 };
        // DynamoDB throttles anything more, at no cost.
        let (reads, writes) =
            facts.provisioned.unwrap_or((facts.most_reads.unwrap_or(QUOTA), QUOTA));
        self.table_reads = self.table_reads.min(reads * LONGEST);
        self.table_writes = self.table_writes.min(writes * LONGEST);
    }
}

/// Target of a flood. AWS does not say whether the routes of a stage share its throttle
/// (infra/src/settings/limits.rs).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flood {
    /// Hits, which are stored.
    Hits,
    /// Requests for the dashboard, answered with the sign-in page.
    AccessMode,
    /// Reports of a public site.
    Reports,
    /// Every route at the throttle's full rate.
    EachRoute,
}

/// A function's share of a core, at most one.
fn share(size: &Size) -> f64 {
    (size.gb / CORE).min(1.0)
}

/// GB-seconds of a number of runs, up to the concurrency limit.
fn seconds(size: &Size, runs: f64, millis: f64) -> f64 {
    let seconds = runs * millis.ceil().max(1.0) / 1e3;
    size.at_once.map_or(seconds, |at_once| seconds.min(at_once * LONGEST)) * size.gb
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use super::super::facts::tests::facts;
    use super::*;

    const SITE: &str = "sites: [{domain: example.com}]";

    fn is_about(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= expected.abs() * 0.01
    }

    #[test]
    fn view_costs_a_request_a_run_and_a_write() {
        let plain = facts(SITE, false);
        let usage = |views| Usage::of_views(&plain, views);
        let (none, many) = (usage(0.0), usage(1e9));
        // At most one load of the tracker.
        assert!(is_about(many.api_requests - none.api_requests, 2e9));
        assert!(is_about(many.function_requests - none.function_requests, 2e9));
        // Its share of segments.
        let writes = (many.table_writes - none.table_writes) / 1e9;
        assert!((1.0..1.1).contains(&writes), "{writes}");
        // The hit and the tracker take whole milliseconds at 128 MB; rolling up adds almost nothing.
        let share = share(&plain.track);
        let taking = (ROUND_TRIP + MEASURED.hit_cpu_ms / share).ceil();
        let script = (MEASURED.script_cpu_ms / share).ceil();
        let expected = (taking + script) / 1e3 * 0.125;
        let seconds = (many.function_seconds - none.function_seconds) / 1e9;
        assert!((expected..1.1 * expected).contains(&seconds), "{seconds} of {expected}");
        assert!(many.logs <= none.logs, "no line for a hit");
        assert_eq!(many.runs, 730.0);
        let measuring = facts("sites: [{domain: example.com, engagement: true}]", false);
        let twice = Usage::of_views(&measuring, 1e9);
        assert!(is_about(twice.api_requests - none.api_requests, 3e9));
        assert!(twice.table_writes > 1.9 * many.table_writes);
    }

    #[test]
    fn idle_stack_costs_next_to_nothing() {
        let none = Usage::of_views(&facts(SITE, false), 0.0);
        assert!(none.function_seconds < 1000.0 && none.table_reads < 30_000.0, "{none:?}");
        assert!(none.logs < 0.001 && none.table_storage == 0.0, "{none:?}");
    }

    #[test]
    fn flood_is_the_throttle_for_a_month() {
        let plain = facts(SITE, false);
        let month = Usage::of_views(&plain, 1000.0);
        let shared = month.flooded(&plain, Flood::Hits);
        let each = month.flooded(&plain, Flood::EachRoute);
        let requests = 50.0 * 31.0 * 86_400.0;
        assert!(is_about(shared.api_requests, requests));
        assert!(is_about(each.api_requests, 16.0 * requests));
        assert!(is_about(each.function_requests, 16.0 * requests));
        // Three routes take hits.
        assert!(is_about(each.table_writes, 3.0 * shared.table_writes));
        assert!(shared.logs <= month.logs && each.logs <= month.logs);
        // Limited functions cost no more than running all the time.
        let limited = month.flooded(&facts(SITE, true), Flood::EachRoute);
        let most = 50.0 * 0.125 + 10.0 * 0.5 + 2.0 * 1769.0 / 1024.0;
        assert!(limited.function_seconds <= 2.0 * most * LONGEST);
        assert!(limited.function_seconds <= each.function_seconds);
    }

    #[test]
    fn flood_includes_reports_of_public_sites() {
        let public = facts("sites: [{domain: example.com, public: true}]", true);
        let month = Usage::of_views(&public, 100_000.0);
        let flooded = month.flooded(&public, Flood::EachRoute);
        let closed = month.flooded(&facts(SITE, true), Flood::EachRoute);
        assert!(flooded.table_reads > 2.0 * closed.table_reads, "{flooded:?}");
        let reports = month.flooded(&public, Flood::Reports);
        assert!(reports.table_reads > 2.0 * closed.table_reads, "{reports:?}");
        assert_eq!(reports.table_writes, month.table_writes);
        // Exactly what the template lets through.
        assert!(reports.table_reads <= 2000.0 * LONGEST && flooded.table_reads <= 2000.0 * LONGEST);
    }

    #[test]
    fn flood_stays_within_provisioned_units() {
        let free = facts(&format!("{SITE}\ncapacity: free-tier\n"), false);
        let month = Usage::of_views(&free, 100_000.0);
        assert_eq!(month.write_unit_hours, 25.0 * HOURS);
        let flooded = month.flooded(&Facts { rate: 1e6, ..free }, Flood::Hits);
        assert!(flooded.table_writes <= 25.0 * LONGEST);
        // Such days cannot be rolled up at all; days within the default throttle can.
        let vain = 3.0 * 744.0 * 900.0 * 1769.0 / 1024.0;
        assert!(flooded.function_seconds > vain);
        let free = facts(&format!("{SITE}\ncapacity: free-tier\n"), false);
        assert!(month.flooded(&free, Flood::EachRoute).function_seconds < vain);
    }
}
