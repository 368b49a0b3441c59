//! `cargo xtask export`: exports every hit of a site. Holds one day in memory.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum};
use footfall_infra::settings::{Settings, Site};
use footfall_runtime::archive::export::{self, Lines};
use footfall_runtime::archive::{Day, RawData};
use footfall_runtime::rollup;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::NULL_KEY;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::Store;
use footfall_runtime::storage::hour::Span;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::data::atomic_file::{self, Partial, check_is_new, sync_folder};
use crate::data::location::{self, Data, Place};
use crate::error::CommandError;
use crate::settings;
use crate::terminal::interrupt::unless_stopped;

/// Export every hit of a site as Parquet, CSV or JSON Lines
///
/// Days are in UTC, as stored. Parquet is a folder with one file or more per day: 2026-11-22.parquet, then
/// 2026-11-22.01.parquet and so on if a day has several parts, 2026-11-22-so-far.parquet for hits that are not
/// rolled up yet, and other suffixes for imports. In DuckDB, `SELECT … FROM 'FOLDER/*.parquet'` reads them all.
/// CSV and JSON Lines are one file in chronological order. Visitor numbers are only meaningful within a day (in
/// Parquet: within files of one name). Rows with a reason in `filtered` were excluded, such as bots. In CSV, values
/// that spreadsheets would take for formulas (beginning with = + - @) are prefixed with an apostrophe, because
/// visitors choose these values. Use another format for exact values, as for `cargo xtask import`.
///
/// The export appears when it is complete. An interrupted one leaves nothing behind.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site [default: first site in footfall.yaml]
    #[arg(long, value_name = "DOMAIN")]
    site: Option<String>,
    /// First day, such as 2026-11-01 [default: first day with data]
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Last day [default: today]
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// Format of the export
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,
    /// Where to write: a folder for Parquet, otherwise a file, or - for standard output; must not exist [default:
    /// footfall-SITE-FROM-TO, with .csv or .jsonl]
    #[arg(long, value_name = "PLACE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A folder with files per day
    Parquet,
    /// One table, with a header
    Csv,
    /// A JSON object per line
    Jsonl,
}

/// Files and counts of an export.
#[derive(Debug, Default)]
struct Written {
    hits: u64,
    filtered: u64,
    days: u64,
    files: u64,
    bytes: u64,
    unreadable: u64,
    incomplete: Vec<String>,
}

/// Destination of an export.
enum Sink {
    Folder(Partial),
    Lines(export::Format, Box<dyn Write>),
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if arguments.from.zip(arguments.to).is_some_and(|(from, to)| from > to) {
        return Err(CommandError::rejected("--from is later than --to", "swap them").into());
    }
    if arguments.output.as_deref() == Some(Path::new("-")) && arguments.format == Format::Parquet {
        return Err(CommandError::rejected(
            "Parquet files cannot go to standard output",
            "choose a folder, or pass --format csv or --format jsonl",
        )
        .into());
    }
    if let Some(output) = arguments.output.as_deref().filter(|output| *output != Path::new("-")) {
        check_is_new(output)?;
    }
    let settings = settings::or_local()?;
    let work = async {
        match arguments.place.open().await? {
            Data::Table(store) => write(arguments, &settings, &store).await,
            Data::Folder(store) => write(arguments, &settings, &store).await,
        }
    };
    unless_stopped(work, "nothing was written; run this again to export everything").await
}

async fn write<S: Store>(arguments: &Arguments, settings: &Settings, store: &S) -> Result<()> {
    let site = &location::site(store, settings, arguments.site.as_deref()).await?;
    eprintln!("Site     {}\n", site.domain);
    let archive =
        RawData::open(store, settings, site, Timestamp::now()).await.map_err(CommandError::from)?;
    let (first, last) = archive.range();
    let from = arguments.from.map_or(first, |from| from.max(first));
    let to = arguments.to.map_or(last, |to| to.min(last));
    let output = arguments.output.clone().unwrap_or_else(|| {
        let name = format!("footfall-{}-{from}-{to}", site.domain);
        match arguments.format {
            Format::Parquet => name.into(),
            Format::Csv => format!("{name}.csv").into(),
            Format::Jsonl => format!("{name}.jsonl").into(),
        }
    });
    let is_stdout = output == Path::new("-");
    if !is_stdout {
        check_is_new(&output)?;
    }
    let context = || format!("cannot write {}", output.display());
    let partial = if is_stdout { None } else { Some(Partial::beside(&output)?) };
    let format = match arguments.format {
        Format::Parquet => None,
        Format::Csv => Some(export::Format::Csv),
        Format::Jsonl => Some(export::Format::Jsonl),
    };
    let mut written = Written::default();
    let (sink, partial, file) = match (format, partial) {
        (Some(format), None) => {
            (Sink::Lines(format, Box::new(BufWriter::new(io::stdout()))), None, None)
        }
        (Some(format), Some(partial)) => {
            let file = partial.create().with_context(context)?;
            let synced = file.try_clone().with_context(context)?;
            let out = BufWriter::with_capacity(1 << 16, file);
            (Sink::Lines(format, Box::new(out)), Some(partial), Some(synced))
        }
        (None, Some(partial)) => {
            partial.create_folder().with_context(context)?;
            (Sink::Folder(partial), None, None)
        }
        (None, None) => return Err(anyhow!("Parquet files need a folder")),
    };
    let mut sink = sink;
    if let Sink::Lines(format, out) = &mut sink {
        written.line(format.header().as_bytes(), out).with_context(context)?;
    }
    let is_terminal = io::stderr().is_terminal();
    for day in archive.days(from, to) {
        if is_terminal {
            eprint!("\rExporting {day}: {} hits so far", written.hits);
        }
        let contents = archive.day(day).await.map_err(CommandError::from)?;
        let before = written.hits;
        match &mut sink {
            Sink::Lines(format, out) => {
                written.lines(*format, contents, out).with_context(context)?;
            }
            Sink::Folder(partial) => {
                written.files(site, day, contents, &partial.path).with_context(context)?;
            }
        }
        written.days += u64::from(written.hits > before);
    }
    if is_terminal {
        eprintln!();
    }
    match sink {
        Sink::Lines(_, mut out) => {
            out.flush().with_context(context)?;
            if let (Some(partial), Some(file)) = (partial, file) {
                file.sync_all().with_context(context)?;
                partial.keep(&output)?;
            }
        }
        Sink::Folder(partial) => {
            sync_folder(&partial.path).with_context(context)?;
            partial.keep(&output)?;
        }
    }
    written.say(
        if is_stdout { "standard output".into() } else { output.display().to_string() },
        from,
        to,
    )
}

impl Written {
    /// Writes some text.
    fn line(&mut self, text: &[u8], out: &mut dyn Write) -> Result<()> {
        self.bytes += u64::try_from(text.len()).unwrap_or_default();
        Ok(out.write_all(text)?)
    }

    fn count(&mut self, rows: &HitBatch) {
        let filtered = rows.column(Column::Exclusion).iter().filter(|reason| **reason != NULL_KEY);
        self.hits += u64::try_from(rows.len()).unwrap_or_default();
        self.filtered += u64::try_from(filtered.count()).unwrap_or_default();
    }

    /// A day as lines.
    fn lines(&mut self, format: export::Format, day: Day, out: &mut dyn Write) -> Result<()> {
        self.unreadable += day.unreadable;
        let (rows, texts, incomplete) = day.into_rows();
        self.incomplete.extend(incomplete);
        self.count(&rows);
        let lines = Lines::new(format, &rows, &texts);
        let mut text = Vec::new();
        for row in 0..rows.len() {
            text.clear();
            lines.write(row, &mut text);
            self.line(&text, out)?;
        }
        Ok(())
    }

    /// Writes a day as files: its segments, and the hits that are not rolled up, as the rollup would write them.
    fn files(&mut self, site: &Site, date: Date, day: Day, folder: &Path) -> Result<()> {
        let mut texts = day.dictionaries;
        if !day.unrolled.is_empty() {
            self.count(&day.unrolled);
            let span = Span::Day(date);
            let encoded =
                rollup::encode_segment(site, span, day.unrolled, &mut texts, day.unreadable)?;
            let parts = std::iter::once(&encoded.first).chain(&encoded.rest).map(Vec::as_slice);
            self.parts(&folder.join(format!("{date}-so-far")), parts)?;
        }
        self.unreadable += day.unreadable;
        self.incomplete.extend(day.incomplete);
        for segment in day.segments.iter().filter(|segment| segment.problem().is_none()) {
            match segment.rows(&[Column::Exclusion], &mut texts) {
                Ok(rows) if rows.is_empty() => continue,
                Ok(rows) => self.count(&rows),
                Err(error) => {
                    self.incomplete.push(format!("the segment {}: {error}", segment.span(date)));
                    continue;
                }
            }
            self.unreadable += segment.unreadable();
            // The part of its name besides the day.
            let kind = segment.name.get(2..).unwrap_or_default();
            let name = if kind.is_empty() { date.to_string() } else { format!("{date}-{kind}") };
            self.parts(&folder.join(name), segment.parts.iter().map(|part| &*part.file))?;
        }
        Ok(())
    }

    /// A segment's parts: `NAME.parquet`, `NAME.01.parquet` and so on.
    fn parts<'a>(&mut self, name: &Path, parts: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        for (number, part) in parts.enumerate() {
            let ending = if number == 0 { String::new() } else { format!(".{number:02}") };
            let mut file: File =
                atomic_file::create(Path::new(&format!("{}{ending}.parquet", name.display())))?;
            self.line(part, &mut file)?;
            file.sync_all()?;
            self.files += 1;
        }
        Ok(())
    }

    /// Says what was written, and what of it is missing.
    fn say(self, output: String, from: Date, to: Date) -> Result<()> {
        let Self { hits, filtered, days, files, bytes, unreadable, incomplete } = self;
        let files = if files > 0 { format!("{files} files, ") } else { String::new() };
        eprintln!(
            "Exported {hits} hits from {days} days, {from} to {to}, to {output} ({files}{bytes} bytes), including \
             {filtered} excluded hits."
        );
        if unreadable > 0 {
            eprintln!("warning: cannot read {unreadable} stored hits; they are missing");
        }
        for what in &incomplete {
            eprintln!("warning: missing: {what}");
        }
        if incomplete.is_empty() {
            return Ok(());
        }
        Err(CommandError::failed(
            format!("cannot read {} segments; everything else is in {output}", incomplete.len()),
            "if a newer version of Footfall wrote them, use that version",
        )
        .into())
    }
}
