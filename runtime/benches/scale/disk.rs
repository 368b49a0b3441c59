//! A store in files. The process's memory is then that of a function, without the table's. Queries return pages of 1
//! MB and count units as DynamoDB does.
//!
//! One day stands for all days of the period, and one for all of the previous period. Read under another day's key,
//! it has that day's number of hits, with times within the same period.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};
use jiff::civil::Date;

/// Maximum size of a query's page in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>
const PAGE: usize = 1 << 20;

/// Bytes of a strongly consistent read unit.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
const UNIT: usize = 4096;

/// A store in files. Clones share it.
#[derive(Clone)]
pub(crate) struct Disk(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    /// Time up to which hits have arrived, in milliseconds.
    until: String,
    /// Days that stand for others, each from its date on.
    stands_for: Vec<(Date, Date)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Position of each sort key in its file, by partition and key.
    places: HashMap<Key, u64>,
    /// Segments by partition: sort keys and files.
    lists: HashMap<String, Arc<Vec<(String, PathBuf)>>>,
    read: Read,
    written: u64,
}

/// Everything that was read.
#[derive(Clone, Default)]
pub(crate) struct Read {
    pub(crate) bytes: u64,
    pub(crate) pages: u64,
    /// Read units by partition.
    pub(crate) units: HashMap<String, u64>,
}

/// Writes a partition's hits, which are in order, as they are stored.
pub(crate) fn write_hits(folder: &Path, pk: &str, items: impl Iterator<Item = Item>) {
    let path = folder.join("hits");
    fs::create_dir_all(&path).unwrap();
    let mut file = BufWriter::new(File::create(path.join(pk)).unwrap());
    for item in items {
        file.write_all(&(item.key.sk.len() as u16).to_le_bytes()).unwrap();
        file.write_all(&(item.value.len() as u16).to_le_bytes()).unwrap();
        file.write_all(item.key.sk.as_bytes()).unwrap();
        file.write_all(&item.value).unwrap();
    }
    file.flush().unwrap();
}

impl Disk {
    pub(crate) fn open(folder: &Path, until: i64, stands_for: Vec<(Date, Date)>) -> Self {
        let until = format!("{until:013}");
        let folder = folder.to_owned();
        Self(Arc::new(Inner { folder, until, stands_for, state: Mutex::default() }))
    }

    pub(crate) fn read(&self) -> Read {
        self.0.state.lock().unwrap().read.clone()
    }

    /// Write units used.
    pub(crate) fn written(&self) -> u64 {
        self.0.state.lock().unwrap().written
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.0.folder.join("items").join(&key.pk).join(&key.sk)
    }

    /// The next page of a partition's hits, from its file.
    fn hits(&self, range: &KeyRange, after: Option<&str>) -> Page {
        let Ok(mut file) = File::open(self.0.folder.join("hits").join(&range.pk)) else {
            return Page::default();
        };
        let key = |sk: &str| Key { pk: range.pk.clone(), sk: sk.to_owned() };
        let place = after.map_or(0, |sk| self.0.state.lock().unwrap().places[&key(sk)]);
        file.seek(SeekFrom::Start(place)).unwrap();
        let (mut file, mut place) = (BufReader::new(file), place);
        let (mut page, mut bytes) = (Page::default(), 0);
        let mut lengths = [0; 4];
        while file.read_exact(&mut lengths).is_ok() {
            let length = |at: usize| u16::from_le_bytes([lengths[at], lengths[at + 1]]) as usize;
            let (mut sk, mut value) = (vec![0; length(0)], vec![0; length(2)]);
            file.read_exact(&mut sk).unwrap();
            file.read_exact(&mut value).unwrap();
            place += 4 + (sk.len() + value.len()) as u64;
            let key = key(&String::from_utf8(sk).unwrap());
            if key.sk > range.to || key.sk > self.0.until {
                break;
            }
            if key.sk < range.from {
                continue;
            }
            bytes += Item::overhead(&key) + value.len();
            page.items.push(Item { key, value, expires: Some(i64::MAX) });
            if bytes >= PAGE {
                let last = &page.items.last().unwrap().key;
                page.next = Some(last.sk.clone());
                self.0.state.lock().unwrap().places.insert(last.clone(), place);
                break;
            }
        }
        self.count(&range.pk, bytes);
        page
    }

    /// A page of another partition, whose items have one file each.
    fn items(&self, range: &KeyRange, after: Option<&str>) -> Page {
        let list = self.list(&range.pk);
        let from = list.partition_point(|(sk, _)| match after {
            Some(after) => sk.as_str() <= after,
            None => *sk < range.from,
        });
        let (mut page, mut bytes) = (Page::default(), 0);
        for (sk, path) in list[from..].iter().take_while(|(sk, _)| *sk <= range.to) {
            if bytes >= PAGE {
                page.next = page.items.last().map(|item: &Item| item.key.sk.clone());
                break;
            }
            let key = Key { pk: range.pk.clone(), sk: sk.clone() };
            let value = fs::read(path).unwrap();
            bytes += Item::overhead(&key) + value.len();
            page.items.push(Item { key, value, expires: None });
        }
        self.count(&range.pk, bytes);
        page
    }

    fn count(&self, pk: &str, bytes: usize) {
        let read = &mut self.0.state.lock().unwrap().read;
        read.pages += 1;
        read.bytes += bytes as u64;
        *read.units.entry(pk.to_owned()).or_default() += bytes.div_ceil(UNIT).max(1) as u64;
    }

    fn list(&self, pk: &str) -> Arc<Vec<(String, PathBuf)>> {
        if let Some(list) = self.0.state.lock().unwrap().lists.get(pk) {
            return Arc::clone(list);
        }
        let mut list: BTreeMap<String, PathBuf> = self.files(pk, |_| true).collect();
        let month = pk.rsplit_once('#').map(|(_, month)| month);
        let first = month.and_then(|month| format!("{month}-01").parse::<Date>().ok());
        for day in first.iter().flat_map(|first| first.series(jiff::Span::new().days(1))) {
            if first.is_some_and(|first| day.month() != first.month()) {
                break;
            }
            // The last position that is not past the key.
            let other = self.0.stands_for.iter().rev().find(|(from, _)| *from <= day);
            let Some((_, other)) = other.filter(|(_, other)| *other != day) else { continue };
            let (name, start) = (format!("{:02}#", day.day()), format!("{:02}#", other.day()));
            let pk = pk.replace(month.unwrap_or_default(), &other.strftime("%Y-%m").to_string());
            let files = self.files(&pk, |sk| sk.starts_with(&start));
            list.retain(|sk, _| !sk.starts_with(&name));
            list.extend(files.map(|(sk, path)| (sk.replacen(&start, &name, 1), path)));
        }
        let list = Arc::new(list.into_iter().collect::<Vec<_>>());
        self.0.state.lock().unwrap().lists.insert(pk.to_owned(), Arc::clone(&list));
        list
    }

    fn files(
        &self,
        pk: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (String, PathBuf)> {
        let files = fs::read_dir(self.0.folder.join("items").join(pk)).into_iter().flatten();
        let files = files.map(|file| file.unwrap());
        let files = files.map(|file| (file.file_name().into_string().unwrap(), file.path()));
        files.filter(move |(sk, _)| is_wanted(sk))
    }
}

impl Store for Disk {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        let path = self.path(&item.key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &item.value).unwrap();
        let bytes = Item::overhead(&item.key) + item.value.len();
        let state = &mut self.0.state.lock().unwrap();
        state.written += bytes.div_ceil(1024) as u64;
        state.lists.remove(&item.key.pk);
        Ok(())
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for item in items {
            self.put(item).await?;
        }
        Ok(())
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        if let Ok(value) = fs::read(self.path(&item.key)) {
            return Ok(PutOutcome::Existing(Item { value, ..item }));
        }
        self.put(item).await.map(|()| PutOutcome::Inserted)
    }

    async fn compare_and_set(&self, item: Item, _old: &[u8]) -> Result<bool, StoreError> {
        self.put(item).await.map(|()| true)
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        // Concurrent queries are in flight together and in memory together, as over a network.
        tokio::task::yield_now().await;
        let is_of_hits = range.pk.starts_with("hit#");
        Ok(if is_of_hits { self.hits(range, after) } else { self.items(range, after) })
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let path = self.path(key);
        let state = &mut self.0.state.lock().unwrap();
        let bytes = fs::metadata(&path).map_or(0, |file| file.len()) + Item::overhead(key) as u64;
        state.written += bytes.div_ceil(1024);
        state.lists.remove(&key.pk);
        let _ = fs::remove_file(path);
        Ok(())
    }
}
