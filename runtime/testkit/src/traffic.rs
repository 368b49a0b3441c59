//! Generated traffic of a site, the same in every run and as uneven as real traffic.
//!
//! A few pages and sources have most views, visits are short, and there are many rare values.

use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::{DictKey, Dictionaries, NULL_KEY};
use footfall_runtime::segment::hit_batch::{HitBatch, NO_SCROLL};

/// Milliseconds per day.
const DAY: u64 = 86_400_000;

/// Generates the hits of one day after another.
pub struct Traffic {
    views: u64,
    state: u64,
}

/// Columns whose values stay the same for a visitor.
const PER_VISITOR: [(Column, usize, f64); 6] = [
    // Column, number of distinct values, share of visitors who have one.
    (Column::Country, 60, 0.98),
    (Column::Browser, 8, 0.99),
    (Column::BrowserVersion, 60, 0.99),
    (Column::Os, 7, 0.99),
    (Column::OsVersion, 40, 0.8),
    (Column::Screen, 4, 0.99),
];

impl Traffic {
    /// Starts the generator, with `views` hits a day.
    pub fn new(views: u64) -> Self {
        Self { views, state: 42 }
    }

    /// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    fn unit(&mut self) -> f64 {
        (self.random() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a number below `count` by Zipf's law: the k-th has a share of about 1/k.
    fn zipf(&mut self, count: usize) -> usize {
        ((count as f64 + 1.0).powf(self.unit()) - 1.0) as usize % count
    }

    /// Returns the hits of the day that begins at `start`, sorted by visitor and time.
    pub fn day(&mut self, start: i64) -> (HitBatch, Dictionaries) {
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
        let mut visitor = 0;
        while (rows.len() as u64) < self.views {
            visitor += 1;
            self.visitor(visitor, start, &mut rows, &mut texts);
        }
        (rows, texts)
    }

    fn visitor(&mut self, visitor: u64, start: i64, rows: &mut HitBatch, texts: &mut Dictionaries) {
        let mut own = [NULL_KEY; Column::COUNT];
        for (column, count, share) in PER_VISITOR {
            if self.unit() < share {
                let value = self.zipf(count);
                own[column.index()] = texts.of_mut(column).key_for(&value_of(column, value));
            }
        }
        let device = ["Desktop", "Mobile", "Mobile", "Tablet"][self.zipf(4)];
        own[Column::Device.index()] = texts.of_mut(Column::Device).key_for(device);
        let mut at = self.random() % (DAY - DAY / 8);
        let visits = 1 + usize::from(self.unit() < 0.12);
        for _ in 0..visits {
            let from = self.unit();
            let mut origin = [NULL_KEY; Column::COUNT];
            if from < 0.6 {
                let source = self.zipf(40);
                origin[Column::Source.index()] =
                    texts.of_mut(Column::Source).key_for(&value_of(Column::Source, source));
                let path = self.zipf(400);
                let referrer = format!("site{source}.example/{path}");
                origin[Column::Referrer.index()] =
                    texts.of_mut(Column::Referrer).key_for(&referrer);
            } else if from < 0.68 {
                for column in [Column::UtmSource, Column::UtmMedium, Column::UtmCampaign] {
                    let value = self.zipf(12);
                    origin[column.index()] = texts.of_mut(column).key_for(&value_of(column, value));
                }
            }
            loop {
                let page = self.zipf(2000);
                let page = texts.of_mut(Column::Page).key_for(&value_of(Column::Page, page));
                let is_event = self.unit() < 0.03;
                let event =
                    if is_event { texts.of_mut(Column::Event).key_for("signup") } else { NULL_KEY };
                rows.times.push(start + at as i64);
                rows.visitors.push(visitor);
                rows.engaged.push(0);
                rows.scrolled.push(NO_SCROLL);
                for column in Column::ALL {
                    let code: DictKey = match column {
                        Column::Page => page,
                        Column::Event => event,
                        _ => own[column.index()].max(origin[column.index()]),
                    };
                    rows.column_mut(column).push(code);
                }
                origin = [NULL_KEY; Column::COUNT];
                at += 5_000 + self.random() % 180_000;
                if self.unit() < 0.45 || at >= DAY - 3_600_000 {
                    break;
                }
            }
            at = (at + 2_400_000 + self.random() % 7_200_000).min(DAY - 3_600_000);
        }
    }
}

fn value_of(column: Column, value: usize) -> String {
    const COUNTRIES: [&str; 10] = ["US", "DE", "GB", "FR", "IN", "NL", "CA", "JP", "BR", "PL"];
    const SOURCES: [&str; 6] =
        ["Google", "Hacker News", "Twitter", "Reddit", "DuckDuckGo", "GitHub"];
    match column {
        Column::Page if value == 0 => "/".to_owned(),
        Column::Page if value.is_multiple_of(3) => format!("/docs/chapter-{value}"),
        Column::Page => format!("/blog/a-post-with-a-title-{value}"),
        Column::Country if value < COUNTRIES.len() => COUNTRIES[value].to_owned(),
        Column::Country => format!("{}{}", letter(value / 26), letter(value)),
        Column::Source if value < SOURCES.len() => SOURCES[value].to_owned(),
        Column::Screen => ["Mobile", "Laptop", "Desktop", "Tablet"][value % 4].to_owned(),
        _ => format!("{} {value}", column.name()),
    }
}

fn letter(value: usize) -> char {
    char::from(b'A' + (value % 26) as u8)
}
