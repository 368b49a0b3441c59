//! Which hits a deletion removes, and which it leaves.

use std::collections::BTreeSet;

use footfall_infra::settings::Site;
use footfall_runtime::archive::delete::{DeleteFilter, Matches};
use footfall_runtime::hit::Record;
use footfall_runtime::rollup;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::hour::Span;
use footfall_runtime::storage::{Item, keys};
use jiff::SignedDuration;

use super::{
    DAYS, LATER, NOW, RolledUp, STATES, at, check_is_gone, count, day, delete, filled, is_secret,
    item, never_there, put, roll_up, secret, settings, shown, traffic, view,
};

#[test]
fn reports_are_as_if_deleted_hits_had_never_existed() {
    let settings = settings();
    let mut items = traffic(&settings.sites[0]);
    // Also in the current hour.
    for number in 0..6 {
        let page = ["/secret/x", "/x"][usize::from(number % 2 == 0)];
        let time = at("2026-11-22T13:10:00Z") + SignedDuration::from_secs(number);
        items.push(item(&settings.sites[0], time, 900 + number.unsigned_abs(), &view(1, page)));
    }
    let expected = never_there(&items);
    for state in STATES {
        let store = filled(&items, state);
        let found = count(&store, &secret());
        let expected_hits = items.iter().filter(|item| is_secret(item)).count() as u64;
        let days: BTreeSet<String> = items
            .iter()
            .filter(|item| is_secret(item))
            .map(|item| item.key.pk.split(['#', 'T']).nth(2).unwrap().to_owned())
            .collect();
        assert_eq!(found.hits, expected_hits, "{state:?}");
        assert!(found.days.iter().map(ToString::to_string).eq(days), "{state:?}");
        assert_eq!(found.pages.values().sum::<u64>(), expected_hits);
        assert!(found.pages.keys().all(|page| page.starts_with("/secret/")));
        assert!(found.filtered > 0 && found.incomplete.is_empty());
        assert_eq!(found.stale_items > 0, state != RolledUp::Nothing);
        assert!(delete(&store, &secret()) >= expected_hits);
        check_is_gone(&store, &expected, &format!("{state:?}"));
        // Deleting again changes nothing.
        let items = store.items();
        assert_eq!(delete(&store, &secret()), 0);
        assert_eq!(store.items(), items);
        // No rollup brings the hits back.
        for now in [NOW, LATER] {
            roll_up(&store, now);
            assert_eq!(shown(&store, now), shown(&expected, now), "{state:?} at {now}");
            check_is_gone(&store, &expected, &format!("{state:?} at {now}"));
        }
    }
}

#[test]
fn deleted_days_stay_empty() {
    let settings = settings();
    let items = traffic(&settings.sites[0]);
    let what = DeleteFilter { from: day(DAYS[1]), to: day(DAYS[2]), pages: Vec::new() };
    let is_meant = |item: &&Item| DAYS[1..3].iter().any(|day| item.key.pk.contains(*day));
    let others: Vec<Item> = items.iter().filter(|item| !is_meant(item)).cloned().collect();
    let expected = filled(&others, RolledUp::Nothing);
    for state in STATES {
        let store = filled(&items, state);
        delete(&store, &what);
        assert!(store.hits().iter().filter(is_meant).count() == 0, "{state:?}");
        for now in [NOW, NOW, LATER] {
            assert_eq!(shown(&store, now), shown(&expected, now), "{state:?} at {now}");
            assert_eq!(count(&store, &what), Matches::default());
            roll_up(&store, now);
        }
        // Hits of the deleted day that reappear are not counted.
        put(&store, &items.iter().filter(is_meant).cloned().collect::<Vec<_>>());
        roll_up(&store, LATER);
        assert_eq!(shown(&store, LATER), shown(&expected, LATER), "{state:?}");
    }
}

/// Builds a segment stored imported_segment that of the day, such as one of an import.
fn imported_segment(site: &Site, date: &str, pages: &[&str]) -> Item {
    let (mut rows, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
    for (number, page) in (1..).zip(pages) {
        let at = at(&format!("{date}T12:00:00Z"));
        rows.push(&mut dictionaries, &Record { at, kind: view(number, page) });
    }
    let span = Span::Day(day(date));
    let encoded = rollup::encode_segment(site, span, rows, &mut dictionaries, 0).unwrap();
    let mut key = keys::segment_key(site, span);
    key.sk = format!("{}iab12#00", &date[8..]);
    Item { key, value: encoded.first, expires: None }
}

#[test]
fn deletes_from_imported_segments_too() {
    let settings = settings();
    let site = &settings.sites[0];
    let items = traffic(site);
    for state in STATES {
        let store = filled(&items, state);
        put(&store, &[imported_segment(site, DAYS[1], &["/secret/a", "/b", "/secret/c"])]);
        let without = count(&filled(&items, state), &secret()).hits;
        assert_eq!(count(&store, &secret()).hits, without + 2);
        delete(&store, &secret());
        assert_eq!(count(&store, &secret()), Matches::default());
        assert!(!store.items().iter().any(is_secret));
        let every = DeleteFilter { pages: Vec::new(), ..secret() };
        let left = count(&store, &every);
        assert_eq!(left.pages["/b"], 1);
        assert_eq!(left.hits, items.iter().filter(|item| !is_secret(item)).count() as u64 + 1);
        delete(&store, &every);
        // The segment itself stays, without rows, so that importing again finds it.
        assert_eq!(count(&store, &every), Matches::default());
        assert!(store.items().iter().any(|item| item.key.sk == "20iab12#00"));
    }
}

#[test]
fn unreadable_segments_are_named_and_deleted_only_with_their_day() {
    let settings = settings();
    let site = &settings.sites[0];
    let store = filled(&traffic(site), RolledUp::All);
    let key = keys::segment_key(site, Span::Day(day(DAYS[1])));
    put(&store, &[Item { key, value: b"a newer version's".to_vec(), expires: None }]);
    let found = count(&store, &secret());
    assert!(found.incomplete[0].starts_with("the segment 2026-11-20 of e.x: "), "{found:?}");
    delete(&store, &secret());
    assert_eq!(
        count(&store, &secret()).incomplete,
        found.incomplete,
        "the unreadable segment was changed"
    );
    delete(&store, &DeleteFilter { pages: Vec::new(), ..secret() });
    assert_eq!(count(&store, &secret()), Matches::default());
}

/// A day with hits that only a newer version can read is not rolled up without them.
#[test]
fn keeps_hits_of_a_newer_version_until_their_day_is_deleted() {
    let settings = settings();
    let site = &settings.sites[0];
    let store = filled(&traffic(site), RolledUp::Nothing);
    let mut newer = item(site, at("2026-11-20T12:00:00Z"), 999, &view(1, "/"));
    newer.value = br#"{"x":"a-new-reason"}"#.to_vec();
    put(&store, &[newer.clone()]);
    delete(&store, &secret());
    assert!(!store.items().iter().any(is_secret));
    let keys: Vec<String> = store.items().into_iter().map(|item| item.key.sk).collect();
    assert!(keys.contains(&newer.key.sk) && !keys.contains(&"20#00".to_owned()), "{keys:?}");
    assert_eq!(shown(&store, NOW).unreadable, 1);
    // Deleting the whole day deletes them as well.
    delete(&store, &DeleteFilter { pages: Vec::new(), ..secret() });
    assert_eq!(shown(&store, NOW).unreadable, 0);
    assert!(store.hits().is_empty());
}
