//! A data folder of `dev` whose yesterday is not rolled up yet.

use std::path::Path;

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::hit::country::Country;
use footfall_runtime::hit::user_agent::Device;
use footfall_runtime::hit::visitor::VisitorId;
use footfall_runtime::hit::{Campaign, Hit, Kind, ScreenSize};
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::hour::utc_day;
use footfall_runtime::storage::hour::utc_start;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Store as _, WRITE_UNIT};
use jiff::{SignedDuration, Timestamp};

use crate::server::SETTINGS;

const DAY: u64 = 86_400_000;

/// Hits stored per batch.
const BATCH: u64 = 20_000;

/// Stores hits of the last day that is due for rolling up.
pub(crate) fn fill(folder: &Path, count: u64) {
    let settings = Settings::from_yaml(SETTINGS).unwrap();
    let site = &settings.sites[0];
    // A day is due an hour after its end.
    let day = utc_day(Timestamp::now() - SignedDuration::from_hours(25));
    let start = utc_start(day).unwrap().as_millisecond();
    let data = folder.join("data");
    let store = Embedded::open(&data).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut dice = fastrand::Rng::with_seed(7);
    for first in (0..count).step_by(BATCH as usize) {
        let items = (first..count.min(first + BATCH)).map(|number| {
            let at = start + (number * DAY / count) as i64;
            item(site, Timestamp::from_millisecond(at).unwrap(), count, &mut dice)
        });
        runtime.block_on(store.put_all(items.collect())).unwrap();
    }
}

fn item(site: &Site, at: Timestamp, count: u64, dice: &mut fastrand::Rng) -> Item {
    // Readers of three pages on average finish within the hour.
    let visitor = (at.as_second() as u64 / 3600) << 32 | dice.u64(..count / 72 + 1);
    let page = (501.0_f64.powf(dice.f64()) - 1.0) as u32;
    let source = ["Google", "Hacker News", "Twitter"].get(dice.usize(..6)).copied();
    let hit = Hit {
        visitor: VisitorId::new(visitor),
        event: None,
        host: None,
        page: format!("/blog/{page}-a-post-about-something"),
        source: source.map(str::to_owned),
        referrer: source.map(|source| format!("{}.example/", source.to_lowercase())),
        campaign: Campaign::default(),
        country: Country::from_time_zone("Europe/Berlin"),
        browser: Some("Chrome".to_owned()),
        browser_version: Some("155".to_owned()),
        os: Some("Windows".to_owned()),
        os_version: Some("10".to_owned()),
        device: Some(Device::Desktop),
        screen: ScreenSize::from_width(1920),
        props: Vec::new(),
    };
    let key = keys::hit_key(site, at, 0, dice.u128(..).to_be_bytes());
    let value = Kind::Hit(hit).encode(WRITE_UNIT - Item::overhead(&key)).unwrap();
    Item { key, value, expires: Some(retention::hit_expiry(site, at)) }
}
