//! An import from beginning to end. New content is read and sorted into days, each day becomes a segment, and
//! the last write makes all of them count.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use footfall_infra::settings::{Settings, Site};
use footfall_runtime::catalog::imports::{Import, ImportState};
use footfall_runtime::hit::visitor::Salt;
use footfall_runtime::storage::Store;
use footfall_runtime::storage::import_id::ImportId;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use sha2::{Digest as _, Sha256};

use super::day_writer::{Batch, DayWriter};
use super::format::FormatArg;
use super::history::{self, Fingerprint, History};
use super::inputs::{self, Input};
use super::line_counts::Reason;
use super::pipeline::Pipeline;
use super::progress_bar;
use super::source::Source;
use super::summary::{LeftOut, Summary};
use super::tracked_days::tracked_days;
use crate::data::lock;
use crate::error::CommandError;

/// Pauses between retries while the store is unavailable, in seconds. A table of 25 write units a second needs
/// 40 seconds for a batch.
pub(crate) const PAUSES: [u64; 10] = [1, 2, 5, 10, 20, 30, 30, 30, 30, 30];

/// Options of an import.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The format of all files. `None` detects it.
    pub format: Option<FormatArg>,
    /// Import days that already have data.
    pub overlap: bool,
    /// Store nothing.
    pub dry_run: bool,
}

/// An import into a site.
#[derive(Debug)]
pub struct Job<'a, S> {
    /// Where the import goes.
    pub store: &'a S,
    /// The settings.
    pub settings: &'a Settings,
    /// The site that the files are of.
    pub site: &'a Site,
    /// The current time.
    pub now: Timestamp,
    /// Salt for visitors, used for this import only.
    pub salt: Salt,
    /// Identifies this import as the holder of the site's lease.
    pub holder: [u8; 16],
    /// Duration of the site's lease.
    pub lease: Duration,
    /// What to import, and how.
    pub options: Options,
    /// Pauses between retries while the store is unavailable, in seconds.
    pub pauses: &'a [u64],
    /// Ends the import with an error once it is set.
    pub stop: &'a AtomicBool,
}

impl<S: Store> Job<'_, S> {
    /// Imports files. A dry run does everything but store them.
    ///
    /// # Errors
    /// If a file cannot be read, no line of all files can be imported, the store fails, or another import of
    /// the site interferes.
    pub async fn run(&self, sources: Vec<Source>) -> Result<Summary> {
        let mut summary = Summary {
            site: self.site.domain.to_string(),
            dry_run: self.options.dry_run,
            ..Summary::default()
        };
        let history = History::of(self.store, self.site).await?;
        let Options { format, .. } = self.options;
        let inputs = inputs::find_new(sources, &history, format, self.stop, &mut summary)?;
        if inputs.is_empty() {
            return Ok(summary);
        }
        let mut pipeline = Pipeline::new(self.settings, self.site, self.now, self.salt)?;
        inputs::read(&inputs, self.stop, &mut pipeline, &mut summary.notes)?;
        summary.files = inputs.len() as u64;
        if self.options.dry_run {
            self.import(&history, &inputs, &mut pipeline, &mut summary).await?;
            return Ok(summary);
        }
        let lease = lock::take(self.store, self.site, self.holder, self.lease).await?;
        let imported = lease.hold_during(async {
            // Reading may have taken minutes.
            if History::of(self.store, self.site).await?.imports != history.imports {
                return Err(CommandError::failed(
                    "another import of this site was made or undone meanwhile",
                    "run this again",
                )
                .into());
            }
            self.import(&history, &inputs, &mut pipeline, &mut summary).await
        });
        imported.await.map_err(lock::locked)??;
        Ok(summary)
    }

    /// Imports what was read, except for days that already have data.
    async fn import(
        &self,
        history: &History,
        inputs: &[Input],
        pipeline: &mut Pipeline<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let is_new_export = inputs.iter().any(|it| it.format.is_export() && it.from == 0);
        let id = self.id(inputs);
        self.leave_out(history, id, is_new_export, pipeline, summary).await?;
        summary.lines = pipeline.counts.lines;
        summary.refused = pipeline.counts.rejected();
        summary.passed = pipeline.counts.skipped();
        let days = pipeline.hits.days();
        summary.days = days.len() as u64;
        summary.first = days.keys().next().copied();
        summary.last = days.keys().next_back().copied();
        for day in days.values() {
            summary.hits += day.hits;
            for (reason, hits) in &day.excluded {
                *summary.filtered.entry(reason).or_default() += hits;
            }
        }
        let counts = &pipeline.counts;
        if counts.lines > 0 && counts.of(Reason::Unreadable) == counts.lines {
            let place = summary.refused.first().and_then(|lines| lines.first.first().cloned());
            return Err(CommandError::rejected(
                format!(
                    "cannot read any of {} lines, from {} on; nothing was imported",
                    summary.lines,
                    place.unwrap_or_default()
                ),
                "docs/import.md shows what lines of each format look like",
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
            self.store(history, import, inputs, pipeline, summary).await?;
        }
        Ok(())
    }

    /// Returns the import's ID. The same content and options have the same ID, so an interrupted import is
    /// resumed.
    fn id(&self, inputs: &[Input]) -> ImportId {
        let mut parts: Vec<String> = inputs
            .iter()
            .map(|Input { from, fingerprint, .. }| {
                format!("{from} {} {}", fingerprint.length, fingerprint.sha256)
            })
            .collect();
        parts.sort();
        let text = format!("{} {} {}", self.site.domain, self.options.overlap, parts.join(" "));
        let hash = Sha256::digest(text.as_bytes());
        let mut bytes = [0; 6];
        bytes.iter_mut().zip(&hash).for_each(|(byte, of)| *byte = *of);
        ImportId::from_bytes(bytes)
    }

    /// Leaves out days that already have data. Readers on such a day would count twice.
    async fn leave_out(
        &self,
        history: &History,
        id: ImportId,
        is_new_export: bool,
        pipeline: &mut Pipeline<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        if self.options.overlap {
            return Ok(());
        }
        let days: Vec<Date> = pipeline.hits.days().keys().copied().collect();
        let Self { store, settings, site, now, .. } = self;
        let tracked = tracked_days(*store, settings, site, *now, days.iter().copied()).await?;
        let others = history.imports.iter().filter(|(other, import)| {
            is_new_export && **other != id && import.state == ImportState::Finished
        });
        let others: Vec<&Import> = others.map(|(_, import)| import).collect();
        let is_imported = |day: Date| others.iter().any(|it| (it.first..=it.last).contains(&day));
        for day in days {
            let by = if tracked.contains(&day) {
                "tracker"
            } else if is_imported(day) {
                "import"
            } else {
                continue;
            };
            let of = pipeline.hits.days().get(&day);
            let hits = of.map_or(0, |of| of.hits + of.excluded.values().sum::<u64>());
            summary.left_out.push(LeftOut { day, hits, by });
            pipeline.hits.remove(day);
        }
        Ok(())
    }

    /// Stores the days, and then marks the import as finished, which makes them count.
    async fn store(
        &self,
        history: &History,
        mut import: Import,
        inputs: &[Input],
        pipeline: &mut Pipeline<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let id = self.id(inputs);
        let stores = !self.options.dry_run;
        let begun = history.imports.get(&id);
        let (first, last) = (import.first, import.last);
        if stores {
            for other in history.leftovers().into_iter().filter(|other| *other != id) {
                let Some(left) = history.imports.get(&other) else { continue };
                history::undo(self.store, self.site, other, left, self.now).await?;
            }
        }
        // The interrupted run may have had other days.
        if let Some(begun) = begun {
            import.first = import.first.min(begun.first);
            import.last = import.last.max(begun.last);
        }
        let mut writer = DayWriter {
            store: self.store,
            site: self.site,
            id,
            dry_run: self.options.dry_run,
            is_resumed: begun.is_some(),
            pauses: self.pauses,
            batch: Batch::default(),
            bytes: 0,
            write_units: 0,
        };
        let fingerprints: Vec<Fingerprint> =
            inputs.iter().map(|input| input.fingerprint.clone()).collect();
        writer.batch.add(history::import_item(self.site, id, &import)?);
        for item in history::file_items(self.site, id, &fingerprints)? {
            writer.batch.add(item);
        }
        writer.flush().await?;
        let days: Vec<Date> = pipeline.hits.days().keys().copied().collect();
        let bar = progress_bar::of_days("Storing", days.len() as u64)?;
        for day in days.iter().copied() {
            if self.stop.load(Ordering::Relaxed) {
                bail!("stopped");
            }
            writer.write_day(day, &mut pipeline.hits).await?;
            pipeline.hits.remove(day);
            bar.inc(1);
        }
        writer.flush().await?;
        let begun =
            begun.map(|begun| begun.first.series(1.day()).take_while(|day| *day <= begun.last));
        for day in begun.into_iter().flatten().filter(|day| stores && !days.contains(day)) {
            writer.delete_day(day).await?;
        }
        if stores {
            // Another import may have undone this one as a leftover.
            let current = History::of(self.store, self.site).await?;
            if current.imports.get(&id).is_none_or(|it| it.state != ImportState::Begun) {
                return Err(CommandError::failed(
                    "another import of this site began meanwhile and has undone this one",
                    "run this again once that one is done",
                )
                .into());
            }
        }
        let bytes = writer.bytes;
        import = Import { state: ImportState::Finished, first, last, bytes, ..import };
        writer.batch.add(history::import_item(self.site, id, &import)?);
        writer.flush().await?;
        (summary.bytes, summary.write_units) = (writer.bytes, writer.write_units);
        bar.finish_and_clear();
        Ok(())
    }
}
