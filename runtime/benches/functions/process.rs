//! A child process: what it takes of a processor and of memory, and how it is held back.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// What Lambda gives a function of 128 MB once it is started: 128 of the 1,769 MB that are a whole core.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const SHARE: f64 = 128.0 / 1769.0;

/// In which time that share is measured out.
const PERIOD: Duration = Duration::from_millis(20);

/// How often it is looked whether something came to pass.
const LOOK: Duration = Duration::from_micros(50);

/// What is left of a share when it counts as used up: less is not worth the signals.
const CRUMB: Duration = Duration::from_micros(50);

/// A process by its number, which must be one's own child that was not waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(Pid);

impl Process {
    pub(crate) fn of(child: &Child) -> Self {
        Self(Pid::from_child(child))
    }

    /// What its threads took of a processor so far, to the nanosecond where they do not run just now. None of those
    /// measured here ends a thread while it lives.
    ///
    /// <https://docs.kernel.org/scheduler/sched-stats.html>
    pub(crate) fn cpu(self) -> Duration {
        let taken = self.threads("schedstat");
        let taken = taken.iter().filter_map(|line| line.split(' ').next()?.parse::<u64>().ok());
        Duration::from_nanos(taken.sum())
    }

    /// The same once none of its threads runs any more: it may answer before it is done.
    pub(crate) fn settled_cpu(self) -> Duration {
        let (mut before, deadline) = (self.cpu(), Instant::now() + Duration::from_secs(2));
        loop {
            std::thread::sleep(Duration::from_millis(1));
            let now = self.cpu();
            if (now == before && !self.runs()) || Instant::now() > deadline {
                return now;
            }
            before = now;
        }
    }

    /// Whether one of its threads runs or is to run.
    fn runs(self) -> bool {
        let stats = self.threads("stat");
        // The name, in brackets, may have anything in it.
        stats.iter().any(|it| it.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" R")))
    }

    /// A file of each of its threads.
    fn threads(self, file: &str) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).unwrap();
        let texts = tasks.flatten().map(|task| fs::read_to_string(task.path().join(file)));
        texts.map(Result::unwrap_or_default).collect()
    }

    /// The most memory that it had at a time, in bytes.
    pub(crate) fn peak_memory(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
    }

    /// Ends it as a shell would.
    pub(crate) fn terminate(self) {
        self.signal(Signal::TERM);
    }

    /// Holds it to the share of a 128 MB function until `is_over`: in every period it runs until it has used its share,
    /// and then not before the next, which is how Linux measures out a quota, too. What several threads took beyond it at
    /// once is owed to the next.
    pub(crate) fn hold_back(self, is_over: impl Fn() -> bool) {
        let (share, mut owed) = (PERIOD.mul_f64(SHARE), Duration::ZERO);
        while !is_over() {
            let (began, before) = (Instant::now(), self.cpu());
            while began.elapsed() < PERIOD && !is_over() {
                let left = share.saturating_sub(owed + self.cpu() - before);
                if left <= CRUMB {
                    std::thread::sleep(LOOK);
                    continue;
                }
                // However much of this it is idle: it does not run for longer.
                self.signal(Signal::CONT);
                let until = Instant::now() + left;
                while Instant::now() < until && !is_over() {
                    std::thread::sleep(LOOK);
                }
                self.signal(Signal::STOP);
                while self.runs() {
                    std::thread::sleep(LOOK);
                }
            }
            owed = (owed + self.cpu() - before).saturating_sub(share);
        }
        self.signal(Signal::CONT);
    }

    fn signal(self, signal: Signal) {
        kill_process(self.0, signal).unwrap();
    }
}
