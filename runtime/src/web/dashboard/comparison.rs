//! Pairs the chart's bars with those of the previous period.

use crate::query::report::{Bucket, Report};
use crate::query::time_range::Unit;

/// Returns, for each bar of a report, the index of the bar of the previous period that it is compared with.
///
/// Days and months are compared by their position. Hours are compared by the clock: on a day when it changes, the
/// position would be one off from then on. An hour that occurs twice is compared with, and compared by, its first
/// occurrence; one that was skipped is `None`.
#[must_use]
pub(super) fn pairs(report: &Report) -> Vec<Option<usize>> {
    let before = &report.previous_buckets;
    let pair = |(index, bar): (usize, &Bucket)| match report.unit {
        Unit::Hour => before.iter().position(|other| hour(other) == hour(bar)),
        _ => (index < before.len()).then_some(index),
    };
    report.buckets.iter().enumerate().map(pair).collect()
}

/// Returns the hour on the clock at which a bar begins: `13` of `2026-11-22T13:00+01:00`.
fn hour(bar: &Bucket) -> Option<&str> {
    bar.at.get(11..13)
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::TimeZone;

    use super::*;
    use crate::query::metrics::Metrics;
    use crate::query::period::{Choice, Period};
    use crate::web::dashboard::view_model::tests::report;

    /// Returns the hours of a day in Berlin, each beside the hour of the day before that it is compared with.
    fn hours(day: &str) -> Vec<(String, Option<String>)> {
        let zone = TimeZone::try_from("Europe/Berlin".to_owned()).unwrap();
        let day = day.parse().unwrap();
        let period = Period { choice: Choice::Custom, from: day, to: day, zone };
        let bar = |start: crate::query::time_range::TimeBucket| Bucket {
            at: start.name,
            metrics: Metrics::default(),
        };
        let bars_before = period.previous_buckets("2026-12-01T00:00:00Z".parse().unwrap());
        let report = Report {
            unit: Unit::Hour,
            buckets: period.buckets().into_iter().map(bar).collect(),
            previous_buckets: bars_before.into_iter().map(bar).collect(),
            ..report()
        };
        let text = |bar: &Bucket| bar.at[8..].to_owned();
        let pairs =
            pairs(&report).into_iter().map(|at| at.map(|at| text(&report.previous_buckets[at])));
        report.buckets.iter().map(text).zip(pairs).collect()
    }

    fn check(hours: &[(String, Option<String>)], expected: &[(&str, Option<&str>)]) {
        let hours: Vec<_> = hours.iter().map(|(at, with)| (at.as_str(), with.as_deref())).collect();
        assert_eq!(hours, expected);
    }

    #[test]
    fn compares_the_same_hour_when_clocks_go_back() {
        let hours = hours("2026-10-25");
        assert_eq!(hours.len(), 25);
        check(
            &hours[1..5],
            &[
                ("25T01:00+02:00", Some("24T01:00+02:00")),
                ("25T02:00+02:00", Some("24T02:00+02:00")),
                ("25T02:00+01:00", Some("24T02:00+02:00")),
                ("25T03:00+01:00", Some("24T03:00+02:00")),
            ],
        );
        check(&hours[24..], &[("25T23:00+01:00", Some("24T23:00+02:00"))]);
    }

    #[test]
    fn compares_the_same_hour_on_the_day_after_clocks_went_back() {
        let hours = hours("2026-10-26");
        check(
            &hours[1..4],
            &[
                ("26T01:00+01:00", Some("25T01:00+02:00")),
                ("26T02:00+01:00", Some("25T02:00+02:00")),
                ("26T03:00+01:00", Some("25T03:00+01:00")),
            ],
        );
    }

    #[test]
    fn compares_the_same_hour_when_clocks_go_forward() {
        let hours = hours("2026-03-29");
        assert_eq!(hours.len(), 23);
        check(
            &hours[1..3],
            &[
                ("29T01:00+01:00", Some("28T01:00+01:00")),
                ("29T03:00+02:00", Some("28T03:00+01:00")),
            ],
        );
        let next = self::hours("2026-03-30");
        check(
            &next[1..4],
            &[
                ("30T01:00+02:00", Some("29T01:00+01:00")),
                ("30T02:00+02:00", None),
                ("30T03:00+02:00", Some("29T03:00+02:00")),
            ],
        );
    }

    #[test]
    fn compares_days_by_position() {
        let report = Report { previous_buckets: report().buckets[..2].to_vec(), ..report() };
        assert_eq!(pairs(&report)[..3], [Some(0), Some(1), None]);
    }
}
