//! Items, and reading whole ranges of a store.

use footfall_runtime::storage::{Item, Key, KeyRange, Store, StoreError};

/// Returns an item that never expires.
pub fn item(pk: &str, sk: &str, value: impl Into<Vec<u8>>) -> Item {
    let key = Key { pk: pk.to_owned(), sk: sk.to_owned() };
    Item { key, value: value.into(), expires: None }
}

/// Reads every page of a range: the items, and the number of pages.
pub async fn read_all<S: Store>(
    store: &S,
    range: &KeyRange,
) -> Result<(Vec<Item>, usize), StoreError> {
    let (mut items, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = store.query(range, after.as_deref()).await?;
        items.extend(page.items);
        pages += 1;
        after = page.next;
        if after.is_none() {
            return Ok((items, pages));
        }
        assert!(pages < 10_000, "more than 10,000 pages in {range:?}");
    }
}
