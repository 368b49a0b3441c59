//! World map: a shape for each country, darker with more visitors.

use serde::Serialize;

use super::format;
use super::params::Params;
use crate::hit::country::Country;
use crate::query::condition::{Condition, Filter};
use crate::query::dimension::Dimension;
use crate::query::report::Table;

/// Lines of `CODE<TAB>PATH`, written by npm/world.mjs.
const SHAPES: &str = include_str!("../../../lists/world.txt");

/// Number of shades besides none.
const SHADES: f64 = 6.0;

/// A map, ready to draw.
#[derive(Debug, Serialize)]
pub(super) struct Map {
    /// Countries without visitors, as one path.
    rest: String,
    /// Countries with visitors.
    countries: Vec<Shape>,
}

/// A country with visitors.
#[derive(Debug, Serialize)]
struct Shape {
    path: &'static str,
    /// Its name and number of visitors.
    said: String,
    href: String,
    /// Shade, from 1 to 6.
    shade: u8,
}

impl Map {
    /// Draws a table of countries.
    #[must_use]
    pub(super) fn of(table: &Table, state: &Params) -> Self {
        let most = table.rows.iter().map(|row| row.metrics.visitors).max().unwrap_or(0).max(1);
        let mut map = Self { rest: String::new(), countries: Vec::new() };
        let shapes = SHAPES.lines().filter_map(|line| line.split_once('\t'));
        for (code, path) in shapes.filter(|(code, _)| code.len() == 2) {
            let row = table.rows.iter().find(|row| row.value.as_deref() == Some(code));
            let Some(row) = row.filter(|row| row.metrics.visitors > 0) else {
                map.rest.push_str(path);
                continue;
            };
            let name = Country::parse(code).map_or(code, |country| country.name());
            let filter = Condition::from(Filter::is(Dimension::Country, code));
            // The square root tells small numbers apart.
            let part = (row.metrics.visitors as f64 / most as f64).sqrt();
            map.countries.push(Shape {
                path,
                said: format!("{name}: {}", format::counted(row.metrics.visitors, "visitor")),
                href: state.toggled(&filter).href(),
                shade: (part * SHADES).ceil() as u8,
            });
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::metrics::Metrics;
    use crate::query::report::Row;
    use crate::web::dashboard::params::tests::state;

    #[test]
    fn has_a_known_country_for_every_shape() {
        let shapes: Vec<_> = SHAPES.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(shapes.len() > 200);
        for line in shapes {
            let (code, path) = line.split_once('\t').unwrap();
            assert!(Country::parse(code).is_some(), "{code}");
            assert!(path.chars().all(|it| " -0123456789Mlz".contains(it)), "{line}");
        }
    }

    #[test]
    fn shades_by_visitors() {
        let row = |code: &str, visitors| Row {
            value: Some(code.to_owned()),
            metrics: Metrics { visitors, ..Metrics::default() },
        };
        let table = Table {
            key: Dimension::Country.into(),
            rows: vec![row("US", 100), row("DE", 20), row("MT", 1)],
            more: 0,
        };
        let map = Map::of(&table, &state());
        let said: Vec<_> = map.countries.iter().map(|it| (it.said.as_str(), it.shade)).collect();
        let expected = [
            ("Germany: 20 visitors", 3),
            ("Malta: 1 visitor", 1),
            ("United States: 100 visitors", 6),
        ];
        assert_eq!(said, expected);
        assert!(map.rest.starts_with('M') && map.rest.len() > 10_000);
        assert_eq!(map.countries[0].href, "?period=7d&f=is%2Ccountry%2CDE");
    }
}
