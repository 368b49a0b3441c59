//! The store on one machine: redb, in a folder. For `dev` and for tests.
//!
//! One thread writes a file. It takes all that waits for it into one transaction, so that a hundred hits
//! at once cost one `fsync` and not a hundred (group commit), and answers when they are durable.
//!
//! The salts have a file of their own, as they have a table of their own in AWS: what is destroyed of them is
//! destroyed by writing that small file anew, and not the one with all hits, for which hits would wait.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::{fs, io};

use footfall_infra::stack::Partition;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::oneshot;

use super::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};

/// `(pk, sk)` to the expiry in seconds since 1970 (`i64::MAX` for none) and the value.
const ITEMS: TableDefinition<(&str, &str), (i64, &[u8])> = TableDefinition::new("items");

/// What the folder is: `format` to its number.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The format that this version writes. A newer one is refused, not guessed at.
const FORMAT: u64 = 1;

const FILE: &str = "footfall.redb";
const SALTS: &str = "salts.redb";
const NO_EXPIRY: i64 = i64::MAX;

/// The most writes in one transaction, and items in one page.
const BATCH: usize = 4096;

/// How much of the file is kept in memory, in bytes. What is not is in the system's own cache; redb would take 1 GiB.
const CACHE: usize = 64 * 1024 * 1024;

/// A store in a folder. Clones share it; when the last of them is dropped, its files are closed.
#[derive(Clone)]
pub struct Embedded {
    items: File,
    salts: File,
}

/// One of its files, and the thread that writes it.
#[derive(Clone)]
struct File {
    // Dropped before the writer, whose end closes the file.
    database: Shared,
    writer: Arc<Writer>,
}

/// The thread that writes a file: `None` only while it is dropped, which waits for the thread's end.
struct Writer {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// `None` only while the file is opened anew after a failure, or could not be.
type Shared = Arc<RwLock<Option<Database>>>;

/// The table of items, in the transaction of the writing thread.
type Items<'t> = redb::Table<'t, (&'static str, &'static str), (i64, &'static [u8])>;

/// What the writing thread is asked to do.
enum Order {
    /// A change, which may share its transaction with others.
    Write(Box<dyn Job>),
    /// To write the file anew, without what was deleted before; and who waits for that.
    Purge(oneshot::Sender<Result<(), StoreError>>),
}

/// A write that waits for the writing thread.
trait Job: Send {
    /// Makes the change within a transaction.
    fn apply(&mut self, items: &mut Items<'_>) -> Result<(), redb::Error>;

    /// Answers, once the transaction is durable or has failed.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

/// A change, what came of it, and who waits for that.
struct Change<T, F> {
    apply: F,
    outcome: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Change<T, F>
where
    T: Send,
    F: FnMut(&mut Items<'_>) -> Result<T, redb::Error> + Send,
{
    fn apply(&mut self, items: &mut Items<'_>) -> Result<(), redb::Error> {
        self.outcome = Some((self.apply)(items)?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { outcome, reply, .. } = *self;
        let outcome = result.and_then(|()| outcome.ok_or_else(|| unavailable("not applied")));
        // Whoever asked may have gone away; what is written is written.
        drop(reply.send(outcome));
    }
}

impl Embedded {
    /// Opens the store in `folder`, and makes both if they are not there.
    ///
    /// # Errors
    /// If the folder cannot be written, another process has it open, or a newer version wrote it.
    /// The message says what to do.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| {
            StoreError::Refused(format!(
                "cannot make the folder {}: {error}; choose another with --data",
                folder.display()
            ))
        })?;
        let (items, salts) = (folder.join(FILE), folder.join(SALTS));
        let items = (open(&items)?, items);
        let salts = (open(&salts)?, salts);
        let items = move_salts(items, &salts.0)?;
        Ok(Self { items: File::start(items)?, salts: File::start(salts)? })
    }

    /// Whether there is a store in `folder`.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Deletes what expired before `now`, in seconds since 1970, and says how much it was.
    ///
    /// It looks for it beside the writing threads, and deletes it in pieces: hits wait for none of that.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if a file cannot be read or written.
    pub async fn sweep(&self, now: i64) -> Result<usize, StoreError> {
        Ok(self.items.sweep(now).await? + self.salts.sweep(now).await?)
    }

    /// The file that has a partition.
    fn file_of(&self, partition: &str) -> &File {
        if is_salts(partition) { &self.salts } else { &self.items }
    }
}

fn is_salts(partition: &str) -> bool {
    partition == Partition::Salts.pattern()
}

impl File {
    /// Starts the thread that writes.
    fn start((database, file): (Database, PathBuf)) -> Result<Self, StoreError> {
        let database = Arc::new(RwLock::new(Some(database)));
        // A purge that was cut off has left it; if it cannot be removed, the next purge says so.
        let _ = removed(&anew(&file));
        let (orders, queue) = channel();
        let shared = Arc::clone(&database);
        let thread = std::thread::Builder::new()
            .name("footfall-writer".to_owned())
            .spawn(move || write(&queue, &shared, &file))
            .map_err(unavailable)?;
        let writer = Writer { orders: Some(orders), thread: Some(thread) };
        Ok(Self { database, writer: Arc::new(writer) })
    }

    async fn sweep(&self, now: i64) -> Result<usize, StoreError> {
        let (mut swept, mut after) = (0, None);
        loop {
            let expired = self.read(move |database| expired(database, now, after.as_ref())).await?;
            after = expired.last().cloned();
            if after.is_none() {
                return Ok(swept);
            }
            swept += self.change(move |items| remove_expired(items, now, &expired)).await?;
        }
    }

    /// Reads, on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        let read = move || {
            let database = database.read().unwrap_or_else(PoisonError::into_inner);
            let database = database.as_ref().ok_or_else(|| unavailable("it is being reopened"))?;
            read(database).map_err(unavailable)
        };
        tokio::task::spawn_blocking(read).await.map_err(unavailable)?
    }

    /// Hands a change to the writing thread, and waits until it is durable.
    async fn change<T: Send + 'static>(
        &self,
        apply: impl FnMut(&mut Items<'_>) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Change { apply, outcome: None, reply });
        self.writer.send(Order::Write(job))?;
        answer.await.map_err(|_| gone())?
    }

    async fn put_all(&self, new: Vec<Item>) -> Result<(), StoreError> {
        self.change(move |items| new.iter().try_for_each(|item| insert(items, item))).await
    }

    /// redb leaves the bytes of what was deleted in the file, until it needs the room: the file is written
    /// anew. Writes to it wait meanwhile.
    async fn compact(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(Order::Purge(reply))?;
        answer.await.map_err(|_| gone())?
    }
}

impl Writer {
    fn send(&self, order: Order) -> Result<(), StoreError> {
        self.orders.as_ref().and_then(|orders| orders.send(order).ok()).ok_or_else(gone)
    }
}

impl Drop for Writer {
    /// Waits until what is asked for is written and the file is closed: whoever opens it next can.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has closed the file too, and has said so.
            let _ = thread.join();
        }
    }
}

impl Store for Embedded {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.file_of(&item.key.pk).put_all(vec![item]).await
    }

    async fn put_all(&self, new: Vec<Item>) -> Result<(), StoreError> {
        let (salts, items): (Vec<Item>, _) = new.into_iter().partition(|it| is_salts(&it.key.pk));
        if !salts.is_empty() {
            self.salts.put_all(salts).await?;
        }
        self.items.put_all(items).await
    }

    async fn put_if_absent(&self, new: Item) -> Result<PutOutcome, StoreError> {
        let file = self.file_of(&new.key.pk);
        file.change(move |items| {
            let key = (new.key.pk.as_str(), new.key.sk.as_str());
            let found = items.get(key)?.map(|value| item(key, value.value()));
            match found.filter(|found| found.value != new.value) {
                Some(found) => Ok(PutOutcome::Existing(found)),
                None => insert(items, &new).map(|()| PutOutcome::Inserted),
            }
        })
        .await
    }

    async fn compare_and_set(&self, new: Item, old: &[u8]) -> Result<bool, StoreError> {
        let (file, old) = (self.file_of(&new.key.pk), old.to_vec());
        file.change(move |items| {
            let key = (new.key.pk.as_str(), new.key.sk.as_str());
            let found = items.get(key)?.map(|value| value.value().1.to_vec());
            let is_old = found.is_some_and(|found| found == old || found == new.value);
            if is_old {
                insert(items, &new)?;
            }
            Ok(is_old)
        })
        .await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        let file = self.file_of(&range.pk);
        let (range, after) = (range.clone(), after.map(str::to_owned));
        file.read(move |database| page(database, &range, after.as_deref())).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let (file, key) = (self.file_of(&key.pk), key.clone());
        file.change(move |items| {
            items.remove((key.pk.as_str(), key.sk.as_str()))?;
            Ok(())
        })
        .await
    }

    async fn compact(&self, of: Partition) -> Result<(), StoreError> {
        self.file_of(of.pattern()).compact().await
    }
}

fn gone() -> StoreError {
    unavailable("the writing thread has ended")
}

fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// Opens the file, checks its format, and makes its tables.
fn open(file: &Path) -> Result<Database, StoreError> {
    let refused = |what: String| Err(StoreError::Refused(what));
    let shown = file.display();
    let database = match Database::builder().set_cache_size(CACHE).create(file) {
        Ok(database) => database,
        Err(DatabaseError::DatabaseAlreadyOpen) => {
            return refused(format!(
                "{shown} is in use by another `cargo xtask dev`; stop that one, or choose another \
                 folder with --data"
            ));
        }
        Err(DatabaseError::UpgradeRequired(version)) => {
            return refused(format!(
                "{shown} has the redb file format {version}, which this version does not read; \
                 update Footfall, or choose another folder with --data"
            ));
        }
        Err(error) => {
            return refused(format!(
                "cannot open {shown}: {error}; see that the folder can be written and the disk is \
                 not full, or choose another with --data"
            ));
        }
    };
    match prepare(&database) {
        Ok(FORMAT) => Ok(database),
        Ok(newer) => refused(format!(
            "{shown} was written by a newer Footfall (format {newer}, this one knows {FORMAT}); \
             update, or choose another folder with --data"
        )),
        Err(error) => refused(format!(
            "cannot write {shown}: {error}; see that the disk is not full, or choose another \
             folder with --data"
        )),
    }
}

/// Makes the tables, and gives the format that the file has.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let format = {
        let mut meta = transaction.open_table(META)?;
        let found = meta.get("format")?.map(|format| format.value());
        if found.is_none() {
            meta.insert("format", FORMAT)?;
        }
        transaction.open_table(ITEMS)?;
        found.unwrap_or(FORMAT)
    };
    transaction.commit()?;
    Ok(format)
}

fn page(database: &Database, range: &KeyRange, after: Option<&str>) -> Result<Page, redb::Error> {
    use std::ops::Bound::{Excluded, Included};

    let items = database.begin_read()?.open_table(ITEMS)?;
    let pk = range.pk.as_str();
    let from = match after {
        Some(sk) if sk >= range.from.as_str() => Excluded((pk, sk)),
        _ => Included((pk, range.from.as_str())),
    };
    let to = Included((pk, range.to.as_str()));
    let mut page = Page::default();
    if range.is_empty_after(after) {
        return Ok(page);
    }
    for entry in items.range((from, to))? {
        if page.items.len() == BATCH {
            page.next = page.items.last().map(|item| item.key.sk.clone());
            break;
        }
        let (key, value) = entry?;
        page.items.push(item(key.value(), value.value()));
    }
    Ok(page)
}

/// The first keys behind `after` of what expired before `now`: at most [`BATCH`] of them.
fn expired(database: &Database, now: i64, after: Option<&Key>) -> Result<Vec<Key>, redb::Error> {
    use std::ops::Bound::{Excluded, Unbounded};

    let items = database.begin_read()?.open_table(ITEMS)?;
    let from = after.map_or(Unbounded, |key| Excluded((key.pk.as_str(), key.sk.as_str())));
    let mut keys = Vec::new();
    for entry in items.range::<(&str, &str)>((from, Unbounded))? {
        let (key, value) = entry?;
        if value.value().0 < now {
            let (pk, sk) = key.value();
            keys.push(Key { pk: pk.to_owned(), sk: sk.to_owned() });
        }
        if keys.len() == BATCH {
            break;
        }
    }
    Ok(keys)
}

/// Removes what of `keys` still is expired, and says how much it was.
fn remove_expired(items: &mut Items<'_>, now: i64, keys: &[Key]) -> Result<usize, redb::Error> {
    let mut removed = 0;
    for key in keys {
        let key = (key.pk.as_str(), key.sk.as_str());
        if items.get(key)?.is_some_and(|value| value.value().0 < now) {
            items.remove(key)?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn item((pk, sk): (&str, &str), (expires, value): (i64, &[u8])) -> Item {
    Item {
        key: Key { pk: pk.to_owned(), sk: sk.to_owned() },
        value: value.to_vec(),
        expires: (expires != NO_EXPIRY).then_some(expires),
    }
}

/// The writing thread: ends when the last store of this folder is dropped.
fn write(queue: &Receiver<Order>, shared: &Shared, file: &Path) {
    while let Ok(first) = queue.recv() {
        let waiting = std::iter::from_fn(|| queue.try_recv().ok()).take(BATCH);
        let (mut jobs, mut purges) = (Vec::new(), Vec::new());
        for order in std::iter::once(first).chain(waiting) {
            match order {
                Order::Write(job) => jobs.push(job),
                Order::Purge(reply) => purges.push(reply),
            }
        }
        if !jobs.is_empty() {
            let result = commit(shared, file, &mut jobs);
            jobs.into_iter().for_each(|job| job.answer(result.clone()));
        }
        if !purges.is_empty() {
            let result = rewrite(shared, file);
            purges.into_iter().for_each(|reply| drop(reply.send(result.clone())));
        }
    }
}

/// Where a file is written anew, before it takes the place of the one that is there.
fn anew(file: &Path) -> PathBuf {
    file.with_extension("redb.new")
}

fn removed(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the file anew with what is in it, and nothing of what once was. Whenever this is cut off, one of
/// the two files is whole, and in its place.
fn rewrite(shared: &RwLock<Option<Database>>, file: &Path) -> Result<(), StoreError> {
    let new = anew(file);
    removed(&new).map_err(unavailable)?;
    match shared.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
        Some(database) => copy(database, &new)?,
        None => return Err(unavailable("it is closed")),
    }
    let mut database = shared.write().unwrap_or_else(PoisonError::into_inner);
    // The file is locked until it is closed.
    *database = None;
    let renamed = fs::rename(&new, file).map_err(unavailable);
    *database = Some(open(file).map_err(unavailable)?);
    renamed
}

/// Before the salts had a file of their own, they were with the hits: they are moved, and nothing is left of them.
fn move_salts(
    (items, file): (Database, PathBuf),
    salts: &Database,
) -> Result<(Database, PathBuf), StoreError> {
    let all = KeyRange::whole(Partition::Salts.pattern().to_owned());
    let found = page(&items, &all, None).map_err(unavailable)?.items;
    if found.is_empty() {
        return Ok((items, file));
    }
    in_transaction(salts, |items| found.iter().try_for_each(|salt| insert(items, salt)))
        .map_err(unavailable)?;
    in_transaction(&items, |items| items.retain(|(pk, _), _| !is_salts(pk)).map_err(Into::into))
        .map_err(unavailable)?;
    let shared = RwLock::new(Some(items));
    rewrite(&shared, &file)?;
    let items = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    items.map(|items| (items, file)).ok_or_else(|| unavailable("it is closed"))
}

/// Copies all items into a file that is not there yet.
fn copy(from: &Database, to: &Path) -> Result<(), StoreError> {
    let to = open(to)?;
    let copied = || -> Result<(), redb::Error> {
        let old = from.begin_read()?.open_table(ITEMS)?;
        in_transaction(&to, |items| {
            for entry in old.iter()? {
                let (key, value) = entry?;
                items.insert(key.value(), value.value())?;
            }
            Ok(())
        })
    };
    copied().map_err(unavailable)
}

/// Applies the changes in order, in one transaction: all of them, or none.
fn commit(shared: &Shared, file: &Path, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let write_lock = || shared.write().unwrap_or_else(PoisonError::into_inner);
    let read_lock = || shared.read().unwrap_or_else(PoisonError::into_inner);
    // redb takes no more writes, nor reads, after one that the disk refused. The file is opened anew
    // at once, for those who read, or else for the next write: the disk may have room by then.
    if read_lock().is_none() {
        *write_lock() = Some(open(file).map_err(unavailable)?);
    }
    // Readers go on meanwhile: only opening locks them out.
    let result = match read_lock().as_ref() {
        Some(database) => {
            in_transaction(database, |items| jobs.iter_mut().try_for_each(|job| job.apply(items)))
                .map_err(unavailable)
        }
        None => Err(unavailable("it is closed")),
    };
    if result.is_err() {
        let mut database = write_lock();
        // The file is locked until it is closed.
        *database = None;
        *database = open(file).ok();
    }
    result
}

/// Changes items, and is done when that is durable.
fn in_transaction(
    database: &Database,
    change: impl FnOnce(&mut Items<'_>) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    change(&mut transaction.open_table(ITEMS)?)?;
    transaction.commit()?;
    Ok(())
}

fn insert(items: &mut Items<'_>, item: &Item) -> Result<(), redb::Error> {
    let key = (item.key.pk.as_str(), item.key.sk.as_str());
    let value = (item.expires.unwrap_or(NO_EXPIRY), item.value.as_slice());
    items.insert(key, value)?;
    Ok(())
}
