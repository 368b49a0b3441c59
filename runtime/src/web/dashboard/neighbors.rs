//! Earlier and later periods of the same kind.

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::query::period::{Choice, Period};

/// First and last day.
type Days = (Date, Date);

/// Returns the periods before and after: months of months, years of years, else as many days. `None` at the ends of
/// time, and for all time.
pub(super) fn neighbors(period: &Period) -> (Option<Days>, Option<Days>) {
    let Period { choice, from, to, .. } = *period;
    let (months, years) = (1.month(), 1.year());
    let is_year = choice == Choice::Year || from.day_of_year() == 1 && to == from.last_of_year();
    let is_month = choice == Choice::Month || from.day() == 1 && to == from.last_of_month();
    let day_before = from.yesterday().ok();
    let day_after = to.tomorrow().ok();
    if choice == Choice::All {
        (None, None)
    } else if is_year {
        let of = |first: Date| (first, first.last_of_year());
        (from.checked_sub(years).ok().map(of), from.checked_add(years).ok().map(of))
    } else if is_month {
        let of = |first: Date| (first, first.last_of_month());
        (from.checked_sub(months).ok().map(of), from.checked_add(months).ok().map(of))
    } else {
        let more = (period.day_count() - 1).days();
        (
            day_before.and_then(|last| Some((last.checked_sub(more).ok()?, last))),
            day_after.and_then(|first| Some((first, first.checked_add(more).ok()?))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::dashboard::view_model::tests::period;

    #[test]
    fn has_neighbors_of_the_same_kind() {
        let check = |choice, from, to, expected: (Option<&str>, Option<&str>)| {
            let (earlier, later) = neighbors(&period(choice, from, to));
            let text = |days: Option<(Date, Date)>| days.map(|(from, to)| format!("{from} {to}"));
            let (earlier, later) = (text(earlier), text(later));
            assert_eq!((earlier.as_deref(), later.as_deref()), expected, "{from} {to}");
        };
        let custom = Choice::Custom;
        let week = (Some("2026-11-09 2026-11-15"), Some("2026-11-23 2026-11-29"));
        check(Choice::Days(7), "2026-11-16", "2026-11-22", week);
        let month = (Some("2026-01-01 2026-01-31"), Some("2026-03-01 2026-03-31"));
        check(custom, "2026-02-01", "2026-02-28", month);
        check(Choice::Month, "2026-02-01", "2026-02-03", month);
        let year = (Some("2025-01-01 2025-12-31"), Some("2027-01-01 2027-12-31"));
        check(custom, "2026-01-01", "2026-12-31", year);
        check(Choice::All, "2026-01-01", "2026-12-31", (None, None));
        check(custom, "9999-12-31", "9999-12-31", (Some("9999-12-30 9999-12-30"), None));
    }
}
