//! Hits on disk, in a temporary file per day, until the day becomes a segment. So an import needs memory for its
//! largest day only.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use footfall_runtime::hit::{Kind, Record};
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::WRITE_UNIT;
use footfall_runtime::storage::hour::utc_day;
use jiff::Timestamp;
use jiff::civil::Date;
use tempfile::TempDir;

/// Maximum bytes held in memory before they are written.
const MOST: usize = 32 * 1024 * 1024;

/// The most bytes of a hit: as many as one of the tracker's has beside its key.
const HIT: usize = WRITE_UNIT - 100;

/// Hits by day. Dropping it deletes its folder.
#[derive(Debug)]
pub(crate) struct TempFiles {
    folder: TempDir,
    days: BTreeMap<Date, Day>,
    waiting: usize,
}

/// Contents of a day.
#[derive(Debug, Default, Clone)]
pub(crate) struct Day {
    /// Page views and events.
    pub(crate) hits: u64,
    /// Excluded records by reason.
    pub(crate) excluded: BTreeMap<&'static str, u64>,
    waiting: Vec<u8>,
}

impl TempFiles {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::tempdir()
            .context("cannot create a temporary folder; set TMPDIR to one with more space")?;
        Ok(Self { folder, days: BTreeMap::new(), waiting: 0 })
    }

    /// Adds a hit to its day: the time, how long it is, and what a hit of the tracker's would be stored as.
    pub(crate) fn push(&mut self, record: &Record) -> Result<()> {
        let bytes = record.kind.encode(HIT)?;
        let day = self.days.entry(utc_day(record.at)).or_default();
        match &record.kind {
            Kind::Hit(_) => day.hits += 1,
            // No hit: it goes to the view before it.
            Kind::Engagement(_) => {}
            Kind::Excluded(filtered) => {
                *day.excluded.entry(filtered.reason.as_str()).or_default() += 1;
            }
        }
        let before = day.waiting.len();
        day.waiting.extend(record.at.as_millisecond().to_le_bytes());
        day.waiting.extend(u32::try_from(bytes.len())?.to_le_bytes());
        day.waiting.extend(bytes);
        self.waiting += day.waiting.len() - before;
        if self.waiting >= MOST { self.flush() } else { Ok(()) }
    }

    /// The days, oldest first.
    pub(crate) const fn days(&self) -> &BTreeMap<Date, Day> {
        &self.days
    }

    /// Leaves a day out.
    pub(crate) fn remove(&mut self, day: Date) {
        self.days.remove(&day);
        // The folder is deleted with the rest.
        let _ = fs::remove_file(self.file(day));
    }

    /// A day's hits, in the order in which they were added.
    pub(crate) fn rows(&mut self, day: Date) -> Result<(HitBatch, Dictionaries)> {
        self.flush()?;
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
        let file = match File::open(self.file(day)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((rows, texts)),
            file => file?,
        };
        let left = file.metadata()?.len();
        let mut input = BufReader::with_capacity(1 << 20, file).take(left);
        let (mut millis, mut length, mut bytes) = ([0; 8], [0; 4], Vec::new());
        while input.limit() > 0 {
            input.read_exact(&mut millis)?;
            input.read_exact(&mut length)?;
            bytes.resize(u32::from_le_bytes(length) as usize, 0);
            input.read_exact(&mut bytes)?;
            let at = Timestamp::from_millisecond(i64::from_le_bytes(millis))?;
            rows.push(&mut texts, &Record { at, kind: Kind::decode(&bytes)? });
        }
        Ok((rows, texts))
    }

    fn file(&self, day: Date) -> PathBuf {
        self.folder.path().join(day.to_string())
    }

    fn flush(&mut self) -> Result<()> {
        let full = "cannot write temporary files; set TMPDIR to a folder with more space";
        for (day, Day { waiting, .. }) in &mut self.days {
            if !waiting.is_empty() {
                let file = self.folder.path().join(day.to_string());
                let file = OpenOptions::new().append(true).create(true).open(file);
                file.and_then(|mut file| file.write_all(waiting)).context(full)?;
                *waiting = Vec::new();
            }
        }
        self.waiting = 0;
        Ok(())
    }
}
