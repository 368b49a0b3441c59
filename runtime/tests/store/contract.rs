//! The suite that every store passes.

use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::{Item, Key, KeyRange, PutOutcome, Store};
use footfall_testkit::dynamodb_local;
use footfall_testkit::store::{item, read_all};
use futures_util::future::join_all;
use tempfile::TempDir;

use super::{partition, sort_keys_in};

async fn reads_what_was_put<S: Store>(store: S) {
    assert_eq!(partition(&store, "p").await, []);
    let one = item("p", "1", "one");
    let two = item("p", "2", "two");
    store.put(two.clone()).await.unwrap();
    store.put(one.clone()).await.unwrap();
    assert_eq!(partition(&store, "p").await, [one.clone(), two]);
    assert_eq!(sort_keys_in(&store, "p", "1", "1").await, ["1"]);
    let page = store.query(&KeyRange::one(&one.key), None).await.unwrap();
    assert_eq!((page.items, page.next), (vec![one], None));
}

async fn put_replaces_an_item<S: Store>(store: S) {
    store.put(Item { expires: Some(7), ..item("p", "1", "a longer value before") }).await.unwrap();
    store.put(item("p", "1", "new")).await.unwrap();
    assert_eq!(partition(&store, "p").await, [item("p", "1", "new")]);
}

/// A client sends a put again if the answer to the first was lost.
async fn same_put_twice_is_one_item<S: Store>(store: S) {
    let hit =
        Item { expires: Some(1_800_000_000), ..item("hit#e.x#2026-11-22T13#00", "1#ab", "{}") };
    store.put(hit.clone()).await.unwrap();
    store.put(hit.clone()).await.unwrap();
    store.put_all(vec![hit.clone()]).await.unwrap();
    assert_eq!(partition(&store, "hit#e.x#2026-11-22T13#00").await, [hit]);
}

async fn put_if_absent_keeps_an_existing_item<S: Store>(store: S) {
    let first = Item { expires: Some(9), ..item("salt", "2026-11-22", "first") };
    assert_eq!(store.put_if_absent(first.clone()).await.unwrap(), PutOutcome::Inserted);
    // The same value counts as inserted, because a retry may find its own lost write.
    assert_eq!(store.put_if_absent(first.clone()).await.unwrap(), PutOutcome::Inserted);
    let second = item("salt", "2026-11-22", "second");
    let again = store.put_if_absent(second).await.unwrap();
    assert_eq!(again, PutOutcome::Existing(first.clone()));
    assert_eq!(partition(&store, "salt").await, [first]);
    let other = item("salt", "2026-11-23", "other");
    assert_eq!(store.put_if_absent(other).await.unwrap(), PutOutcome::Inserted);
}

async fn replace_requires_the_old_value<S: Store>(store: S) {
    let [one, two, three] = ["one", "two", "three"].map(|value| item("meta", "lock", value));
    // A missing item is not replaced, and not created.
    assert!(!store.compare_and_set(two.clone(), b"one").await.unwrap());
    assert_eq!(partition(&store, "meta").await, []);
    store.put(one.clone()).await.unwrap();
    assert!(!store.compare_and_set(three.clone(), b"two").await.unwrap());
    assert_eq!(partition(&store, "meta").await, [one]);
    assert!(store.compare_and_set(two.clone(), b"one").await.unwrap());
    // The same value counts as inserted, because a retry may find its own lost write.
    assert!(store.compare_and_set(two.clone(), b"one").await.unwrap());
    assert_eq!(partition(&store, "meta").await, [two]);
    // Large values, as segments have.
    let large = |byte| item("seg", "22#00", vec![byte; 390 * 1024]);
    store.put(large(1)).await.unwrap();
    assert!(store.compare_and_set(large(2), &large(1).value).await.unwrap());
    assert!(!store.compare_and_set(large(3), &large(1).value).await.unwrap());
    assert_eq!(partition(&store, "seg").await, [large(2)]);
}

async fn one_of_twenty_concurrent_puts_wins<S: Store>(store: S) {
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
    // In the order of their bytes, which differs from alphabetical order and from that of UTF-16.
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
    // Neighbouring partitions, which no range of "p" may include.
    store.put_all(["o", "p ", "p0", "pp", "P"].map(|pk| item(pk, "a", pk)).into()).await.unwrap();
    assert_eq!(sort_keys_in(&store, "p", " ", "\u{10ffff}").await, keys);
    let all = partition(&store, "p").await;
    assert_eq!(all.iter().map(|item| item.key.sk.as_str()).collect::<Vec<_>>(), keys);
    for (i, from) in keys.iter().enumerate() {
        for (j, to) in keys.iter().enumerate().skip(i) {
            assert_eq!(
                sort_keys_in(&store, "p", from, to).await,
                keys[i..=j],
                "{from:?} to {to:?}"
            );
        }
    }
    assert_eq!(sort_keys_in(&store, "p", "11", "19").await, [""; 0]);
    assert_eq!(sort_keys_in(&store, "p", "Aa", "aZ").await, ["B", "Z", "a"]);
    assert_eq!(sort_keys_in(&store, "missing", " ", "~").await, [""; 0]);
}

/// More than fits into one answer of DynamoDB (1 MB) or into one page of the embedded store.
async fn query_returns_every_page<S: Store>(store: S) {
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
    // A range that crosses pages.
    let range = |from: &str, to: &str| KeyRange {
        pk: "large".to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
    };
    let (items, _) = read_all(&store, &range("00100", "04400")).await.unwrap();
    assert!(items == made[100..=4400], "{} items", items.len());
    // A query can continue after any key, even after one that was deleted.
    let page = store.query(&range("00000", "00020"), Some("00010")).await.unwrap();
    assert_eq!((page.items, page.next), (made[11..=20].to_vec(), None));
    store.delete(&made[10].key).await.unwrap();
    let page = store.query(&range("00000", "00020"), Some("00010")).await.unwrap();
    assert_eq!(page.items, made[11..=20]);
}

/// DynamoDB takes at most 25 items per batch.
async fn put_all_stores_every_item<S: Store>(store: S) {
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

async fn delete_removes_an_item<S: Store>(store: S) {
    let items = ["1", "2", "3"].map(|sk| item("p", sk, sk));
    store.put_all(items.to_vec()).await.unwrap();
    store.delete(&items[1].key).await.unwrap();
    assert_eq!(sort_keys_in(&store, "p", " ", "~").await, ["1", "3"]);
    // Deleting a missing item is not an error.
    store.delete(&items[1].key).await.unwrap();
    store.delete(&item("missing", "1", "").key).await.unwrap();
    assert_eq!(sort_keys_in(&store, "p", " ", "~").await, ["1", "3"]);
    let again = store.put_if_absent(items[1].clone()).await.unwrap();
    assert_eq!(again, PutOutcome::Inserted);
}

async fn every_value_is_read_as_it_was_put<S: Store>(store: S) {
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

async fn keys_may_be_any_string<S: Store>(store: S) {
    let texts =
        ["é", "e\u{301}", "שלום", "👩‍💻", "日本", "a'b\"c\\d", "x\u{0}y", "\n", "#", "<b>", " a "];
    for text in texts {
        store.put(item(text, text, text)).await.unwrap();
    }
    for text in texts {
        // Composed and decomposed é are different keys. No store may normalize them.
        let stored = item(text, text, text);
        let (items, _) = read_all(&store, &KeyRange::one(&stored.key)).await.unwrap();
        assert_eq!(items, [stored], "{text:?}");
    }
}

/// Runs the cases above once for each store.
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
    reads_what_was_put,
    put_replaces_an_item,
    same_put_twice_is_one_item,
    put_if_absent_keeps_an_existing_item,
    replace_requires_the_old_value,
    one_of_twenty_concurrent_puts_wins,
    ranges_include_both_ends,
    query_returns_every_page,
    put_all_stores_every_item,
    delete_removes_an_item,
    every_value_is_read_as_it_was_put,
    keys_may_be_any_string,
}
