//! Reading a period back: segments first, and the hits of what is not folded yet.
//!
//! A day's segment is taken if there is one, else its hours' segments, else hits. Segments are read
//! before hits, and an hour that has a segment is never read from hits: nothing counts twice, whatever
//! is folded meanwhile.

use std::collections::{BTreeMap, HashMap};

use footfall_infra::settings::{Settings, Site};
use futures_util::future;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::checkpoint::Checkpoint;
use crate::column::Column;
use crate::engine::{self, Days};
use crate::hit::{Kind, Record};
use crate::log;
use crate::query::Query;
use crate::report::Report;
use crate::rows::{Code, NONE, Rows, Texts};
use crate::segment::{self, SegmentError};
use crate::store::{Item, Key, KeyRange, Store, StoreError};
use crate::table::{self, Hour, Span, utc_day, utc_start};

/// How many partitions are read at once: enough to hide the time of a round trip, few enough for the
/// memory of a small function and a busy site.
const AT_ONCE: usize = 6;

/// How far back "now" reaches.
const NOW: SignedDuration = SignedDuration::from_mins(5);

/// How far clocks may differ, and hits so lie ahead.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What a report needs of a hit: all but its properties, which come last.
const COLUMNS: &[Column] = Column::ALL.split_at(Column::Props.index()).0;

/// Whose hits are read, and when.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a, S> {
    /// Where they are.
    pub store: &'a S,
    /// How many shards there are.
    pub settings: &'a Settings,
    /// Whose they are.
    pub site: &'a Site,
    /// How far the site is folded, as was read before.
    pub checkpoint: Checkpoint,
    /// The time now.
    pub now: Timestamp,
}

/// What was read.
#[derive(Debug, Default)]
struct Loaded {
    days: Days,
    unreadable: u64,
    incomplete: Vec<String>,
}

impl<S: Store> Reader<'_, S> {
    /// Answers a query, with at most `limit` rows in a table.
    ///
    /// A hit or a segment that cannot be read, such as one that a newer version wrote, is left out; the
    /// report says so, and the log what is wrong.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn report(&self, query: &Query, limit: usize) -> Result<Report, StoreError> {
        let before = query.period.before(self.now);
        let ranges: Vec<_> = std::iter::once(query.period.instants()).chain(before).collect();
        let (loaded, now) = future::try_join(self.load(&ranges), self.visitors_now()).await?;
        let Loaded { days, unreadable, incomplete } = loaded;
        let found = engine::find(&days, query, limit);
        let before = before.map(|(from, to)| engine::totals(&days, &query.filters, from, to));
        Ok(Report {
            site: self.site.domain.to_string(),
            time_zone: query.period.zone.name().to_owned(),
            period: query.period.choice.name(),
            from: query.period.from,
            to: query.period.to,
            filters: query.filters.iter().map(ToString::to_string).collect(),
            now,
            totals: found.totals,
            before,
            unit: query.period.unit(),
            bars: found.bars,
            tables: found.tables,
            filtered: found.filtered,
            unreadable,
            incomplete,
        })
    }

    /// How many visitors have a hit within the last 5 minutes.
    async fn visitors_now(&self) -> Result<u64, StoreError> {
        let since = self.now.checked_sub(NOW).unwrap_or(Timestamp::MIN);
        let until = self.now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
        let mut days = Days::default();
        // An hour that is folded still has its hits. Hours of two days are two days.
        for hour in Hour::between(since, until) {
            let ranges =
                (0..self.shards()).map(|shard| table::hits_since(self.site, hour, shard, since));
            let items = read_hits(self.store, ranges.collect(), self.now).await?;
            let mut rows = Rows::default();
            push(&items, &mut rows, &mut days.texts);
            match days.days.last_mut() {
                Some(day) if hour.day() == Hour::of(since).day() => day.append(&mut rows),
                _ => days.days.push(rows),
            }
        }
        days.days.iter_mut().for_each(Rows::sort);
        Ok(engine::visitors_since(&days, since))
    }

    fn shards(&self) -> u8 {
        self.checkpoint.shards(self.settings.shards.get())
    }

    /// Reads every day of UTC that has a part in one of the ranges.
    async fn load(&self, ranges: &[(Timestamp, Timestamp)]) -> Result<Loaded, StoreError> {
        let days = self.days(ranges);
        let mut segments = self.segments(&days).await?;
        let mut loaded = Loaded::default();
        for day in days {
            let mut rows = Rows::default();
            if segments.has(self.site, Span::Day(day)) {
                loaded.add_segment(&mut segments, self.site, Span::Day(day), &mut rows);
            } else if !self.checkpoint.has_folded(day) {
                self.load_open(day, &mut segments, &mut rows, &mut loaded).await?;
            }
            rows.sort();
            loaded.days.days.push(rows);
        }
        name_pages(&mut loaded.days, self.site);
        Ok(loaded)
    }

    /// Reads a day that is not folded yet.
    async fn load_open(
        &self,
        day: Date,
        segments: &mut Segments,
        rows: &mut Rows,
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let newest = self.now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
        let oldest = table::oldest_hit(self.site, self.now);
        let lives = |hour: &Hour| hour.end() > oldest && hour.start() <= newest;
        let (folded, open): (Vec<Hour>, Vec<Hour>) = Hour::of_day(day)
            .filter(lives)
            .partition(|hour| segments.has(self.site, Span::Hour(*hour)));
        for hour in folded {
            loaded.add_segment(segments, self.site, Span::Hour(hour), rows);
        }
        loaded.unreadable += hits(
            self.store,
            self.site,
            open,
            self.shards(),
            self.now,
            rows,
            &mut loaded.days.texts,
        )
        .await?;
        Ok(())
    }

    /// The days of UTC that have a part in one of the ranges, and of which anything can be there.
    fn days(&self, ranges: &[(Timestamp, Timestamp)]) -> Vec<Date> {
        let Checkpoint { first, through, .. } = self.checkpoint;
        let unfolded = through.and_then(|day| day.tomorrow().ok());
        let oldest = utc_day(table::oldest_hit(self.site, self.now));
        let asked = ranges.iter().map(|(from, _)| utc_day(*from)).min().unwrap_or(oldest);
        let known = first.or(unfolded).unwrap_or(oldest);
        let from = known.max(kept_from(self.site, self.now)).max(asked);
        let to = utc_day(self.now.checked_add(SKEW).unwrap_or(Timestamp::MAX));
        let days = from.series(1.day()).take_while(|day| *day <= to);
        let overlaps = |day: &Date| {
            let start = utc_start(*day).unwrap_or(Timestamp::MIN);
            let end = day.tomorrow().and_then(utc_start).unwrap_or(Timestamp::MAX);
            ranges.iter().any(|(from, to)| start < *to && *from < end)
        };
        days.filter(overlaps).collect()
    }

    /// Reads the segments of some days, month by month.
    async fn segments(&self, days: &[Date]) -> Result<Segments, StoreError> {
        let mut months: BTreeMap<Date, (Date, Date)> = BTreeMap::new();
        for day in days {
            months.entry(day.first_of_month()).or_insert((*day, *day)).1 = *day;
        }
        let ranges = months.into_values().map(|(from, to)| table::segments(self.site, from, to));
        let reads = ranges.map(|range| async move { range_items(self.store, &range).await });
        let months: Vec<Vec<Item>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(Segments(months.into_iter().flatten().map(|item| (item.key, item.value)).collect()))
    }
}

/// The first day of UTC that a site's retention still keeps.
#[must_use]
pub fn kept_from(site: &Site, now: Timestamp) -> Date {
    let days = site.retention_days.map(|days| i64::from(days.get()));
    let from = days.and_then(|days| utc_day(now).checked_sub(days.days()).ok());
    from.unwrap_or(Date::MIN)
}

/// Segments, each in its parts, by key.
#[derive(Debug, Default)]
struct Segments(HashMap<Key, Vec<u8>>);

impl Segments {
    fn has(&self, site: &Site, span: Span) -> bool {
        self.0.contains_key(&table::segment_key(site, span))
    }

    /// Takes a segment's rows out.
    fn rows(
        &mut self,
        site: &Site,
        span: Span,
        texts: &mut Texts,
    ) -> Result<(Rows, u64), SegmentError> {
        let first = self.0.remove(&table::segment_key(site, span)).unwrap_or_default();
        let header = segment::header(&first)?;
        let mut rows = segment::decode(&first, COLUMNS, texts)?;
        for part in 1..header.parts {
            let key = table::segment_part_key(site, span, part, &header.id);
            let part = self.0.remove(&key).ok_or(SegmentError::Incomplete(header.parts))?;
            rows.append(&mut segment::decode(&part, COLUMNS, texts)?);
        }
        Ok((rows, header.unreadable))
    }
}

impl Loaded {
    /// Adds the rows of a segment. One that cannot be read is named, and left out.
    fn add_segment(&mut self, from: &mut Segments, site: &Site, span: Span, rows: &mut Rows) {
        match from.rows(site, span, &mut self.days.texts) {
            Ok((mut segment, unreadable)) => {
                self.unreadable += unreadable;
                rows.append(&mut segment);
            }
            Err(error) => {
                let what = format!("the segment {span} of {}: {error}", site.domain);
                log::error("a segment is left out of the reports", &what);
                self.incomplete.push(what);
            }
        }
    }
}

/// Adds the hits of some hours to `rows`, in the order in which they came in, and says how many cannot
/// be read.
///
/// # Errors
/// If the store cannot be read.
pub async fn hits<S: Store>(
    store: &S,
    site: &Site,
    hours: Vec<Hour>,
    shards: u8,
    now: Timestamp,
    rows: &mut Rows,
    texts: &mut Texts,
) -> Result<u64, StoreError> {
    let reads = hours.into_iter().map(|hour| {
        let ranges = (0..shards).map(|shard| table::hits(site, hour, shard)).collect();
        read_hits(store, ranges, now)
    });
    let mut hours = stream::iter(reads).buffered(AT_ONCE);
    let mut unreadable = 0;
    while let Some(items) = hours.try_next().await? {
        unreadable += push(&items, rows, texts);
    }
    Ok(unreadable)
}

/// Adds stored hits to `rows`, and says how many cannot be read.
fn push(items: &[Item], rows: &mut Rows, texts: &mut Texts) -> u64 {
    let mut unreadable = 0;
    for item in items {
        match record(item) {
            Ok(record) => rows.push(texts, &record),
            Err(problem) => {
                if unreadable == 0 {
                    log::error("a stored hit is left out of the reports", problem);
                }
                unreadable += 1;
            }
        }
    }
    unreadable
}

fn record(item: &Item) -> Result<Record, String> {
    let named = |what: String| format!("{} {}: {what}", item.key.pk, item.key.sk);
    let at = table::hit_time(&item.key.sk).ok_or_else(|| named("no hit's key".to_owned()))?;
    let kind = Kind::decode(&item.value).map_err(|error| named(error.to_string()))?;
    Ok(Record { at, kind })
}

/// The hits of some shards of an hour that have not expired, in the order of their keys, which is that
/// of time.
async fn read_hits<S: Store>(
    store: &S,
    shards: Vec<KeyRange>,
    now: Timestamp,
) -> Result<Vec<Item>, StoreError> {
    let reads = shards.iter().map(|range| range_items(store, range));
    let items = future::try_join_all(reads).await?;
    let mut items: Vec<Item> = items.into_iter().flatten().collect();
    // DynamoDB takes its time with what has expired.
    items.retain(|item| item.expires.is_none_or(|expires| expires > now.as_second()));
    items.sort_by(|one, other| one.key.sk.cmp(&other.key.sk));
    Ok(items)
}

/// Everything in a range.
///
/// # Errors
/// If the store cannot be read.
pub async fn range_items<S: Store>(store: &S, range: &KeyRange) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let page = store.query(range, after.as_deref()).await?;
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(items);
        }
    }
}

/// Puts the host before the page's path where it is not the site's own, and the site's own domain where
/// no host is stored.
fn name_pages(days: &mut Days, site: &Site) {
    let own = days.texts.of_mut(Column::Host).code(site.domain.as_str());
    let mut names: HashMap<(Code, Code), Code> = HashMap::new();
    for day in &mut days.days {
        for row in 0..day.len() {
            let host = day.column(Column::Host)[row];
            let page = day.column(Column::Page)[row];
            if host == NONE {
                day.column_mut(Column::Host)[row] = own;
            } else if page != NONE {
                let texts = &mut days.texts;
                let name = *names.entry((host, page)).or_insert_with(|| {
                    let host = texts.of(Column::Host).text(host).unwrap_or_default();
                    let name =
                        format!("{host}{}", texts.of(Column::Page).text(page).unwrap_or_default());
                    texts.of_mut(Column::Page).code(&name)
                });
                day.column_mut(Column::Page)[row] = name;
            }
        }
    }
}
