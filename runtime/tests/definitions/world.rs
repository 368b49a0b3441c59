//! A site with traffic in a store in memory, and questions as browsers ask them.

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::hit::Kind;
use footfall_runtime::query::condition::Operator;
use footfall_runtime::query::dimension;
use footfall_runtime::query::metrics::Metrics;
use footfall_runtime::query::period::PeriodContext;
use footfall_runtime::query::reader::Reader;
use footfall_runtime::query::report::{Report, all_tables};
use footfall_runtime::query::{Query, QueryError};
use footfall_runtime::rollup::Rollup;
use footfall_runtime::storage::hour::{utc_day, utc_start};
use footfall_runtime::storage::keys::hit_key;
use footfall_runtime::storage::retention::hit_expiry;
use footfall_runtime::storage::{Item, Key, Store as _};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use footfall_testkit::wait::wait;

/// Domain of the test site.
pub(crate) const DOMAIN: &str = "example.com";

/// What is stored of one request.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) at: Timestamp,
    pub(crate) key: Key,
    pub(crate) kind: Kind,
}

/// A site and all its stored records.
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) store: Memory,
    pub(crate) records: Vec<Stored>,
}

/// A question and its time.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) ask: Ask,
    pub(crate) filters: Vec<Tree>,
    pub(crate) now: Timestamp,
    pub(crate) limit: usize,
}

/// How a request names its period.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Today,
    Yesterday,
    Days(i64),
    Month,
    Year,
    All,
    Custom(Date, Date),
}

/// A tree of conditions.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    Filter(FilterText),
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Done(Box<Self>),
}

/// A filter in its parts.
#[derive(Debug, Clone)]
pub(crate) struct FilterText {
    pub(crate) operator: Operator,
    pub(crate) key: dimension::Key,
    pub(crate) values: Vec<String>,
}

impl Ask {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Today => "today".to_owned(),
            Self::Yesterday => "yesterday".to_owned(),
            Self::Days(days) => format!("{days}d"),
            Self::Month => "month".to_owned(),
            Self::Year => "year".to_owned(),
            Self::All => "all".to_owned(),
            Self::Custom(..) => "custom".to_owned(),
        }
    }
}

impl FilterText {
    /// The form in the URL before it is encoded.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{},{}", self.operator.name(), self.key);
        for value in &self.values {
            text.push(',');
            for letter in value.chars() {
                if matches!(letter, ',' | '\\' | '(' | ')') {
                    text.push('\\');
                }
                text.push(letter);
            }
        }
        text
    }

    fn parse(text: &str) -> Self {
        // A character that occurs in no value stands for a comma within one.
        let text = text.replace("\\,", "\0");
        let mut parts = text.split(',').map(|part| part.replace('\0', ","));
        let operator = Operator::parse(&parts.next().unwrap()).unwrap();
        let key = dimension::Key::parse(&parts.next().unwrap()).unwrap();
        Self { operator, key, values: parts.collect() }
    }
}

impl Tree {
    /// The form in the URL before it is encoded.
    pub(crate) fn text(&self) -> String {
        let (word, inner) = match self {
            Self::Filter(filter) => return filter.text(),
            Self::All(inner) => ("all", inner.as_slice()),
            Self::Any(inner) => ("any", inner.as_slice()),
            Self::Not(inner) => ("not", std::slice::from_ref(&**inner)),
            Self::Done(inner) => ("done", std::slice::from_ref(&**inner)),
        };
        let inner: Vec<String> = inner.iter().map(|tree| format!("({})", tree.text())).collect();
        format!("{word}{}", inner.concat())
    }
}

impl Question {
    /// Query string as a browser sends it.
    pub(crate) fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("period", &self.ask.name());
        if let Ask::Custom(from, to) = self.ask {
            query.append_pair("from", &from.to_string()).append_pair("to", &to.to_string());
        }
        for filter in &self.filters {
            query.append_pair("f", &filter.text());
        }
        query.finish()
    }

    /// Parses a query string literally. Cases contain no invalid ones.
    pub(crate) fn parse(query: &str, now: Timestamp) -> Self {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let find = |name: &str| {
            let pair = pairs.iter().find(|(key, _)| key == name);
            pair.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let ask = match (find("period"), find("days"), find("from"), find("to")) {
            (Some("today"), ..) => Ask::Today,
            (Some("yesterday"), ..) => Ask::Yesterday,
            (Some("month"), ..) => Ask::Month,
            (Some("year"), ..) => Ask::Year,
            (Some("all"), ..) => Ask::All,
            (Some("custom") | None, None, Some(from), Some(to)) => {
                Ask::Custom(from.parse().unwrap(), to.parse().unwrap())
            }
            (Some(days), ..) => Ask::Days(days.strip_suffix('d').unwrap().parse().unwrap()),
            (None, Some(days), ..) => Ask::Days(days.parse().unwrap()),
            (None, None, ..) => Ask::Days(7),
        };
        let filters = pairs.iter().filter(|(key, _)| key == "f");
        let filters = filters.map(|(_, text)| Tree::Filter(FilterText::parse(text))).collect();
        Self { ask, filters, now, limit: 1000 }
    }
}

impl World {
    pub(crate) fn new(zone: &str, shards: u8) -> Self {
        let yaml = format!(
            "sites: [{{domain: {DOMAIN}, time_zone: \"{zone}\", goals: [{{event: click}}, \
             {{page: /a*}}, {{page: '*/a', name: A}}]}}]\nshards: {shards}"
        );
        let settings = Settings::from_yaml(&yaml).unwrap();
        Self { settings, store: Memory::default(), records: Vec::new() }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.settings.sites[0]
    }

    /// Stores a record. Within a millisecond, lower `order` comes first.
    pub(crate) fn add(&mut self, at: Timestamp, kind: Kind, shard: u8, order: u8) {
        let number = self.records.len() as u128;
        let random = (u128::from(order) << 120 | number << 64).to_be_bytes();
        let key = hit_key(self.site(), at, shard, random);
        let value = kind.encode(900).unwrap();
        let expires = Some(hit_expiry(self.site(), at));
        wait(self.store.put(Item { key: key.clone(), value, expires })).unwrap();
        self.records.push(Stored { at, key, kind });
    }

    /// First UTC day with a stored record.
    pub(crate) fn first(&self) -> Option<Date> {
        self.records.iter().map(|stored| utc_day(stored.at)).min()
    }

    pub(crate) fn rollup(&self, now: Timestamp) {
        let clock = Fixed::at(&now.to_string());
        let rollup = Rollup::new(self.settings.clone(), self.store.clone(), clock).min_hits(1);
        wait(rollup.run()).unwrap();
    }

    /// Rolls up everything before `until`, each day before its hits expire.
    pub(crate) fn fold_until(&self, until: Timestamp) {
        let mut days: Vec<Date> = self.records.iter().map(|stored| utc_day(stored.at)).collect();
        days.sort_unstable();
        days.dedup();
        for day in days {
            let at = utc_start(day + 2.days()).unwrap();
            if at <= until {
                self.rollup(at);
            }
        }
    }

    /// Rolls up everything: the clock moves past the last day's margin.
    pub(crate) fn fold_all(&self) {
        self.fold_until(Timestamp::MAX);
    }

    /// Rolls up what would have expired at `now`: nothing if all hits are recent.
    pub(crate) fn fold_old(&self, now: Timestamp) {
        self.fold_until(now - SignedDuration::from_hours(25 * 24));
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        wait(Checkpoint::load(&self.store, self.site())).unwrap()
    }

    /// Asks as the dashboard does.
    pub(crate) fn report(
        &self,
        query: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Report, QueryError> {
        let (site, checkpoint) = (self.site(), self.checkpoint());
        let asked = PeriodContext { now, zone: &site.time_zone, first: checkpoint.first };
        let query = Query::of(&request::dashboard(query), &asked)?;
        let (store, settings) = (&self.store, &self.settings);
        let reader = Reader { store, settings, site, checkpoint, now };
        Ok(wait(reader.report(&query, &all_tables(), limit)).unwrap())
    }

    /// Answers a question, and fails unless the reference gives the same answer.
    pub(crate) fn checked(&self, question: &Question) -> Report {
        self.checked_as(&question.query(), question)
    }

    /// Like `ask`, for a question given as a string.
    #[track_caller]
    pub(crate) fn checked_as(&self, query: &str, question: &Question) -> Report {
        let found = self.report(query, question.now, question.limit).unwrap();
        let expected = super::reference::report(self, question, self.checkpoint().first);
        if found != expected {
            let (found, expected) = (lines(&found), lines(&expected));
            let lacks = |of: &[String], other: &[String]| {
                of.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>()
            };
            let (too_much, missing) = (lacks(&found, &expected), lacks(&expected, &found));
            panic!(
                "{query}\nat {}\nis\n{}\nshould be\n{}\n{}",
                question.now,
                too_much.join("\n"),
                missing.join("\n"),
                if too_much == missing { "(the order differs)" } else { "" }
            );
        }
        found
    }
}

/// A report as text, one number per line, each starting with its group.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![
        format!("site {} {}", report.site, report.time_zone),
        format!("period {} {} to {}", report.period, report.from, report.to),
        format!("now {}", report.now),
        format!("total {}", numbers(&report.totals)),
        format!("before {}", report.previous.as_ref().map_or_else(|| "-".to_owned(), numbers)),
        format!("average {}", averages(&report.totals)),
        format!("unit {:?} {}", report.unit, report.buckets.len()),
    ];
    lines.extend(report.filters.iter().map(|filter| format!("filter {filter}")));
    lines.extend(
        report.buckets.iter().map(|bar| format!("bar {} {}", bar.at, numbers(&bar.metrics))),
    );
    let before = report.previous_buckets.iter();
    lines.extend(before.map(|bar| format!("compared {} {}", bar.at, numbers(&bar.metrics))));
    for table in &report.tables {
        for row in &table.rows {
            let value = row.value.as_deref().unwrap_or("(none)");
            lines.push(format!("{} {value} {}", table.key, numbers(&row.metrics)));
        }
        if table.more > 0 {
            lines.push(format!("{} … {} more", table.key, table.more));
        }
    }
    let filtered = report.excluded.iter();
    lines.extend(filtered.map(|row| format!("filtered {} {}", row.reason, row.count)));
    lines.extend((report.unreadable > 0).then(|| format!("unreadable {}", report.unreadable)));
    lines.extend(report.incomplete.iter().map(|what| format!("incomplete {what}")));
    lines
}

/// Formats the numbers that are not 0, as in `2 visitors, 1 visit`.
fn numbers(tally: &Metrics) -> String {
    let named = [
        (tally.visitors, "visitor"),
        (tally.visits, "visit"),
        (tally.views, "view"),
        (tally.events, "event"),
        (tally.bounces, "bounce"),
    ];
    let mut parts: Vec<String> = named
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| format!("{number} {name}{}", if number == 1 { "" } else { "s" }))
        .collect();
    if tally.duration > 0 {
        parts.push(format!("{} s", tally.duration as f64 / 1000.0));
    }
    if tally.engagements > 0 {
        parts.push(format!("{} s on {}", tally.engaged as f64 / 1000.0, tally.engagements));
    }
    if tally.scrolls > 0 {
        parts.push(format!("{} % deep on {}", tally.scrolled, tally.scrolls));
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

fn averages(tally: &Metrics) -> String {
    let text = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let (views, bounces) = (text(tally.views_per_visit()), text(tally.bounce_rate()));
    format!("{views} views, {bounces} % bounced, {} s", text(tally.visit_duration()))
}
