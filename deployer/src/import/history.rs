//! Earlier imports: an item for each, and lists of its files' fingerprints.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use anyhow::{Context as _, Result};
use footfall_infra::settings::Site;
use footfall_runtime::catalog::imports::{Import, ImportState};
use footfall_runtime::storage::import_id::ImportId;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::range_items;
use footfall_runtime::storage::{Item, Store};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Maximum number of files per list. Each needs about 100 bytes of an item's 400 KB.
const LIST: usize = 2000;

/// Bytes that are hashed at once.
const CHUNK: usize = 256 * 1024;

/// Length and hash of a file's decompressed content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) length: u64,
    pub(crate) sha256: String,
}

/// Result of scanning a file.
#[derive(Debug)]
pub(crate) struct ScanResult {
    pub(crate) fingerprint: Fingerprint,
    /// Total bytes, including an incomplete last line.
    pub(crate) all: u64,
    /// Length of the longest known beginning in bytes, and the import that has it.
    pub(crate) known: Option<(u64, ImportId)>,
}

/// The imports of a site.
#[derive(Debug, Default)]
pub struct History {
    /// The imports, finished or not.
    pub imports: BTreeMap<ImportId, Import>,
    /// The files of finished imports.
    known: BTreeMap<u64, HashMap<String, ImportId>>,
}

impl History {
    /// Reads the imports of a site.
    ///
    /// # Errors
    /// If the store fails or an item is invalid.
    pub async fn of<S: Store>(store: &S, site: &Site) -> Result<Self> {
        let mut history = Self::default();
        for item in range_items(store, &keys::site_meta(site)).await? {
            if let Some((_, id)) = keys::parse_import_key(&item.key) {
                history.imports.insert(id, Import::decode(&item)?);
            }
        }
        let finished = history.imports.iter().filter(|(_, it)| it.state == ImportState::Finished);
        let finished: Vec<ImportId> = finished.map(|(id, _)| *id).collect();
        for id in finished {
            for item in range_items(store, &keys::import_files(site, Some(id))).await? {
                let fingerprints: Vec<Fingerprint> = serde_json::from_slice(&item.value)
                    .with_context(|| format!("cannot read the item {}", item.key.sk))?;
                fingerprints.into_iter().for_each(|fingerprint| history.add(fingerprint, id));
            }
        }
        Ok(history)
    }

    /// Records that a file's content is imported.
    pub(crate) fn add(&mut self, fingerprint: Fingerprint, id: ImportId) {
        self.known.entry(fingerprint.length).or_default().insert(fingerprint.sha256, id);
    }

    /// Scans a file for known content. With `lines`, its fingerprint ends with the last complete line.
    pub(crate) fn scan(&self, input: &mut dyn BufRead, lines: bool) -> Result<ScanResult> {
        let (mut hash, mut length) = (Sha256::new(), 0_u64);
        // Up to the last complete line.
        let mut whole = (hash.clone(), 0);
        let mut lengths = self.known.iter().peekable();
        let mut found = None;
        let mut add = |bytes: &[u8], hash: &mut Sha256, length: &mut u64| {
            let mut bytes = bytes;
            while let Some((known, hashes)) = lengths.peek() {
                let Some(left) =
                    usize::try_from(**known - *length).ok().filter(|it| *it <= bytes.len())
                else {
                    break;
                };
                hash.update(&bytes[..left]);
                *length = **known;
                bytes = &bytes[left..];
                found = hashes.get(&hex(hash)).map(|id| (*length, *id)).or(found);
                lengths.next();
            }
            hash.update(bytes);
            *length += bytes.len() as u64;
        };
        loop {
            let bytes = input.fill_buf()?;
            let bytes = &bytes[..bytes.len().min(CHUNK)];
            if bytes.is_empty() {
                break;
            }
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            add(&bytes[..end], &mut hash, &mut length);
            if end > 0 {
                whole = (hash.clone(), length);
            }
            add(&bytes[end..], &mut hash, &mut length);
            let read = bytes.len();
            input.consume(read);
        }
        let all = length;
        let (hash, length) = if lines { whole } else { (hash, length) };
        let known = found.filter(|(known, _)| *known <= length);
        Ok(ScanResult { fingerprint: Fingerprint { length, sha256: hex(&hash) }, all, known })
    }

    /// Returns imports that were not finished, or not undone completely.
    pub(crate) fn leftovers(&self) -> Vec<ImportId> {
        let left = self.imports.iter().filter(|(_, import)| import.state != ImportState::Finished);
        left.map(|(id, _)| *id).collect()
    }
}

fn hex(hash: &Sha256) -> String {
    hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the item with an import's state.
pub(crate) fn import_item(site: &Site, id: ImportId, import: &Import) -> Result<Item> {
    let key = keys::import_key(site, id);
    Ok(Item { key, value: serde_json::to_vec(import)?, expires: None })
}

/// Returns the items with an import's fingerprints.
pub(crate) fn file_items(
    site: &Site,
    id: ImportId,
    fingerprints: &[Fingerprint],
) -> Result<Vec<Item>> {
    let lists = (0..).zip(fingerprints.chunks(LIST));
    let items = lists.map(|(number, list)| {
        let key = keys::import_files_key(site, id, number);
        Ok(Item { key, value: serde_json::to_vec(list)?, expires: None })
    });
    items.collect()
}

/// Undoes an import: first it stops counting, then it is deleted. If that is interrupted, another try or the
/// site's next import continues.
///
/// # Errors
/// If the store fails.
pub async fn undo<S: Store>(
    store: &S,
    site: &Site,
    id: ImportId,
    import: &Import,
    now: Timestamp,
) -> Result<()> {
    let undone = Import { state: ImportState::Undone, at: now, ..import.clone() };
    store.put(import_item(site, id, &undone)?).await?;
    for day in import.first.series(1.day()).take_while(|day| *day <= import.last) {
        for item in range_items(store, &keys::imported_segment(site, day, id)).await? {
            store.delete(&item.key).await?;
        }
    }
    for item in range_items(store, &keys::import_files(site, Some(id))).await? {
        store.delete(&item.key).await?;
    }
    store.delete(&keys::import_key(site, id)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(history: &History, text: &str, lines: bool) -> (Fingerprint, Option<u64>) {
        let ScanResult { fingerprint, known, all } =
            history.scan(&mut text.as_bytes(), lines).unwrap();
        assert_eq!(all, text.len() as u64);
        (fingerprint, known.map(|(length, _)| length))
    }

    #[test]
    fn finds_known_content_at_the_beginning() {
        let mut history = History::default();
        let id = ImportId::from_bytes([1; 6]);
        let (fingerprint, found) = scan(&history, "one\ntwo\n", true);
        assert_eq!((fingerprint.length, found), (8, None));
        history.add(fingerprint.clone(), id);
        assert_eq!(scan(&history, "one\ntwo\n", true), (fingerprint.clone(), Some(8)));
        assert_eq!(scan(&history, "one\ntwo\nthree\n", true).1, Some(8));
        // An incomplete line does not count yet.
        assert_eq!(scan(&history, "one\ntwo\nthr", true), (fingerprint, Some(8)));
        assert_eq!(scan(&history, "one\ntwo\nthr", false).0.length, 11);
        for other in ["one\nTWO\nthree\n", "one\n", "", "one\ntwo"] {
            assert_eq!(scan(&history, other, true).1, None, "{other}");
        }
        // The longest known beginning wins.
        history.add(scan(&history, "one\n", true).0, id);
        assert_eq!(scan(&history, "one\ntwo\nthree\n", true).1, Some(8));
        assert_eq!(scan(&history, "one\nelse\n", true).1, Some(4));
    }
}
