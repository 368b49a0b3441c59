//! The client: keep-alive connections, each of which sends a hit and waits for the response before the next.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::hits::Hits;

/// Result of a load.
pub(crate) struct Load {
    /// Duration in seconds.
    pub(crate) seconds: f64,
    /// Milliseconds of each hit.
    pub(crate) latencies: Vec<f64>,
}

impl Load {
    pub(crate) fn hits(&self) -> usize {
        self.latencies.len()
    }

    pub(crate) fn a_second(&self) -> f64 {
        self.hits() as f64 / self.seconds
    }
}

/// Condition that ends a load.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Seconds(f64),
    Hits(usize),
}

/// Sends hits over `connections` connections, each as fast as responses arrive.
pub(crate) fn load(
    address: SocketAddr,
    hits: &Rc<RefCell<Hits>>,
    connections: usize,
    until: Until,
) -> Load {
    let began = Instant::now();
    let sent = Rc::new(RefCell::new(0));
    let is_over = move || {
        let mut sent = sent.borrow_mut();
        *sent += 1;
        match until {
            Until::Seconds(seconds) => began.elapsed().as_secs_f64() >= seconds,
            Until::Hits(most) => *sent > most,
        }
    };
    let is_over = Rc::new(is_over);
    let latencies = on_connections(connections, |_| {
        let (hits, is_over) = (Rc::clone(hits), Rc::clone(&is_over));
        async move {
            let mut connection = Connection::open(address).await;
            let mut latencies = Vec::new();
            while !is_over() {
                hits.borrow_mut().next(&mut connection.request);
                let sent = Instant::now();
                connection.send().await;
                latencies.push(ms(sent.elapsed()));
            }
            latencies
        }
    });
    Load { seconds: began.elapsed().as_secs_f64(), latencies }
}

/// Sends hits at a fixed rate, whether or not earlier ones are answered, until `is_over` holds. A hit's time starts
/// when it is due, so waiting for a free connection counts.
pub(crate) fn steady(
    address: SocketAddr,
    hits: &Rc<RefCell<Hits>>,
    rate: f64,
    is_over: impl Fn() -> bool + 'static,
) -> Load {
    const CONNECTIONS: usize = 64;
    let began = Instant::now();
    let is_over = Rc::new(is_over);
    let latencies = on_connections(CONNECTIONS, |number| {
        let (hits, is_over) = (Rc::clone(hits), Rc::clone(&is_over));
        async move {
            let mut connection = Connection::open(address).await;
            let mut latencies = Vec::new();
            for turn in 0.. {
                let due = (turn * CONNECTIONS + number) as f64 / rate;
                let due = began + Duration::from_secs_f64(due);
                tokio::time::sleep_until(due.into()).await;
                if is_over() {
                    break;
                }
                hits.borrow_mut().next(&mut connection.request);
                connection.send().await;
                latencies.push(ms(due.elapsed()));
            }
            latencies
        }
    });
    Load { seconds: began.elapsed().as_secs_f64(), latencies }
}

/// Runs one task per connection on this thread, and collects what they measured.
fn on_connections<F: Future<Output = Vec<f64>> + 'static>(
    connections: usize,
    task: impl Fn(usize) -> F,
) -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();
    let tasks: Vec<_> = (0..connections).map(|number| local.spawn_local(task(number))).collect();
    runtime.block_on(local.run_until(async {
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await.unwrap());
        }
        latencies
    }))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

struct Connection {
    stream: TcpStream,
    request: String,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, request: String::new(), answer: Vec::with_capacity(4096) }
    }

    /// Sends a hit, waits for the response, and fails unless the hit is stored.
    async fn send(&mut self) {
        self.stream.write_all(self.request.as_bytes()).await.unwrap();
        self.answer.clear();
        while !is_whole(&self.answer) {
            let read = self.stream.read_buf(&mut self.answer).await.unwrap();
            assert!(read > 0, "the server has closed the connection");
        }
        let answer = String::from_utf8_lossy(&self.answer);
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    }
}

/// Returns whether a response is complete. All of these have a content length.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let length = text.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.expect("an answer has a length").trim().parse().unwrap();
    answer.len() >= head + 4 + length
}
