//! An import from beginning to end: what is new is read and sorted into days, each day becomes a segment,
//! and the last write makes all of them count.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{self, Read as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use footfall_infra::settings::{Settings, Site};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::catalog::imports::{Import, ImportState};
use footfall_runtime::hit::visitor::Salt;
use footfall_runtime::rollup;
use footfall_runtime::storage::hour::utc_day;
use footfall_runtime::storage::hour::{Hour, Span};
use footfall_runtime::storage::import_id::ImportId;
use footfall_runtime::storage::keys;
use footfall_runtime::storage::range_items;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, Key, Store, StoreError, WRITE_UNIT};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use super::format::{self, Format, Said};
use super::history::{self, Ledger, Look, Print};
use super::line_counts::{Lines, Reason};
use super::pipeline::Intake;
use super::source::Source;
use super::{access_log, cloudfront, footfall, goatcounter, plausible, umami};
use crate::data::lock;
use crate::error::CommandError;

/// How much is stored at once: as many items as DynamoDB takes, or so many bytes, which a slow line
/// brings there before the request is given up.
const ITEMS: usize = 25;
const BYTES: usize = 1024 * 1024;

/// How long is waited, in seconds, each time that the store takes no more: a table of 25 write units a second
/// needs 40 seconds for what is stored at once.
pub(crate) const PAUSES: [u64; 10] = [1, 2, 5, 10, 20, 30, 30, 30, 30, 30];

/// How many partitions are looked into at once.
const AT_ONCE: usize = 16;

/// What to do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) format: Option<Said>,
    /// Also take days on which something was counted already.
    pub(crate) overlap: bool,
    /// Store nothing.
    pub(crate) dry_run: bool,
}

/// An import, and whose.
#[derive(Debug)]
pub(crate) struct Job<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) settings: &'a Settings,
    pub(crate) site: &'a Site,
    pub(crate) now: Timestamp,
    pub(crate) salt: Salt,
    /// What the site's lock is taken by, and how long that is waited for: see lock.rs.
    pub(crate) holder: [u8; 16],
    pub(crate) lease: Duration,
    pub(crate) options: Options,
    /// How long to wait where the store takes no more, in seconds: once for each.
    pub(crate) pauses: &'a [u64],
    /// Whether to end as soon as may be, with an error.
    pub(crate) stop: &'a AtomicBool,
}

/// What became of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) site: String,
    /// The import's name; `None` if there was nothing new.
    pub(crate) id: Option<ImportId>,
    pub(crate) dry_run: bool,
    /// How many files were read.
    pub(crate) files: u64,
    /// The files, or their beginnings, that were imported before.
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) lines: u64,
    /// Page views and events.
    pub(crate) hits: u64,
    /// What is kept apart, by reason.
    pub(crate) filtered: BTreeMap<&'static str, u64>,
    /// Lines that are no page views.
    pub(crate) passed: Vec<Lines>,
    /// Lines that something is wrong with.
    pub(crate) refused: Vec<Lines>,
    /// Days that were left out, and why.
    pub(crate) left_out: Vec<LeftOut>,
    /// What the format cannot carry.
    pub(crate) notes: Vec<String>,
    pub(crate) days: u64,
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
    pub(crate) bytes: u64,
    pub(crate) write_units: u64,
}

/// What was imported before.
#[derive(Debug, Serialize)]
pub(crate) struct Skipped {
    pub(crate) file: String,
    /// How much of it, in bytes.
    pub(crate) bytes: u64,
    /// Whether that is all of it.
    pub(crate) whole: bool,
    /// By which import, and when; `None` if the same is in another file of this one.
    pub(crate) id: Option<ImportId>,
    pub(crate) at: Option<Timestamp>,
}

/// A day that was left out.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) day: Date,
    pub(crate) hits: u64,
    /// `tracker` if the tracker counted on it, `import` if another import has it.
    pub(crate) by: &'static str,
}

/// A file with something new in it.
#[derive(Debug)]
struct Input {
    source: Source,
    format: Format,
    print: Print,
    /// Where that begins, in bytes.
    from: u64,
    /// How much there was of the file when it was looked at: it may have grown meanwhile.
    all: u64,
}

impl<S: Store> Job<'_, S> {
    /// Imports files, or does all but store them.
    pub(crate) async fn run(&self, sources: Vec<Source>) -> Result<Summary> {
        let mut summary = Summary {
            site: self.site.domain.to_string(),
            dry_run: self.options.dry_run,
            ..Summary::default()
        };
        let ledger = Ledger::of(self.store, self.site).await?;
        let inputs = self.inputs(&ledger, sources, &mut summary)?;
        if inputs.is_empty() {
            return Ok(summary);
        }
        let mut intake = Intake::new(self.settings, self.site, self.now, self.salt)?;
        self.read(&inputs, &mut intake, &mut summary)?;
        summary.files = inputs.len() as u64;
        if self.options.dry_run {
            self.take(&ledger, &inputs, &mut intake, &mut summary).await?;
            return Ok(summary);
        }
        let lock = lock::take(self.store, self.site, self.holder, self.lease).await?;
        let taken = lock.during(async {
            // Reading took its time.
            if Ledger::of(self.store, self.site).await?.imports != ledger.imports {
                return Err(CommandError::failed(
                    "something else of this site was imported or taken back meanwhile",
                    "run this again",
                )
                .into());
            }
            self.take(&ledger, &inputs, &mut intake, &mut summary).await
        });
        taken.await.map_err(lock::locked)??;
        Ok(summary)
    }

    /// Takes what was read, but for the days that were counted already.
    async fn take(
        &self,
        ledger: &Ledger,
        inputs: &[Input],
        intake: &mut Intake<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let is_new_export = inputs.iter().any(|it| it.format.is_export() && it.from == 0);
        let id = self.id(inputs);
        self.leave_out(ledger, id, is_new_export, intake, summary).await?;
        summary.lines = intake.tally.lines;
        summary.refused = intake.tally.refused();
        summary.passed = intake.tally.passed();
        let days = intake.spill.days();
        summary.days = days.len() as u64;
        summary.first = days.keys().next().copied();
        summary.last = days.keys().next_back().copied();
        for day in days.values() {
            summary.hits += day.hits;
            for (reason, hits) in &day.filtered {
                *summary.filtered.entry(reason).or_default() += hits;
            }
        }
        if intake.tally.lines > 0 && intake.tally.of(Reason::Unreadable) == intake.tally.lines {
            let place = summary.refused.first().and_then(|lines| lines.first.first().cloned());
            return Err(CommandError::rejected(
                format!(
                    "none of {} lines can be read, from {} on; nothing was imported",
                    summary.lines,
                    place.unwrap_or_default()
                ),
                "docs/import.md shows how lines of each format look",
            )
            .into());
        }
        if let (Some(first), Some(last)) = (summary.first, summary.last) {
            summary.id = Some(id);
            let import = Import {
                state: ImportState::Begun,
                at: self.now,
                first,
                last,
                hits: summary.hits,
                filtered: summary.filtered.values().sum(),
                bytes: 0,
                files: summary.files,
            };
            self.store(ledger, id, import, inputs, intake, summary).await?;
        }
        Ok(())
    }

    /// What is new in the files, each of which is read once for that.
    fn inputs(
        &self,
        ledger: &Ledger,
        sources: Vec<Source>,
        summary: &mut Summary,
    ) -> Result<Vec<Input>> {
        let bar = bar("Looking", sources.iter().map(|source| source.size).sum(), true)?;
        let (mut inputs, mut seen) = (Vec::new(), HashSet::new());
        for source in sources {
            let Some(format) = format::detect(&source, &source.head()?, self.options.format)?
            else {
                continue;
            };
            let Look { print, all, known } =
                source.read(&bar, self.stop, |input| ledger.look(input, format.has_lines()))?;
            if !seen.insert(print.clone()) {
                let (file, bytes) = (source.name, print.length);
                summary.skipped.push(Skipped { file, bytes, whole: true, id: None, at: None });
                continue;
            }
            // Properties are no hits: they are read with the events that they are of.
            let known = known.filter(|_| format != Format::UmamiProperties);
            let whole = known.is_some_and(|(bytes, _)| bytes == print.length);
            let known = known.filter(|_| whole || format.grows());
            if let Some((bytes, id)) = known {
                let file = source.name.clone();
                let at = ledger.imports.get(&id).map(|import| import.at);
                summary.skipped.push(Skipped { file, bytes, whole, id: Some(id), at });
            }
            if !whole {
                let from = known.map_or(0, |known| known.0);
                inputs.push(Input { source, format, print, from, all });
            }
        }
        bar.finish_and_clear();
        if inputs.iter().all(|input: &Input| input.format == Format::UmamiProperties) {
            inputs.clear();
        }
        Ok(inputs)
    }

    /// The name of an import: the same for the same content and options, so that one that was interrupted
    /// is gone on with.
    fn id(&self, inputs: &[Input]) -> ImportId {
        let mut parts: Vec<String> = inputs
            .iter()
            .map(|input| format!("{} {} {}", input.from, input.print.length, input.print.sha256))
            .collect();
        parts.sort();
        let text = format!("{} {} {}", self.site.domain, self.options.overlap, parts.join(" "));
        let hash = Sha256::digest(text.as_bytes());
        let mut bytes = [0; 6];
        bytes.iter_mut().zip(&hash).for_each(|(byte, of)| *byte = *of);
        ImportId::of(bytes)
    }

    /// Reads all that is new, and sorts it into days.
    fn read(&self, inputs: &[Input], intake: &mut Intake<'_>, summary: &mut Summary) -> Result<()> {
        let bar = bar("Reading", inputs.iter().map(|input| input.source.size).sum(), true)?;
        let mut properties = umami::Properties::new();
        for input in inputs.iter().filter(|input| input.format == Format::UmamiProperties) {
            input.source.read(&bar, self.stop, |it| umami::read_properties(it, &mut properties))?;
        }
        let mut aggregates = plausible::Aggregates::default();
        for input in inputs {
            let Input { source, format, from, all: length, .. } = input;
            intake.file.clone_from(&source.name);
            source.read(&bar, self.stop, |all| {
                let mut all = all.take(*length);
                match format {
                    Format::AccessLog => {
                        let before = skip(&mut all, *from)?;
                        access_log::read(&mut all, before, intake)
                    }
                    Format::FootfallJson => {
                        let before = skip(&mut all, *from)?;
                        footfall::read_json(&mut all, before, intake)
                    }
                    Format::CloudFront => cloudfront::read(&mut all, intake),
                    Format::GoatCounter => goatcounter::read(&mut all, *from, intake),
                    Format::UmamiEvents => umami::read(&mut all, &properties, intake),
                    Format::FootfallCsv => footfall::read_csv(&mut all, intake),
                    Format::FootfallParquet => footfall::read_parquet(&mut all, intake),
                    Format::Plausible(table) => aggregates.read(*table, &mut all, intake),
                    Format::UmamiProperties => Ok(()),
                }
            })?;
        }
        aggregates.take(intake, &mut summary.notes)?;
        bar.finish_and_clear();
        Ok(())
    }

    /// Leaves out the days that were counted already: a reader on such a day would count twice.
    async fn leave_out(
        &self,
        ledger: &Ledger,
        id: ImportId,
        is_new_export: bool,
        intake: &mut Intake<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        if self.options.overlap {
            return Ok(());
        }
        let counted = self.counted(intake.spill.days().keys().copied()).await?;
        let others = ledger.imports.iter().filter(|(other, import)| {
            is_new_export && **other != id && import.state == ImportState::Finished
        });
        let others: Vec<&Import> = others.map(|(_, import)| import).collect();
        let is_imported = |day: Date| others.iter().any(|it| (it.first..=it.last).contains(&day));
        let days: Vec<Date> = intake.spill.days().keys().copied().collect();
        for day in days {
            let by = if counted.contains(&day) {
                "tracker"
            } else if is_imported(day) {
                "import"
            } else {
                continue;
            };
            let of = intake.spill.days().get(&day);
            let hits = of.map_or(0, |of| of.hits + of.filtered.values().sum::<u64>());
            summary.left_out.push(LeftOut { day, hits, by });
            intake.spill.remove(day);
        }
        Ok(())
    }

    /// The days on which the tracker counted anything, or kept it apart.
    async fn counted(&self, days: impl Iterator<Item = Date>) -> Result<BTreeSet<Date>> {
        let checkpoint = Checkpoint::of(self.store, self.site).await?;
        let shards = checkpoint.shards(self.settings.shards.get());
        let (mut counted, mut month, mut keys) = (BTreeSet::new(), None, BTreeSet::new());
        for day in days {
            // Before its first day there is nothing to be read.
            let folded = checkpoint.is_rolled_up(day);
            if folded && checkpoint.first.is_none_or(|first| day < first) {
                continue;
            }
            if month != Some(day.first_of_month()) {
                month = Some(day.first_of_month());
                let range = keys::segments(self.site, day.first_of_month(), day.last_of_month());
                let items = range_items(self.store, &range).await?;
                keys = items.into_iter().map(|item| item.key).collect();
            }
            let has = |span| keys.contains(&keys::segment_key(self.site, span));
            let mut found =
                has(Span::Day(day)) || Hour::of_day(day).any(|hour| has(Span::Hour(hour)));
            if !found && !folded && day >= utc_day(retention::oldest_hit(self.site, self.now)) {
                let ranges = Hour::of_day(day).flat_map(|hour| {
                    (0..shards).map(move |shard| keys::hits(self.site, hour, shard))
                });
                let looks = ranges.map(|range| async move {
                    Ok::<_, StoreError>(!self.store.query(&range, None).await?.items.is_empty())
                });
                let looks: Vec<_> = looks.collect();
                let looks = stream::iter(looks).buffer_unordered(AT_ONCE);
                found = looks.try_fold(false, async |any, has| Ok(any || has)).await?;
            }
            if found {
                counted.insert(day);
            }
        }
        Ok(counted)
    }

    /// Stores the days, and then says that they count.
    async fn store(
        &self,
        ledger: &Ledger,
        id: ImportId,
        mut import: Import,
        inputs: &[Input],
        intake: &mut Intake<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let stores = !self.options.dry_run;
        let begun = ledger.imports.get(&id);
        let (first, last) = (import.first, import.last);
        if stores {
            for other in ledger.leftovers().into_iter().filter(|other| *other != id) {
                let Some(left) = ledger.imports.get(&other) else { continue };
                history::take_back(self.store, self.site, other, left, self.now).await?;
            }
        }
        // What was begun may have had other days.
        if let Some(begun) = begun {
            import.first = import.first.min(begun.first);
            import.last = import.last.max(begun.last);
        }
        let prints: Vec<Print> = inputs.iter().map(|input| input.print.clone()).collect();
        let mut batch = Batch::default();
        batch.add(history::item(self.site, id, &import)?);
        history::files(self.site, id, &prints)?.into_iter().for_each(|item| batch.add(item));
        self.put(&mut batch, summary, stores).await?;
        let days: Vec<Date> = intake.spill.days().keys().copied().collect();
        let bar = bar("Storing", days.len() as u64, false)?;
        for day in days.iter().copied() {
            if self.stop.load(Ordering::Relaxed) {
                bail!("stopped");
            }
            let span = Span::Imported(day, id);
            let (rows, mut texts) = intake.spill.rows(day)?;
            let encoded = rollup::encode(self.site, span, rows, &mut texts, 0)?;
            let (first, rest) = rollup::items(self.site, span, encoded, None);
            let mut there = match begun {
                Some(_) => self.there(day, id).await?,
                None => BTreeMap::new(),
            };
            for item in rest.into_iter().chain([first]) {
                summary.bytes += item.value.len() as u64;
                // What an interrupted try has stored is not stored again.
                if there.remove(&item.key).is_some_and(|value| value == item.value) {
                    continue;
                }
                batch.add(item);
                if batch.is_full() {
                    self.put(&mut batch, summary, stores).await?;
                }
            }
            if stores {
                self.delete(there).await?;
            }
            intake.spill.remove(day);
            bar.inc(1);
        }
        self.put(&mut batch, summary, stores).await?;
        let begun =
            begun.map(|begun| begun.first.series(1.day()).take_while(|day| *day <= begun.last));
        for day in begun.into_iter().flatten().filter(|day| stores && !days.contains(day)) {
            self.delete(self.there(day, id).await?).await?;
        }
        if stores {
            // Another import may have taken this one for one that was left.
            let still = Ledger::of(self.store, self.site).await?;
            if still.imports.get(&id).is_none_or(|it| it.state != ImportState::Begun) {
                return Err(CommandError::failed(
                    "another import of this site began meanwhile, and has taken this one back",
                    "run this again once that one is done",
                )
                .into());
            }
        }
        import = Import { state: ImportState::Finished, first, last, ..import };
        import.bytes = summary.bytes;
        batch.add(history::item(self.site, id, &import)?);
        self.put(&mut batch, summary, stores).await?;
        bar.finish_and_clear();
        Ok(())
    }

    /// What an interrupted try of this import has stored of a day.
    async fn there(&self, day: Date, id: ImportId) -> Result<BTreeMap<Key, Vec<u8>>> {
        let items = range_items(self.store, &keys::imported_segment(self.site, day, id)).await?;
        Ok(items.into_iter().map(|item| (item.key, item.value)).collect())
    }

    /// Deletes what this try has not: another version of Footfall may have made it.
    async fn delete(&self, items: BTreeMap<Key, Vec<u8>>) -> Result<()> {
        for key in items.keys() {
            self.store.delete(key).await?;
        }
        Ok(())
    }

    async fn put(&self, batch: &mut Batch, summary: &mut Summary, stores: bool) -> Result<()> {
        let Batch { items, .. } = std::mem::take(batch);
        for item in &items {
            let bytes = Item::overhead(&item.key) + item.value.len();
            summary.write_units += bytes.div_ceil(WRITE_UNIT) as u64;
        }
        if !stores || items.is_empty() {
            return Ok(());
        }
        // To store the same again is safe.
        for pause in self.pauses {
            match self.store.put_all(items.clone()).await {
                Err(StoreError::Unavailable(_)) => sleep(Duration::from_secs(*pause)).await,
                done => return Ok(done?),
            }
        }
        Ok(self.store.put_all(items).await?)
    }
}

/// Items that are stored together.
#[derive(Debug, Default)]
struct Batch {
    items: Vec<Item>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, item: Item) {
        self.bytes += item.value.len();
        self.items.push(item);
    }

    const fn is_full(&self) -> bool {
        self.items.len() >= ITEMS || self.bytes >= BYTES
    }
}

/// Passes over the beginning of a file, and says how many lines it has.
fn skip(input: &mut impl io::BufRead, bytes: u64) -> io::Result<u64> {
    let (mut left, mut lines) = (input.take(bytes), 0);
    let mut buffer = [0; 8192];
    loop {
        let read = left.read(&mut buffer)?;
        if read == 0 {
            return Ok(lines);
        }
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}

/// A bar, which draws itself on a terminal only.
fn bar(what: &'static str, length: u64, bytes: bool) -> Result<ProgressBar> {
    let bar = ProgressBar::new(length);
    let numbers = if bytes {
        "{bytes}/{total_bytes}, {bytes_per_sec}, {eta} left"
    } else {
        "{pos}/{len} days, {eta} left"
    };
    let template = format!("{{msg}} {{wide_bar:.green}} {numbers}");
    bar.set_style(ProgressStyle::with_template(&template)?);
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}
