//! A child process: its CPU time and memory, and limits on them.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// CPU share of a running 128 MB function: 128 of the 1,769 MB that give one full core.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const SHARE: f64 = 128.0 / 1769.0;

/// Period over which the share is enforced.
const PERIOD: Duration = Duration::from_millis(20);

/// Interval between checks.
const LOOK: Duration = Duration::from_micros(50);

/// Remainder of a share that counts as used up, because less is not worth the signals.
const CRUMB: Duration = Duration::from_micros(50);

/// A process by number. It must be a child of ours that nobody has waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(Pid);

impl Process {
    pub(crate) fn of(child: &Child) -> Self {
        Self(Pid::from_child(child))
    }

    /// CPU time its threads have used, exact to the nanosecond while they are not running. None of the programs
    /// measured here ends a thread while it lives.
    ///
    /// <https://docs.kernel.org/scheduler/sched-stats.html>
    pub(crate) fn cpu(self) -> Duration {
        let taken = self.threads("schedstat");
        let taken = taken.iter().filter_map(|line| line.split(' ').next()?.parse::<u64>().ok());
        Duration::from_nanos(taken.sum())
    }

    /// CPU time once none of its threads runs any more: a function may respond before it is done.
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

    /// Returns whether one of its threads is running or runnable.
    fn runs(self) -> bool {
        let stats = self.threads("stat");
        // The name stands in brackets and may contain anything.
        stats.iter().any(|it| it.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" R")))
    }

    /// Paths of one file per thread.
    fn threads(self, file: &str) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).unwrap();
        let texts = tasks.flatten().map(|task| fs::read_to_string(task.path().join(file)));
        texts.map(Result::unwrap_or_default).collect()
    }

    /// Peak memory in bytes.
    pub(crate) fn peak_memory(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
    }

    /// Ends the process as a shell would.
    pub(crate) fn terminate(self) {
        self.signal(Signal::TERM);
    }

    /// Limits it to the share of a 128 MB function until `is_over`. In each period it runs until its share is used
    /// and then stops until the next one, as Linux enforces a CPU quota. What several threads overrun at once is
    /// subtracted from the next period.
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
                // Idle time does not extend the period.
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
