//! Changes of the settings: retention, removed sites, and fewer shards.

use footfall_infra::settings::Settings;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::storage::Store as _;
use footfall_testkit::memory::Memory;
use footfall_testkit::wait::wait;

use super::{NOW, at, item, put, report, roll_up, segments, settings, shown, sort_keys, view};

#[test]
fn shorter_retention_deletes_older_segments() {
    let kept = settings("sites: [{domain: e.x}]");
    let store = Memory::default();
    let site = &kept.sites[0];
    for date in ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-20"] {
        let time = at(&format!("{date}T12:00:00Z"));
        put(&store, &[item(site, time, 0, 1, &view(1, "/", None))]);
    }
    roll_up(&store, &kept, NOW);
    assert_eq!(segments(&store).len(), 4);
    // A shorter retention applies to reports at once, and to stored segments with the next run.
    let short = settings("sites: [{domain: e.x, retention_days: 21}]");
    let views = |settings: &Settings| {
        wait(report(&store, settings, "period=all", NOW)).unwrap().totals.views
    };
    assert_eq!((views(&kept), views(&short)), (4, 2));
    roll_up(&store, &short, NOW);
    assert_eq!(sort_keys(&segments(&store)), ["01#00", "20#00"]);
    assert_eq!(views(&kept), 2);
}

#[test]
fn removed_site_keeps_its_data() {
    let both = settings("sites: [{domain: e.x}, {domain: e.y}]");
    let store = Memory::default();
    let gone = &both.sites[1];
    put(&store, &[item(gone, at("2026-11-21T12:00:00Z"), 0, 1, &view(1, "/", None))]);
    roll_up(&store, &both, "2026-11-21T13:30:00Z");
    put(&store, &[item(gone, at("2026-11-21T14:00:00Z"), 0, 2, &view(1, "/", None))]);
    // Its last hits are rolled up as well.
    roll_up(&store, &settings("sites: [{domain: e.x}]"), NOW);
    let later = "2027-03-01T12:00:00Z";
    for hit in store.hits() {
        wait(store.delete(&hit.key)).unwrap();
    }
    let again = settings("sites: [{domain: e.y}]");
    let shown = wait(report(&store, &again, "period=all", later)).unwrap();
    assert_eq!(shown.totals.views, 2);
    // They are kept only as long as the last settings of the site said.
    roll_up(&store, &settings("sites: [{domain: e.x}, {domain: e.y, retention_days: 90}]"), NOW);
    roll_up(&store, &settings("sites: [{domain: e.x}]"), later);
    let shown = wait(report(&store, &again, "period=all", later)).unwrap();
    assert_eq!(shown.totals.views, 0);
}

#[test]
fn counts_hits_in_removed_shards() {
    let wide = settings("sites: [{domain: e.x}]\nshards: 8\n");
    let narrow = settings("sites: [{domain: e.x}]\n");
    let site = &wide.sites[0];
    let store = Memory::default();
    roll_up(&store, &wide, "2026-11-22T09:07:00Z");
    put(&store, &[item(site, at("2026-11-22T10:00:00Z"), 7, 1, &view(1, "/", None))]);
    assert_eq!(shown(&store, &narrow, NOW).totals.views, 1);
    roll_up(&store, &narrow, NOW);
    assert_eq!(shown(&store, &narrow, NOW).totals.views, 1);
    let checkpoint = || wait(Checkpoint::load(&store, site)).unwrap();
    assert_eq!(checkpoint().shards, 8);
    // Once the day of the change is rolled up, the other shards are no longer read.
    roll_up(&store, &narrow, "2026-11-23T01:07:00Z");
    assert_eq!(shown(&store, &narrow, "2026-11-23T02:00:00Z").totals.views, 1);
    assert_eq!(checkpoint().shards, 1);
}
