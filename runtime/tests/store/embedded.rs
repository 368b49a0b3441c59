//! The embedded store: its folder, formats, purges and a full disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use footfall_infra::stack::Partition;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::{Item, Store as _, StoreError};
use footfall_testkit::store::item;
use futures_util::future::join_all;
use redb::{Database, TableDefinition};
use tempfile::TempDir;

use super::{partition, sort_keys_in};

const FILE: &str = "footfall.redb";

/// Asserts that `folder` cannot be opened, and that the message contains all of `expected`.
fn assert_cannot_open(folder: &Path, expected: &[&str]) {
    match Embedded::open(folder) {
        Ok(_) => panic!("{} was opened", folder.display()),
        Err(StoreError::Unavailable(message)) => panic!("not a lasting error: {message}"),
        Err(StoreError::Refused(message)) => {
            for part in expected {
                assert!(message.contains(part), "{message:?} should say {part:?}");
            }
        }
    }
}

#[tokio::test]
async fn keeps_data_after_reopening() {
    let folder = TempDir::new().unwrap();
    // The folder and its parent are created.
    let folder = folder.path().join("a/b");
    for n in 0..3 {
        // Dropping a store closes its files at once.
        let store = Embedded::open(&folder).unwrap();
        assert_eq!(partition(&store, "p").await.len(), n);
        store.put(item("p", &n.to_string(), "x")).await.unwrap();
    }
}

#[test]
fn folder_can_be_opened_only_once() {
    let folder = TempDir::new().unwrap();
    let _open = Embedded::open(folder.path()).unwrap();
    assert_cannot_open(folder.path(), &[FILE, "in use by another `cargo xtask dev`", "--data"]);
}

#[test]
fn rejects_newer_format_and_leaves_it_unchanged() {
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
    assert_cannot_open(folder.path(), &expected);
    // The same again, because the first attempt changed nothing.
    assert_cannot_open(folder.path(), &expected);
}

#[test]
fn rejects_other_files_and_leaves_them_unchanged() {
    let check = |what: &str, content: &[u8]| {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, content).unwrap();
        assert_cannot_open(folder.path(), &["cannot open", FILE, "--data"]);
        assert!(fs::read(&file).unwrap() == content, "{what} was changed");
    };
    check("a short text", b"my notes");
    check("garbage", &b"garbage!".repeat(8192));
    // A store whose second half is lost.
    let folder = TempDir::new().unwrap();
    drop(Embedded::open(folder.path()).unwrap());
    let file = folder.path().join(FILE);
    let whole = fs::read(&file).unwrap();
    check("half a store", &whole[..whole.len() / 2]);
}

#[test]
fn rejects_a_file_in_place_of_the_folder() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, "my notes").unwrap();
    assert_cannot_open(&file, &["cannot create the folder", "--data"]);
    assert_cannot_open(&file.join("below"), &["cannot create the folder", "--data"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "my notes");
}

#[tokio::test]
async fn sweep_deletes_only_expired_items() {
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
    assert_eq!(sort_keys_in(&store, "p", " ", "~").await, ["later", "never", "now"]);
    assert_eq!(store.sweep(1000).await.unwrap(), 0);
    assert_eq!(store.sweep(i64::MAX - 1).await.unwrap(), 2);
    assert_eq!(sort_keys_in(&store, "p", " ", "~").await, ["never"]);
}

/// redb leaves deleted values in its file. The test first asserts that, because otherwise `purge` is not needed.
#[tokio::test]
async fn deleted_values_are_in_no_file_after_compaction() {
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
    assert!(times() > 0, "redb leaves no deleted values, so `purge` is not needed");

    let writes = (0..50).map(|n| store.put(item("q", &format!("{n:02}"), "during")));
    let (compacted, written) = tokio::join!(store.compact(Partition::Salts), join_all(writes));
    compacted.unwrap();
    written.into_iter().for_each(Result::unwrap);
    store.compact(Partition::Salts).await.unwrap();
    assert_eq!(times(), 0);
    assert_eq!(partition(&store, "salt").await, []);
    assert_eq!(partition(&store, "p").await, kept);
    assert_eq!(partition(&store, "q").await.len(), 50);
    // The store is still locked, and still works.
    assert_cannot_open(folder.path(), &["in use by another"]);
    store.put(item("salt", "2", "x")).await.unwrap();
    let files: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
}

/// Earlier versions stored salts beside the hits, where destroying them would mean to rewrite all hits.
#[tokio::test]
async fn moves_salts_out_of_the_file_of_the_hits() {
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

/// After an interrupted purge, the store is unchanged and the next purge starts afresh.
#[tokio::test]
async fn failed_purge_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    store.put(item("p", "1", "kept")).await.unwrap();
    let new = folder.path().join("footfall.redb.new");
    fs::create_dir(&new).unwrap();
    assert!(matches!(store.compact(Partition::Hits).await, Err(StoreError::Unavailable(_))));
    assert_eq!(partition(&store, "p").await, [item("p", "1", "kept")]);
    fs::remove_dir(&new).unwrap();
    // The file that a killed purge leaves behind.
    fs::write(&new, "half a file").unwrap();
    store.compact(Partition::Hits).await.unwrap();
    fs::write(&new, "half a file").unwrap();
    drop(store);
    let store = Embedded::open(folder.path()).unwrap();
    assert!(!new.exists());
    assert_eq!(partition(&store, "p").await, [item("p", "1", "kept")]);
}

/// A disk of 4 MB, mounted while the test runs.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts the disk. `None` if this process may not mount one.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=4m", "footfall-test"];
        let mounted = Command::new("mount").args(mount).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a failed test may still have the store open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn loses_nothing_on_a_full_disk_and_recovers() {
    let Some(disk) = SmallDisk::mount() else {
        println!("SKIPPED: cannot mount a disk here; tests/dev fills one by another limit");
        return;
    };
    let folder = disk.0.path();
    // A file that takes up space, and is deleted later.
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
        assert!(acknowledged.len() < 1000, "the disk does not fill up");
    };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(!acknowledged.is_empty());
    // Further puts fail as well, and acknowledged items can still be read.
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
    assert!(partition(&store, "p").await == acknowledged, "acknowledged items are lost");
    assert_eq!(partition(&store, "q").await, [after], "a rejected item was stored");
}
