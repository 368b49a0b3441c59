//! One suite over both stores, and what each of them has of its own: the embedded one a folder and
//! a disk, DynamoDB limits. (What it has of a network is in dynamodb.rs.)

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use footfall_infra::settings::Settings;
use footfall_infra::stack::Partition;
use footfall_runtime::hit::Kind;
use footfall_runtime::ingest::Ingest;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::{Item, Key, KeyRange, PutOutcome, Store, StoreError, WRITE_UNIT};
use footfall_testkit::context::Fixed;
use footfall_testkit::store::{item, read_all};
use footfall_testkit::{dynamodb_local, request};
use futures_util::future::join_all;
use redb::{Database, TableDefinition};
use tempfile::TempDir;

/// The whole of a partition, which must be read without an error.
async fn partition<S: Store>(store: &S, pk: &str) -> Vec<Item> {
    read_all(store, &KeyRange::whole(pk.to_owned())).await.unwrap().0
}

/// The sort keys that a range finds.
async fn found<S: Store>(store: &S, pk: &str, from: &str, to: &str) -> Vec<String> {
    let range = KeyRange { pk: pk.to_owned(), from: from.to_owned(), to: to.to_owned() };
    let (items, _) = read_all(store, &range).await.unwrap();
    items.into_iter().map(|item| item.key.sk).collect()
}

// What every store does.

async fn what_is_put_is_read<S: Store>(store: S) {
    assert_eq!(partition(&store, "p").await, []);
    let one = item("p", "1", "one");
    let two = item("p", "2", "two");
    store.put(two.clone()).await.unwrap();
    store.put(one.clone()).await.unwrap();
    assert_eq!(partition(&store, "p").await, [one.clone(), two]);
    assert_eq!(found(&store, "p", "1", "1").await, ["1"]);
    let page = store.query(&KeyRange::one(&one.key), None).await.unwrap();
    assert_eq!((page.items, page.next), (vec![one], None));
}

async fn a_put_replaces<S: Store>(store: S) {
    store.put(Item { expires: Some(7), ..item("p", "1", "a longer value before") }).await.unwrap();
    store.put(item("p", "1", "new")).await.unwrap();
    assert_eq!(partition(&store, "p").await, [item("p", "1", "new")]);
}

/// What a client does whose first answer was lost.
async fn the_same_put_twice_is_one_item<S: Store>(store: S) {
    let hit =
        Item { expires: Some(1_800_000_000), ..item("hit#e.x#2026-11-22T13#00", "1#ab", "{}") };
    store.put(hit.clone()).await.unwrap();
    store.put(hit.clone()).await.unwrap();
    store.put_all(vec![hit.clone()]).await.unwrap();
    assert_eq!(partition(&store, "hit#e.x#2026-11-22T13#00").await, [hit]);
}

async fn put_if_absent_leaves_what_is_there<S: Store>(store: S) {
    let first = Item { expires: Some(9), ..item("salt", "2026-11-22", "first") };
    assert_eq!(store.put_if_absent(first.clone()).await.unwrap(), PutOutcome::Inserted);
    // What a try whose answer was lost has left is one's own.
    assert_eq!(store.put_if_absent(first.clone()).await.unwrap(), PutOutcome::Inserted);
    let second = item("salt", "2026-11-22", "second");
    let again = store.put_if_absent(second).await.unwrap();
    assert_eq!(again, PutOutcome::Existing(first.clone()));
    assert_eq!(partition(&store, "salt").await, [first]);
    let other = item("salt", "2026-11-23", "other");
    assert_eq!(store.put_if_absent(other).await.unwrap(), PutOutcome::Inserted);
}

async fn a_replacement_is_for_one_value<S: Store>(store: S) {
    let [one, two, three] = ["one", "two", "three"].map(|value| item("meta", "lock", value));
    // What is not there is not replaced, and not made.
    assert!(!store.compare_and_set(two.clone(), b"one").await.unwrap());
    assert_eq!(partition(&store, "meta").await, []);
    store.put(one.clone()).await.unwrap();
    assert!(!store.compare_and_set(three.clone(), b"two").await.unwrap());
    assert_eq!(partition(&store, "meta").await, [one]);
    assert!(store.compare_and_set(two.clone(), b"one").await.unwrap());
    // What a try whose answer was lost has left is one's own.
    assert!(store.compare_and_set(two.clone(), b"one").await.unwrap());
    assert_eq!(partition(&store, "meta").await, [two]);
    // A large one, in place of a large one, as segments are.
    let large = |byte| item("seg", "22#00", vec![byte; 390 * 1024]);
    store.put(large(1)).await.unwrap();
    assert!(store.compare_and_set(large(2), &large(1).value).await.unwrap());
    assert!(!store.compare_and_set(large(3), &large(1).value).await.unwrap());
    assert_eq!(partition(&store, "seg").await, [large(2)]);
}

async fn of_twenty_at_once_one_wins<S: Store>(store: S) {
    for round in 0..5 {
        let sk = round.to_string();
        let puts = (0..20).map(|n| store.put_if_absent(item("salt", &sk, format!("value {n}"))));
        let outcomes: Vec<PutOutcome> =
            join_all(puts).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<usize> =
            (0..20).filter(|n| outcomes[*n] == PutOutcome::Inserted).collect();
        let [winner] = winners[..] else { panic!("{winners:?} won, in round {round}") };
        let won = item("salt", &sk, format!("value {winner}"));
        for (n, outcome) in outcomes.iter().enumerate().filter(|(n, _)| *n != winner) {
            assert_eq!(*outcome, PutOutcome::Existing(won.clone()), "the put of {n}");
        }
    }
}

async fn ranges_include_both_ends<S: Store>(store: S) {
    // In the order of their bytes, which is neither that of a dictionary nor that of UTF-16.
    let keys = [
        " ",
        "!",
        "1",
        "10",
        "2",
        "A",
        "B",
        "Z",
        "a",
        "aa",
        "b",
        "~",
        "é",
        "שלום",
        "日本",
        "\u{ffff}",
        "\u{10000}",
        "🦀",
        "\u{10ffff}",
    ];
    assert!(keys.is_sorted());
    let items = keys.iter().rev().map(|sk| item("p", sk, *sk)).collect();
    store.put_all(items).await.unwrap();
    // Neighbours, which no range of "p" may touch.
    store.put_all(["o", "p ", "p0", "pp", "P"].map(|pk| item(pk, "a", pk)).into()).await.unwrap();
    assert_eq!(found(&store, "p", " ", "\u{10ffff}").await, keys);
    let all = partition(&store, "p").await;
    assert_eq!(all.iter().map(|item| item.key.sk.as_str()).collect::<Vec<_>>(), keys);
    for (i, from) in keys.iter().enumerate() {
        for (j, to) in keys.iter().enumerate().skip(i) {
            assert_eq!(found(&store, "p", from, to).await, keys[i..=j], "{from:?} to {to:?}");
        }
    }
    assert_eq!(found(&store, "p", "11", "19").await, [""; 0]);
    assert_eq!(found(&store, "p", "Aa", "aZ").await, ["B", "Z", "a"]);
    assert_eq!(found(&store, "nobody", " ", "~").await, [""; 0]);
}

/// More than one answer of DynamoDB holds (1 MB), and more than one page of the embedded store.
async fn pages_are_followed_to_the_end<S: Store>(store: S) {
    let made: Vec<Item> = (0..4500_u32)
        .map(|n| {
            let value: Vec<u8> = n.to_le_bytes().into_iter().cycle().take(1000).collect();
            item("large", &format!("{n:05}"), value)
        })
        .collect();
    let mut shuffled = made.clone();
    shuffled.sort_by_key(|item| item.key.sk.bytes().rev().collect::<Vec<_>>());
    store.put_all(shuffled).await.unwrap();
    let (items, pages) = read_all(&store, &KeyRange::whole("large".to_owned())).await.unwrap();
    assert!(pages > 1, "{pages} page");
    assert!(items == made, "{} items, or another order", items.len());
    // A part of it, over the border of a page.
    let range = |from: &str, to: &str| KeyRange {
        pk: "large".to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
    };
    let (items, _) = read_all(&store, &range("00100", "04400")).await.unwrap();
    assert!(items == made[100..=4400], "{} items", items.len());
    // From behind any key, also one that is not there any more.
    let page = store.query(&range("00000", "00020"), Some("00010")).await.unwrap();
    assert_eq!((page.items, page.next), (made[11..=20].to_vec(), None));
    store.delete(&made[10].key).await.unwrap();
    let page = store.query(&range("00000", "00020"), Some("00010")).await.unwrap();
    assert_eq!(page.items, made[11..=20]);
}

/// DynamoDB takes 25 at a time.
async fn many_are_put_at_once<S: Store>(store: S) {
    store.put_all(Vec::new()).await.unwrap();
    let items: Vec<Item> = (0..130)
        .map(|n| {
            let expires = (n % 3 == 0).then_some(1_800_000_000 + n);
            Item { expires, ..item(&format!("p{}", n % 4), &format!("{n:03}"), n.to_string()) }
        })
        .collect();
    store.put_all(items.clone()).await.unwrap();
    for rest in 0..4 {
        let expected: Vec<&Item> = items.iter().skip(rest).step_by(4).collect();
        let got = partition(&store, &format!("p{rest}")).await;
        assert_eq!(got.iter().collect::<Vec<_>>(), expected);
    }
}

async fn what_is_deleted_is_gone<S: Store>(store: S) {
    let items = ["1", "2", "3"].map(|sk| item("p", sk, sk));
    store.put_all(items.to_vec()).await.unwrap();
    store.delete(&items[1].key).await.unwrap();
    assert_eq!(found(&store, "p", " ", "~").await, ["1", "3"]);
    // Nothing there: nothing happens.
    store.delete(&items[1].key).await.unwrap();
    store.delete(&item("nobody", "1", "").key).await.unwrap();
    assert_eq!(found(&store, "p", " ", "~").await, ["1", "3"]);
    let again = store.put_if_absent(items[1].clone()).await.unwrap();
    assert_eq!(again, PutOutcome::Inserted);
}

async fn every_value_comes_back<S: Store>(store: S) {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let large = all_bytes.iter().copied().cycle().take(390_000).collect();
    let values = [Vec::new(), vec![0], vec![255; 3], all_bytes, large];
    let expiries = [None, Some(1), Some(1_795_352_706), Some(i64::from(i32::MAX) + 1)];
    for (v, value) in values.iter().enumerate() {
        for (e, expires) in expiries.into_iter().enumerate() {
            let key = Key { pk: "p".to_owned(), sk: format!("{v}{e}") };
            let stored = Item { key: key.clone(), value: value.clone(), expires };
            store.put(stored.clone()).await.unwrap();
            let page = store.query(&KeyRange::one(&key), None).await.unwrap();
            assert!(page.items == [stored], "{} bytes, expiry {expires:?}", value.len());
        }
    }
}

async fn keys_may_be_any_text<S: Store>(store: S) {
    let texts =
        ["é", "e\u{301}", "שלום", "👩‍💻", "日本", "a'b\"c\\d", "x\u{0}y", "\n", "#", "<b>", " a "];
    for text in texts {
        store.put(item(text, text, text)).await.unwrap();
    }
    for text in texts {
        // As composed and as decomposed, é is not the same: no store may make one of them.
        let stored = item(text, text, text);
        let (items, _) = read_all(&store, &KeyRange::one(&stored.key)).await.unwrap();
        assert_eq!(items, [stored], "{text:?}");
    }
}

/// The cases above, once for each store.
macro_rules! suite {
    ($($case:ident),* $(,)?) => {
        mod embedded {
            use super::*;

            $(
                #[tokio::test]
                async fn $case() {
                    let folder = TempDir::new().unwrap();
                    super::$case(Embedded::open(folder.path()).unwrap()).await;
                }
            )*
        }

        mod dynamodb {
            use super::*;

            $(
                #[tokio::test]
                #[ignore = "needs DynamoDB Local: run cargo xtask test"]
                async fn $case() {
                    super::$case(dynamodb_local::table(stringify!($case)).await.0).await;
                }
            )*
        }
    };
}

suite! {
    what_is_put_is_read,
    a_put_replaces,
    the_same_put_twice_is_one_item,
    put_if_absent_leaves_what_is_there,
    a_replacement_is_for_one_value,
    of_twenty_at_once_one_wins,
    ranges_include_both_ends,
    pages_are_followed_to_the_end,
    many_are_put_at_once,
    what_is_deleted_is_gone,
    every_value_comes_back,
    keys_may_be_any_text,
}

// The embedded store: a folder and a disk.

const FILE: &str = "footfall.redb";

/// Opening `folder` is refused, and the message says all of `expected`.
fn refused(folder: &Path, expected: &[&str]) {
    match Embedded::open(folder) {
        Ok(_) => panic!("{} was opened", folder.display()),
        Err(StoreError::Unavailable(message)) => panic!("it will not pass: {message}"),
        Err(StoreError::Refused(message)) => {
            for part in expected {
                assert!(message.contains(part), "{message:?} should say {part:?}");
            }
        }
    }
}

#[tokio::test]
async fn data_is_there_after_reopening() {
    let folder = TempDir::new().unwrap();
    // The folder, and the one above it, are made.
    let folder = folder.path().join("a/b");
    for n in 0..3 {
        // The last one has closed its files when it was dropped, not a moment later.
        let store = Embedded::open(&folder).unwrap();
        assert_eq!(partition(&store, "p").await.len(), n);
        store.put(item("p", &n.to_string(), "x")).await.unwrap();
    }
}

#[test]
fn a_folder_is_opened_once() {
    let folder = TempDir::new().unwrap();
    let _open = Embedded::open(folder.path()).unwrap();
    refused(folder.path(), &[FILE, "in use by another `cargo xtask dev`", "--data"]);
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let database = Database::create(folder.path().join(FILE)).unwrap();
    let write = database.begin_write().unwrap();
    write
        .open_table(TableDefinition::<&str, u64>::new("meta"))
        .unwrap()
        .insert("format", 2)
        .unwrap();
    write.commit().unwrap();
    drop(database);
    let expected = ["newer Footfall", "format 2", "knows 1", "update", "--data"];
    refused(folder.path(), &expected);
    // It says the same again: the first look has changed nothing.
    refused(folder.path(), &expected);
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let check = |what: &str, content: &[u8]| {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, content).unwrap();
        refused(folder.path(), &["cannot open", FILE, "--data"]);
        assert!(fs::read(&file).unwrap() == content, "{what} was changed");
    };
    check("a short text", b"my notes");
    check("garbage", &b"garbage!".repeat(8192));
    // A store of which the second half is lost.
    let folder = TempDir::new().unwrap();
    drop(Embedded::open(folder.path()).unwrap());
    let file = folder.path().join(FILE);
    let whole = fs::read(&file).unwrap();
    check("half a store", &whole[..whole.len() / 2]);
}

#[test]
fn a_file_is_no_folder() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, "my notes").unwrap();
    refused(&file, &["cannot create the folder", "--data"]);
    refused(&file.join("below"), &["cannot create the folder", "--data"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "my notes");
}

#[tokio::test]
async fn a_sweep_deletes_only_what_expired() {
    let folder = TempDir::new().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    let expiring = |sk: &str, expires| Item { expires, ..item("p", sk, sk) };
    let items = [
        expiring("long ago", Some(1)),
        expiring("just", Some(999)),
        expiring("now", Some(1000)),
        expiring("later", Some(1001)),
        expiring("never", None),
    ];
    store.put_all(items.to_vec()).await.unwrap();
    assert_eq!(store.sweep(1000).await.unwrap(), 2);
    assert_eq!(found(&store, "p", " ", "~").await, ["later", "never", "now"]);
    assert_eq!(store.sweep(1000).await.unwrap(), 0);
    assert_eq!(store.sweep(i64::MAX - 1).await.unwrap(), 2);
    assert_eq!(found(&store, "p", " ", "~").await, ["never"]);
}

/// redb alone leaves what was deleted in the file, more than once: first, that is seen.
#[tokio::test]
async fn what_was_deleted_is_in_no_file_after_compaction() {
    let folder = TempDir::new().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    let secret = b"a secret of a day";
    let times = || {
        let files = fs::read_dir(folder.path()).unwrap();
        let bytes = files.flat_map(|file| fs::read(file.unwrap().path()).unwrap());
        let bytes: Vec<u8> = bytes.collect();
        bytes.windows(secret.len()).filter(|window| window == secret).count()
    };
    let kept: Vec<Item> = (0..3000).map(|n| item("p", &format!("{n:04}"), vec![7; 100])).collect();
    store.put(item("salt", "1", secret.to_vec())).await.unwrap();
    for some in kept.chunks(300) {
        store.put_all(some.to_vec()).await.unwrap();
    }
    store.delete(&item("salt", "1", "").key).await.unwrap();
    assert!(times() > 0, "redb leaves nothing any more: then `compact` is not needed");

    let writes = (0..50).map(|n| store.put(item("q", &format!("{n:02}"), "during")));
    let (compacted, written) = tokio::join!(store.compact(Partition::Salts), join_all(writes));
    compacted.unwrap();
    written.into_iter().for_each(Result::unwrap);
    store.compact(Partition::Salts).await.unwrap();
    assert_eq!(times(), 0);
    assert_eq!(partition(&store, "salt").await, []);
    assert_eq!(partition(&store, "p").await, kept);
    assert_eq!(partition(&store, "q").await.len(), 50);
    // It is still this store's alone, and goes on.
    refused(folder.path(), &["in use by another"]);
    store.put(item("salt", "2", "x")).await.unwrap();
    let files: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
}

/// Folders of earlier versions have the salts with the hits, where to destroy them would be to write all hits anew.
#[tokio::test]
async fn salts_that_lay_with_the_hits_are_moved() {
    let folder = TempDir::new().unwrap();
    let secret = b"a secret of a day";
    let database = Database::create(folder.path().join(FILE)).unwrap();
    let write = database.begin_write().unwrap();
    {
        let items: TableDefinition<(&str, &str), (i64, &[u8])> = TableDefinition::new("items");
        let mut items = write.open_table(items).unwrap();
        items.insert(("salt", "2026-11-22"), (9, &secret[..])).unwrap();
        items.insert(("p", "1"), (i64::MAX, &b"kept"[..])).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    for time in ["first", "second"] {
        let store = Embedded::open(folder.path()).unwrap();
        let salts = partition(&store, "salt").await;
        assert_eq!(salts[0].value, secret, "{time}");
        assert_eq!((salts.len(), salts[0].expires), (1, Some(9)), "{time}");
        assert_eq!(partition(&store, "p").await, [item("p", "1", "kept")], "{time}");
        let bytes = fs::read(folder.path().join(FILE)).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{time}");
    }
}

/// Ended in between, the store is as it was, and the next compaction starts over.
#[tokio::test]
async fn failed_compaction_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    store.put(item("p", "1", "kept")).await.unwrap();
    let new = folder.path().join("footfall.redb.new");
    fs::create_dir(&new).unwrap();
    assert!(matches!(store.compact(Partition::Hits).await, Err(StoreError::Unavailable(_))));
    assert_eq!(partition(&store, "p").await, [item("p", "1", "kept")]);
    fs::remove_dir(&new).unwrap();
    // Left behind by a compaction that was killed.
    fs::write(&new, "half a file").unwrap();
    store.compact(Partition::Hits).await.unwrap();
    fs::write(&new, "half a file").unwrap();
    drop(store);
    let store = Embedded::open(folder.path()).unwrap();
    assert!(!new.exists());
    assert_eq!(partition(&store, "p").await, [item("p", "1", "kept")]);
}

/// A disk of 4 MB, while the test runs.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where this process may not mount one.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=4m", "footfall-test"];
        let mounted = Command::new("mount").args(mount).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a test that failed may still have the store open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_recovers() {
    let Some(disk) = SmallDisk::mount() else {
        println!("SKIPPED: no disk can be mounted here; tests/dev.rs fills one by another limit");
        return;
    };
    let folder = disk.0.path();
    // Another's file, which is in the way, and goes later.
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![1; 1_500_000]).unwrap();
    let store = Embedded::open(&folder.join("data")).unwrap();
    let mut acknowledged = Vec::new();
    let error = loop {
        let new = item("p", &format!("{:06}", acknowledged.len()), vec![7; 20_000]);
        match store.put(new.clone()).await {
            Ok(()) => acknowledged.push(new),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 1000, "the disk does not get full");
    };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(!acknowledged.is_empty());
    // It goes on saying so, and what was acknowledged can be read meanwhile.
    for n in 0..3 {
        let again = store.put(item("q", &n.to_string(), vec![7; 200_000])).await;
        assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
    }
    assert!(partition(&store, "p").await == acknowledged, "while the disk is full");
    println!("{} items of 20 KB fit; then: {error}", acknowledged.len());
    // There is room again.
    fs::remove_file(&ballast).unwrap();
    let after = item("q", "after", "x");
    store.put(after.clone()).await.unwrap();
    assert!(partition(&store, "p").await == acknowledged, "what was acknowledged is there");
    assert_eq!(partition(&store, "q").await, [after], "what was refused is not");
}

// DynamoDB: its limits.

/// The domain's largest length, 253 bytes.
fn longest_domain() -> String {
    [63, 63, 63, 61].map(|length| "a".repeat(length)).join(".")
}

/// Bodies that are as large as what a client may send, or hostile in other ways.
fn hostile_bodies(host: &str) -> Vec<(&'static str, String)> {
    let page = |path: &str| format!("https://{host}{path}");
    let props = |value: &str| -> serde_json::Map<String, serde_json::Value> {
        (0..30).map(|n| (format!("{value:.40}{n}"), value.into())).collect()
    };
    let escapes = "\"\\".repeat(1000);
    let crabs = "🦀".repeat(300);
    let everything = |text: &str| {
        serde_json::json!({
            "n": text.chars().take(30).collect::<String>(),
            "u": page(&format!(
                "/{text}?utm_source={text}&utm_medium={text}&utm_campaign={text}&utm_term={text}&utm_content={text}"
            )),
            "r": format!("https://elsewhere.example/{text}"),
            "p": props(text),
            "w": 1280,
            "z": "America/Argentina/ComodRivadavia",
        })
        .to_string()
    };
    let simple = |url: String| serde_json::json!({ "u": url }).to_string();
    let engagement = |path: &str| {
        let (n, sd, e) = ("engagement", 100, 21_600_000);
        serde_json::json!({ "n": n, "u": page(path), "h": 1, "sd": sd, "e": e }).to_string()
    };
    vec![
        ("an ordinary view", simple(page("/posts/rust-on-lambda?utm_source=newsletter"))),
        ("a path of 8 KB", simple(page(&format!("/{}", "p".repeat(8192))))),
        ("a utm_source of 4 KB", simple(page(&format!("/?utm_source={}", "s".repeat(4096))))),
        (
            "a utm_source of 4 KB beside the address",
            serde_json::json!({ "url": page("/"), "utm_source": "s".repeat(4096) }).to_string(),
        ),
        (
            "30 properties of 2,000 bytes",
            serde_json::json!({ "n": "signup", "u": page("/"), "p": props(&"v".repeat(2000)) })
                .to_string(),
        ),
        ("quotes and backslashes everywhere", {
            let quotes: String = escapes.chars().take(400).collect();
            everything(&quotes)
        }),
        ("emoji everywhere", everything(&crabs)),
        ("right to left everywhere", everything(&"שלום".repeat(100))),
        ("controls everywhere", everything(&"\u{1}\u{2}\u{7f}x".repeat(100))),
        ("percent signs", simple(page(&format!("/{}", "%F0%9F%A6%80%".repeat(600))))),
        ("a long host and a long path", simple(page(&format!("/{}", "é".repeat(2000))))),
        ("an ordinary engagement", engagement("/posts/rust-on-lambda")),
        ("an engagement with a page of quotes", engagement(&format!("/#{}", "\"\\".repeat(1000)))),
    ]
}

/// What AWS bills for a put of what is stored.
async fn write_units(table: &str, item: &Item) -> f64 {
    let mut attributes = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(item.key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(item.key.sk.clone())),
        ("v".to_owned(), AttributeValue::B(Blob::new(item.value.clone()))),
    ]);
    if let Some(expires) = item.expires {
        attributes.insert("ttl".to_owned(), AttributeValue::N(expires.to_string()));
    }
    let put = dynamodb_local::sdk().put_item().table_name(table).set_item(Some(attributes));
    let answer = put.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    answer.consumed_capacity.unwrap().capacity_units.unwrap()
}

#[tokio::test]
#[ignore = "needs DynamoDB Local: run cargo xtask test"]
async fn a_hit_costs_one_write_unit() {
    let (store, table) = dynamodb_local::table("write-units").await;
    // The measure itself: our own count of an item's bytes is not under DynamoDB's.
    let mut full = Item { expires: Some(1_800_000_000), ..item("pk", "sk", "") };
    full.value = vec![1; WRITE_UNIT - Item::overhead(&full.key)];
    assert_eq!(write_units(&table, &full).await.to_string(), "1");
    full.value.extend([1; 16]);
    assert_eq!(write_units(&table, &full).await.to_string(), "2");
    store.delete(&full.key).await.unwrap();

    let mut sizes = Vec::new();
    for domain in ["example.com".to_owned(), longest_domain()] {
        let settings =
            Settings::from_yaml(&format!("sites: [{{domain: {domain}, engagement: true}}]"))
                .unwrap();
        let clock = Fixed::at("2026-11-22T13:05:06.789Z");
        let track = Ingest::new(settings, store.clone(), clock);
        let pk = format!("hit#{domain}#2026-11-22T13#00");
        for (n, (what, body)) in hostile_bodies(&domain).into_iter().enumerate() {
            let answer = track.handle(&request::post(body)).await;
            assert_eq!(
                answer.status(),
                202,
                "{what}: {:?}",
                String::from_utf8_lossy(answer.body())
            );
            let stored = partition(&store, &pk).await;
            assert_eq!(stored.len(), n + 1, "{what}");
            let stored = stored.last().unwrap();
            let kind = Kind::decode(&stored.value).unwrap();
            let is_engagement = matches!(kind, Kind::Engagement(_));
            assert_eq!(is_engagement, what.contains("engagement"), "{what}: {kind:?}");
            let units = write_units(&table, stored).await;
            let size = Item::overhead(&stored.key) + stored.value.len();
            println!("{units} write unit, {size:4} bytes: {what}, of a domain of {}", domain.len());
            assert_eq!(units.to_string(), "1", "{what}: {size} bytes");
            sizes.push(size);
        }
    }
    sizes.sort_unstable();
    let (min, median, max) = (sizes[0], sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    println!("bytes per item: {min} at least, {median} in the median, {max} at most");
    assert!(max <= WRITE_UNIT);
}
