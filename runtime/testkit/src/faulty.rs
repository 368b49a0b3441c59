//! Stores that fail, in front of one in memory: a crash, a race, and an unreliable network.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use footfall_infra::stack::Partition;
use footfall_runtime::storage::{Item, Key, KeyRange, Page, PutOutcome, Store, StoreError};

use crate::memory::Memory;

/// How the last operation before a crash ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The operation is not carried out.
    Before,
    /// The operation is carried out, but its answer is lost.
    After,
}

/// A store that fails from one operation on, as if its user had been killed there.
#[derive(Clone)]
pub struct Faulty {
    inner: Memory,
    left: Arc<AtomicUsize>,
    end: End,
}

impl Faulty {
    /// Fails at operation number `operations`, from 1, and at every later one.
    pub fn new(inner: &Memory, operations: usize, end: End) -> Self {
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

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.operate(self.inner.compare_and_set(item, old)).await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        self.operate(self.inner.query(range, after)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.operate(self.inner.delete(key)).await
    }

    async fn compact(&self, of: Partition) -> Result<(), StoreError> {
        self.operate(self.inner.compact(of)).await
    }
}

/// A store that calls a function before each operation, and lets other tasks run.
#[derive(Clone)]
pub struct Watched<F> {
    inner: Memory,
    count: Arc<AtomicUsize>,
    each: F,
}

impl<F: Fn(usize) + Clone> Watched<F> {
    /// Calls `each` with the number of the operation, from 0.
    pub fn new(inner: &Memory, each: F) -> Self {
        Self { inner: inner.clone(), count: Arc::default(), each }
    }

    /// Returns the number of operations so far.
    pub fn count(&self) -> usize {
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

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.operate().await;
        self.inner.compare_and_set(item, old).await
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

/// A store behind a network that delays, loses and repeats requests at random.
///
/// Other tasks run during the delays. Clones share the random numbers, which follow from a seed.
#[derive(Clone)]
pub struct Chaos {
    inner: Memory,
    random: Arc<Mutex<fastrand::Rng>>,
    /// Operations lost per thousand. As many go unanswered, and ten times as many are repeated, because the
    /// client recovers from most faults.
    faults: usize,
}

/// The outcome of an operation.
enum Fate {
    Done,
    /// The request never arrives.
    Lost,
    /// The operation is carried out, but its answer is lost.
    Unanswered,
    /// The operation is carried out, its answer is lost, and the client repeats the request.
    Repeated,
}

impl Chaos {
    /// Loses `faults` of a thousand operations, at random from `seed`.
    pub fn new(inner: &Memory, seed: u64, faults: usize) -> Self {
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { inner: inner.clone(), random, faults }
    }

    fn random(&self, below: usize) -> usize {
        self.random.lock().unwrap().usize(..below)
    }

    /// Lets other tasks run for a while.
    async fn delay(&self) {
        for _ in 0..self.random(4) {
            tokio::task::yield_now().await;
        }
    }

    fn fate(&self) -> Fate {
        match self.random(1000) {
            number if number < self.faults => Fate::Lost,
            number if number < 2 * self.faults => Fate::Unanswered,
            number if number < 12 * self.faults => Fate::Repeated,
            _ => Fate::Done,
        }
    }

    async fn operate<T, F>(&self, operation: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let failed = || Err(StoreError::Unavailable("lost at random".to_owned()));
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

    /// Puts items one by one, so that it can fail in the middle.
    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for item in items {
            self.put(item).await?;
        }
        Ok(())
    }

    async fn put_if_absent(&self, item: Item) -> Result<PutOutcome, StoreError> {
        self.operate(|| self.inner.put_if_absent(item.clone())).await
    }

    async fn compare_and_set(&self, item: Item, old: &[u8]) -> Result<bool, StoreError> {
        self.operate(|| self.inner.compare_and_set(item.clone(), old)).await
    }

    /// Returns pages of a few items, so that the store can change between them.
    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        let mut page = self.operate(|| self.inner.query(range, after)).await?;
        let size = 1 + self.random(60);
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
