//! Tests of the whole page, and the report that other tests share.

use footfall_infra::settings::{Settings, TimeZone};

use super::*;
use crate::query::dimension::Dimension;
use crate::query::period::Period;
use crate::query::report::{Bucket, ExcludedRow, Report, Row, Table};
use crate::web::dashboard::params::tests::state;
use crate::web::dashboard::queries::tests::conversions_of;

fn tally(visitors: u64) -> Metrics {
    Metrics {
        visitors,
        visits: visitors,
        views: 2 * visitors,
        bounces: visitors / 2,
        duration: 1000 * visitors,
        ..Metrics::default()
    }
}

pub(in crate::web::dashboard) fn period(choice: Choice, from: &str, to: &str) -> Period {
    let zone = TimeZone::try_from("UTC".to_owned()).unwrap();
    Period { choice, from: from.parse().unwrap(), to: to.parse().unwrap(), zone }
}

/// A week with ten visitors after one with five.
pub(crate) fn report() -> Report {
    let period = period(Choice::Days(7), "2026-11-16", "2026-11-22");
    let row = |value: Option<&str>, visitors| Row {
        value: value.map(str::to_owned),
        metrics: tally(visitors),
    };
    let table = |dimension: Dimension, rows| Table { key: dimension.into(), rows, more: 0 };
    Report {
        site: "localhost".to_owned(),
        time_zone: "UTC".to_owned(),
        period: "7d".to_owned(),
        from: period.from,
        to: period.to,
        filters: Vec::new(),
        now: 1,
        totals: tally(10),
        previous: Some(tally(5)),
        unit: period.unit(),
        buckets: period
            .buckets()
            .into_iter()
            .map(|start| Bucket { at: start.name, metrics: tally(2) })
            .collect(),
        previous_buckets: Vec::new(),
        tables: vec![
            table(Dimension::Page, vec![row(Some("/"), 10), row(Some("/a"), 4)]),
            table(Dimension::Source, vec![row(None, 6), row(Some("Google"), 4)]),
            table(Dimension::Host, vec![row(Some("localhost"), 10)]),
        ],
        excluded: vec![ExcludedRow { reason: "bot".to_owned(), count: 1234 }],
        unreadable: 0,
        incomplete: Vec::new(),
    }
}

pub(in crate::web::dashboard) fn numbers() -> Numbers {
    Numbers { report: report(), week: None, base: None }
}

fn view(numbers: &Numbers, state: &Params, yaml: &str) -> View {
    let settings = Settings::from_yaml(yaml).unwrap();
    View::of(&Answer {
        site: &settings.sites[0],
        sites: &[],
        query: &Query {
            period: period(Choice::Days(7), "2026-11-16", "2026-11-22"),
            conditions: state.filters.clone(),
        },
        numbers,
        state,
        first: Some("2026-11-09".parse().unwrap()),
        now: "2026-11-22T18:50:00Z".parse().unwrap(),
    })
}

fn view_of(state: &Params) -> View {
    view(&numbers(), state, YAML)
}

fn view_of_numbers(numbers: &Numbers, state: &Params) -> View {
    view(numbers, state, YAML)
}

const YAML: &str = "sites: [{domain: localhost}]";

#[test]
fn compares_tiles_with_the_previous_period() {
    let view = view(&numbers(), &state(), YAML);
    assert_eq!(view.compared.as_deref(), Some("9 – 15 Nov 2026, up to 18:50"));
    let tiles: Vec<_> = view
        .tiles
        .iter()
        .map(|tile| {
            let change = tile.change.as_ref().map(|it| (it.arrow, it.text.as_str(), it.tone));
            (tile.name, tile.value.text.as_str(), change)
        })
        .collect();
    let double = Some(("↑", "100%", "good"));
    let expected = [
        ("visitors", "10", double),
        ("visits", "10", double),
        ("views", "20", double),
        ("views_per_visit", "2.0", Some(("→", "0%", "even"))),
        ("bounce_rate", "50%", Some(("↑", "25%", "bad"))),
        ("visit_duration", "1s", Some(("→", "0%", "even"))),
    ];
    assert_eq!(tiles, expected);
}

#[test]
fn does_not_compare_with_deleted_data() {
    let view = view(&numbers(), &state(), "sites: [{domain: localhost, retention_days: 5}]");
    assert_eq!(view.compared, None);
    assert!(view.tiles.iter().all(|tile| tile.change.is_none()));
    assert_eq!(
        view.notices,
        ["This site keeps data for 5 days. Data before 17 Nov 2026 has been deleted."]
    );
}

#[test]
fn shows_conversions_in_a_report_of_a_goal() {
    let mut numbers = numbers();
    let reach = |visitors, events| Metrics { visitors, events, ..Metrics::default() };
    let all = numbers.report.clone();
    numbers.report.totals = reach(3, 4);
    numbers.report.previous = Some(reach(2, 2));
    for bar in &mut numbers.report.buckets {
        bar.metrics = reach(1, 1);
    }
    numbers.base = Some(conversions_of(all));
    let state = state().with_metric(Metric::BounceRate);
    let view = view(&numbers, &state, YAML);
    let tile = |tile: &Tile| (tile.title, tile.value.text.clone(), tile.before.clone());
    let text = |text: &str| text.to_owned();
    assert_eq!(
        view.tiles.iter().map(tile).collect::<Vec<_>>(),
        [
            // 3 of 10 visitors, after 2 of 5.
            ("Unique conversions", text("3"), Some(text("2"))),
            ("Total conversions", text("4"), Some(text("2"))),
            ("Conversion rate", text("30%"), Some(text("40%"))),
        ]
    );
    // The chart shows the first tile because bounces do not apply, and links keep the choice.
    assert_eq!((view.metric, view.tiles[0].is_current), ("Unique conversions", true));
    assert_eq!(view.tiles[2].href, "?period=7d&metric=conversion_rate");
    let rate = view_of_numbers(&numbers, &state.with_metric(Metric::ConversionRate));
    // 1 of 2 visitors of a day.
    assert_eq!(rate.bars[0].said, "Mon, 16 Nov 2026: conversion rate 50%");
    assert_eq!(rate.bar_table.unwrap().rows[0], ["50%", "1", "1"]);
}

#[test]
fn shortens_a_large_number_in_a_tile() {
    let mut numbers = numbers();
    numbers.report.totals.views = 128_059;
    let view = view(&numbers, &state(), YAML);
    let views = &view.tiles[2].value;
    assert_eq!((views.text.as_str(), views.exact.as_deref()), ("128k", Some("128,059")));
}

#[test]
fn a_tile_chooses_the_metric_of_the_chart() {
    let state = state().with_metric(Metric::BounceRate);
    let view = view(&numbers(), &state, YAML);
    let chosen = |tile: &Tile| (tile.is_current, tile.href.clone());
    let visitors = (false, "?period=7d".to_owned());
    assert_eq!(chosen(&view.tiles[0]), visitors);
    assert_eq!(chosen(&view.tiles[4]), (true, "?period=7d&metric=bounce_rate".to_owned()));
    assert_eq!(view.bars[0].said, "Mon, 16 Nov 2026: bounce rate 50%");
    assert_eq!(view.lines, ["0%", "20%", "40%", "60%"]);
    let table = view.bar_table.unwrap();
    assert_eq!(table.columns, ["Bounce rate", "Visitors", "Visits", "Page views"]);
    // Without data, the metric cannot be shown.
    let state = state.with_metric(Metric::ScrollDepth);
    assert_eq!(view_of(&state).metric, "Visitors");
}

#[test]
fn hides_and_shows_the_comparison() {
    let mut numbers = numbers();
    numbers.report.previous_buckets = numbers.report.buckets.clone();
    let shown = view(&numbers, &state(), YAML);
    assert!(shown.chart.unwrap().before.is_some());
    assert_eq!(shown.bar_table.unwrap().columns[1], "Previous period");
    assert_eq!(shown.bars[0].said, "Mon, 16 Nov 2026: 2 visitors, previous period: 2");
    assert_eq!(shown.comparison.unwrap().href, "?period=7d&compare=none");
    let hidden = view(&numbers, &state().with_comparison(false), YAML);
    assert!(hidden.chart.unwrap().before.is_none() && hidden.compared.is_none());
    assert!(hidden.tiles.iter().all(|tile| tile.change.is_none()));
    let back = hidden.comparison.unwrap();
    assert_eq!(
        (back.title.as_str(), back.href.as_str()),
        ("Compare with 9 – 15 Nov 2026, up to 18:50", "?period=7d")
    );
}

#[test]
fn puts_table_days_and_filters_in_the_title() {
    let state = state().toggled(&"is,source,".parse().unwrap());
    let title = |state: &Params| view(&numbers(), state, YAML).title;
    assert_eq!(title(&state), "localhost, 16 – 22 Nov 2026, Source is Direct");
    let alone = state.with_show(Some(Dimension::Page.into()));
    assert_eq!(title(&alone), "localhost, Page, 16 – 22 Nov 2026, Source is Direct");
}

#[test]
fn has_a_shortcut_for_every_period() {
    let view = view(&numbers(), &state(), YAML);
    assert!(view.choices.iter().all(|choice| !choice.key.is_empty()));
    let mut keys: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), KEYS.len());
}

#[test]
fn leaves_out_cards_without_data() {
    let ids = |state: &Params| -> Vec<&str> {
        view(&numbers(), state, YAML).cards.iter().map(|card| card.id).collect()
    };
    assert_eq!(ids(&state()), ["pages", "sources", "countries", "devices", "filtered"]);
    let of_host = state().toggled(&"is,host,localhost".parse().unwrap());
    assert!(ids(&of_host).contains(&"hosts"));
}

#[test]
fn shows_excluded_traffic_on_an_empty_page() {
    let mut numbers = numbers();
    numbers.report.totals = Metrics::default();
    let view = view(&numbers, &state(), YAML);
    let ids: Vec<&str> = view.cards.iter().map(|card| card.id).collect();
    assert_eq!((view.is_empty, ids), (true, vec!["filtered"]));
    assert!(view.cards[0].is_wide && view.tiles.is_empty());
}

#[test]
fn says_what_is_missing() {
    let mut numbers = numbers();
    numbers.report.unreadable = 1;
    numbers.report.incomplete = vec!["the segment 2026-11-17 of localhost: it is cut".to_owned()];
    let view = view(&numbers, &state(), YAML);
    assert_eq!(view.notices.len(), 2);
    assert!(view.notices[0].contains("2026-11-17"));
    assert!(view.foot[0].contains("sum of daily visitors"));
}

#[test]
fn has_no_links_before_the_first_day_or_after_today() {
    let view = view(&numbers(), &state(), YAML);
    assert_eq!(view.earlier.map(|link| link.title).as_deref(), Some("9 – 15 Nov 2026"));
    assert_eq!(view.later, None);
}
