//! Stores that fail, and stores that are watched: in front of one in memory.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use footfall_runtime::store::{Absent, Item, Key, KeyRange, Page, Store, StoreError};

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

    async fn put_if_absent(&self, item: Item) -> Result<Absent, StoreError> {
        self.operate(self.inner.put_if_absent(item)).await
    }

    async fn query(&self, range: &KeyRange, after: Option<&str>) -> Result<Page, StoreError> {
        self.operate(self.inner.query(range, after)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.operate(self.inner.delete(key)).await
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

    async fn put_if_absent(&self, item: Item) -> Result<Absent, StoreError> {
        self.operate().await;
        self.inner.put_if_absent(item).await
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
