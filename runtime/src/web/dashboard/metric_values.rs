//! Metrics of a page, and their numbers: in total, of each bar, and of the previous period.

use super::comparison;
use super::metric::Metric;
use super::view_model::Answer;

/// Numbers of a metric.
pub(super) struct Values {
    /// Of the whole period.
    pub total: Option<f64>,
    /// Of each bar.
    pub bars: Vec<Option<f64>>,
}

impl Answer<'_> {
    /// Returns the metrics of the tiles. A report of conversions has no others.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        match self.numbers.conversions() {
            Some(_) => Metric::CONVERSIONS.into(),
            None => {
                let totals = &self.numbers.report.totals;
                Metric::REPORT.into_iter().filter(|metric| metric.is_there(totals)).collect()
            }
        }
    }

    /// Returns the metric of the chart: the chosen one if there is data for it, else the first.
    pub(super) fn metric(&self) -> Metric {
        let metrics = self.metrics();
        let chosen = metrics.iter().find(|metric| **metric == self.state.metric);
        chosen.or(metrics.first()).copied().unwrap_or_default()
    }

    /// Returns a metric's numbers of the period.
    pub(super) fn values(&self, metric: Metric) -> Values {
        let (report, base) = (&self.numbers.report, self.numbers.conversions());
        let base = base.map(|base| &base.report);
        let bars = report.buckets.iter().enumerate().map(|(index, bar)| {
            let all = base.and_then(|base| base.buckets.get(index)).map(|bar| &bar.metrics);
            metric.compared_with(&bar.metrics, all)
        });
        let total = metric.compared_with(&report.totals, base.map(|base| &base.totals));
        Values { total, bars: bars.collect() }
    }

    /// Returns its numbers of the previous period, each at the index of the bar it is compared with. `None` without a
    /// comparison.
    pub(super) fn values_before(&self, metric: Metric) -> Option<Values> {
        let (report, base) = (&self.numbers.report, self.numbers.conversions());
        let before = report.previous.filter(|_| self.compared().is_some())?;
        let base = base.map(|base| &base.report);
        let bar = |index: Option<usize>| {
            let all =
                base.and_then(|base| base.previous_buckets.get(index?)).map(|bar| &bar.metrics);
            metric.compared_with(&report.previous_buckets.get(index?)?.metrics, all)
        };
        let all = base.and_then(|base| base.previous.as_ref());
        let bars = comparison::pairs(report).into_iter().map(bar).collect();
        Some(Values { total: metric.compared_with(&before, all), bars })
    }
}
