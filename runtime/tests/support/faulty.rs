//! Stores that fail, stores that are watched, and one that does whatever it likes: in front of one in memory.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use footfall_infra::stack::Partition;
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};

use super::memory::Memory;

/// How a faulty store ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The operation is not done.
    Before,
    /// It is done, and its answer is lost.
    After,
}

/// A store that fails at one operation, and all after it: what runs over it has been killed there.
#[derive(Clone)]
pub(crate) struct Faulty {
    inner: Memory,
    left: Arc<AtomicUsize>,
    end: End,
}

impl Faulty {
    pub(crate) fn new(inner: &Memory, operations: usize, end: End) -> Self {
        Self { inner: inner.clone(), left: Arc::new(AtomicUsize::new(operations)), end }
    }

    async fn operate<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let killed = || Err(StoreError::Unavailable("killed".to_owned()));
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return killed();
        }
        self.left.store(left - 1, Ordering::Relaxed);
        match (left, self.end) {
            (1, End::Before) => killed(),
            (1, End::After) => operation.await.and_then(|_| killed()),
            _ => operation.await,
        }
    }
}

impl Store for Faulty {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.operate(self.inner.put(item)).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.operate(self.inner.put_all(items)).await
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        self.operate(self.inner.put_if_absent(item)).await
    }

    async fn replace(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.operate(self.inner.replace(item, old)).await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        self.operate(self.inner.query(range, after)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.operate(self.inner.delete(key)).await
    }

    async fn purge(&self, of: Partition) -> Result<(), StoreError> {
        self.operate(self.inner.purge(of)).await
    }
}

/// A store that lets others go on before each operation, and sees to it that something is done at one.
#[derive(Clone)]
pub(crate) struct Watched<F> {
    inner: Memory,
    count: Arc<AtomicUsize>,
    each: F,
}

impl<F: Fn(usize) + Clone> Watched<F> {
    pub(crate) fn new(inner: &Memory, each: F) -> Self {
        Self { inner: inner.clone(), count: Arc::default(), each }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    async fn operate(&self) {
        (self.each)(self.count.fetch_add(1, Ordering::Relaxed));
        tokio::task::yield_now().await;
    }
}

impl<F: Fn(usize) + Clone + Send + Sync + 'static> Store for Watched<F> {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.operate().await;
        self.inner.put(item).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.operate().await;
        self.inner.put_all(items).await
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        self.operate().await;
        self.inner.put_if_absent(item).await
    }

    async fn replace(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.operate().await;
        self.inner.replace(item, old).await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        self.operate().await;
        self.inner.query(range, after).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.operate().await;
        self.inner.delete(key).await
    }
}

/// A store with a network in front of it that delays, loses and repeats what goes over it, by the throw of
/// dice that have a seed. Whoever else runs over it goes on meanwhile. Clones share the dice.
#[derive(Clone)]
pub(crate) struct Chaos {
    inner: Memory,
    dice: Arc<Mutex<fastrand::Rng>>,
    /// Of a thousand operations, so many are lost, as many are not answered, and ten times as many are
    /// repeated: the client makes good for most faults.
    faults: usize,
}

/// What becomes of an operation.
enum Fate {
    Done,
    /// It never arrives.
    Lost,
    /// It is done, and its answer is lost for good.
    Unanswered,
    /// It is done, its answer is lost, and the client sends it again.
    Repeated,
}

impl Chaos {
    pub(crate) fn new(inner: &Memory, seed: u64, faults: usize) -> Self {
        let dice = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { inner: inner.clone(), dice, faults }
    }

    fn throw(&self, below: usize) -> usize {
        self.dice.lock().unwrap().usize(..below)
    }

    /// Lets others go on for a while.
    async fn delay(&self) {
        for _ in 0..self.throw(4) {
            tokio::task::yield_now().await;
        }
    }

    fn fate(&self) -> Fate {
        match self.throw(1000) {
            throw if throw < self.faults => Fate::Lost,
            throw if throw < 2 * self.faults => Fate::Unanswered,
            throw if throw < 12 * self.faults => Fate::Repeated,
            _ => Fate::Done,
        }
    }

    async fn operate<T, F>(&self, operation: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let failed = || Err(StoreError::Unavailable("by the dice".to_owned()));
        self.delay().await;
        let answer = match self.fate() {
            Fate::Done => operation().await,
            Fate::Lost => failed(),
            Fate::Unanswered => operation().await.and_then(|_| failed()),
            Fate::Repeated => {
                operation().await?;
                self.delay().await;
                operation().await
            }
        };
        self.delay().await;
        answer
    }
}

impl Store for Chaos {
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.operate(|| self.inner.put(item.clone())).await
    }

    /// One by one, so that it may end in the middle.
    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for item in items {
            self.put(item).await?;
        }
        Ok(())
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        self.operate(|| self.inner.put_if_absent(item.clone())).await
    }

    async fn replace(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.operate(|| self.inner.replace(item.clone(), old)).await
    }

    /// In pages of a few items: what is stored changes between one and the next.
    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        let mut page = self.operate(|| self.inner.query(range, after)).await?;
        let size = 1 + self.throw(60);
        if page.items.len() > size {
            page.items.truncate(size);
            page.next = page.items.last().map(|item| item.key.sk.clone());
        }
        Ok(page)
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.operate(|| self.inner.delete(key)).await
    }
}
