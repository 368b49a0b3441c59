//! Notices above the numbers, and notes below them.

use super::format;
use super::heatmap::Week;
use super::view_model::Answer;
use crate::storage::retention::retained_from;

impl Answer<'_> {
    /// Says what is missing, and why.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        let kept = retained_from(self.site, self.now);
        if let Some(days) = self.site.retention_days.filter(|_| self.numbers.report.from < kept) {
            notices.push(format!(
                "This site keeps data for {}. Data before {} has been deleted.",
                format::counted(u64::from(days.get()), "day"),
                format::day(kept)
            ));
        }
        for problem in &self.numbers.report.incomplete {
            notices.push(format!("This report is incomplete. Not included: {problem}."));
        }
        match self.numbers.report.unreadable {
            0 => {}
            1 => notices.push(
                "1 stored hit cannot be read and is not included. The function's log says why."
                    .to_owned(),
            ),
            hits => notices.push(format!(
                "{} stored hits cannot be read and are not included. The function's log says why.",
                format::thousands(hits)
            )),
        }
        notices
    }

    /// Explains how to read the numbers.
    pub(super) fn foot(&self) -> Vec<String> {
        let mut foot = Vec::new();
        if self.numbers.report.from < self.numbers.report.to {
            foot.push(
                "Visitors over several days are the sum of daily visitors. Visitors cannot be recognized on \
                 another day, so someone who comes on two days counts twice."
                    .to_owned(),
            );
        }
        foot.push(format!("Time zone: {}.", self.numbers.report.time_zone));
        if self.state.show.is_none()
            && self.query.period.day_count() > 1
            && !Week::fits(&self.query.period)
        {
            foot.push("Choose 7 to 100 days to see the hours of the week.".to_owned());
        }
        foot
    }
}
