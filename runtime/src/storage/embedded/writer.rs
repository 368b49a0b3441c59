//! The thread that writes a file.
//!
//! It takes all waiting writes into one transaction and answers them once it is durable. A hundred concurrent hits so
//! cost one `fsync` and not a hundred (group commit).

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::compact::compact;
use super::database::{Items, in_transaction, open};
use super::{BATCH, Shared, unavailable};
use crate::storage::StoreError;

/// A handle to the writer thread. Dropping it waits for the thread to end.
pub(super) struct Writer {
    /// `None` only while the handle is dropped.
    requests: Option<Sender<Request>>,
    /// `None` only while the handle is dropped.
    thread: Option<JoinHandle<()>>,
}

/// A request to the writer thread.
enum Request {
    /// A write, which may share its transaction with others.
    Write(Box<dyn Write>),
    /// A compaction, and where to report the result.
    Compact(oneshot::Sender<Result<(), StoreError>>),
}

/// A queued write.
trait Write: Send {
    /// Makes the change within a transaction.
    fn apply(&mut self, items: &mut Items<'_>) -> Result<(), redb::Error>;

    /// Reports the result, once the transaction is durable or has failed.
    fn reply(self: Box<Self>, result: Result<(), StoreError>);
}

/// A change, its outcome, and where to report it.
struct Change<T, F> {
    apply: F,
    outcome: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Write for Change<T, F>
where
    T: Send,
    F: FnMut(&mut Items<'_>) -> Result<T, redb::Error> + Send,
{
    fn apply(&mut self, items: &mut Items<'_>) -> Result<(), redb::Error> {
        self.outcome = Some((self.apply)(items)?);
        Ok(())
    }

    fn reply(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { outcome, reply, .. } = *self;
        let outcome = result.and_then(|()| outcome.ok_or_else(|| unavailable("not applied")));
        // The caller may have given up waiting. The write is durable all the same.
        drop(reply.send(outcome));
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(database: Shared, path: PathBuf) -> Result<Self, StoreError> {
        let (requests, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("footfall-writer".to_owned())
            .spawn(move || run(&queue, &database, &path))
            .map_err(unavailable)?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Queues a change, and waits until it is durable.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        apply: impl FnMut(&mut Items<'_>) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, result) = oneshot::channel();
        self.send(Request::Write(Box::new(Change { apply, outcome: None, reply })))?;
        result.await.map_err(|_| ended())?
    }

    /// Rewrites the file without the bytes of deleted items. Writes wait meanwhile.
    ///
    /// redb leaves those bytes in the file until it reuses their space.
    pub(super) async fn compact(&self) -> Result<(), StoreError> {
        let (reply, result) = oneshot::channel();
        self.send(Request::Compact(reply))?;
        result.await.map_err(|_| ended())?
    }

    fn send(&self, request: Request) -> Result<(), StoreError> {
        self.requests.as_ref().and_then(|it| it.send(request).ok()).ok_or_else(ended)
    }
}

impl Drop for Writer {
    /// Waits until all queued writes are done and the file is closed, so that it can be opened again.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has closed the file too, and printed why.
            let _ = thread.join();
        }
    }
}

fn ended() -> StoreError {
    unavailable("the writer thread has ended")
}

/// Serves requests until the handle is dropped.
fn run(queue: &Receiver<Request>, database: &Shared, path: &Path) {
    while let Ok(first) = queue.recv() {
        let waiting = std::iter::from_fn(|| queue.try_recv().ok()).take(BATCH);
        let (mut writes, mut compactions) = (Vec::new(), Vec::new());
        for request in std::iter::once(first).chain(waiting) {
            match request {
                Request::Write(write) => writes.push(write),
                Request::Compact(reply) => compactions.push(reply),
            }
        }
        if !writes.is_empty() {
            let result = commit(database, path, &mut writes);
            writes.into_iter().for_each(|write| write.reply(result.clone()));
        }
        if !compactions.is_empty() {
            let result = compact(database, path);
            compactions.into_iter().for_each(|reply| drop(reply.send(result.clone())));
        }
    }
}

/// Applies writes in order in one transaction: all of them or none.
fn commit(database: &Shared, path: &Path, writes: &mut [Box<dyn Write>]) -> Result<(), StoreError> {
    let write_lock = || database.write().unwrap_or_else(PoisonError::into_inner);
    let read_lock = || database.read().unwrap_or_else(PoisonError::into_inner);
    // After a failed write redb rejects every operation until the file is reopened. That is done at once, for the
    // readers. If it fails, the next write tries again: the disk may have space by then.
    if read_lock().is_none() {
        *write_lock() = Some(open(path).map_err(unavailable)?);
    }
    // A read lock is enough for writing: only reopening locks readers out.
    let result = match read_lock().as_ref() {
        Some(database) => in_transaction(database, |items| {
            writes.iter_mut().try_for_each(|write| write.apply(items))
        })
        .map_err(unavailable),
        None => Err(unavailable("it is closed")),
    };
    if result.is_err() {
        let mut database = write_lock();
        // The file stays locked until it is closed.
        *database = None;
        *database = open(path).ok();
    }
    result
}
