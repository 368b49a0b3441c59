//! `cargo xtask import`: imports what other tools and servers have counted.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use footfall_infra::settings::{Settings, Site};
use footfall_runtime::catalog::imports::ImportState;
use footfall_runtime::catalog::lease::LEASE_DURATION;
use footfall_runtime::hit::visitor::Salt;
use footfall_runtime::platform::context::{Context as _, SystemContext};
use footfall_runtime::storage::Store;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::import_id::ImportId;

use crate::data::location::{Place, only_site};
use crate::data::lock::{self, FOLDER_LEASE};
use crate::error::CommandError;
use crate::import::format::FormatArg;
use crate::import::history::{self, History};
use crate::import::job::{Job, Options, PAUSES};
use crate::import::line_counts::Lines;
use crate::import::source::Source;
use crate::import::summary::Summary;
use crate::settings;
use crate::terminal::interrupt::{STOP, unless_stopped};
use crate::terminal::output::print_json;

/// Import data from other analytics tools and server logs
///
/// Reads access logs of Apache and nginx, CloudFront standard logs, and exports of GoatCounter, Plausible, Umami
/// and Footfall, gzipped or not. Imported hits count in every report of their days. The same content is imported
/// once, and only the new part of a log that has grown. Days on which the tracker has counted are left out.
/// docs/import.md says what each format contains.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Files to import
    #[arg(value_name = "FILE", required_unless_present_any = ["list", "undo"])]
    files: Vec<PathBuf>,
    /// Domain of the site; required if there is more than one
    #[arg(long, value_name = "DOMAIN")]
    site: Option<String>,
    /// Format of the files [default: detected]
    #[arg(long, value_enum)]
    format: Option<FormatArg>,
    /// Also import days that already have data, which then counts twice
    #[arg(long)]
    overlap: bool,
    /// Read and check everything, but store nothing
    #[arg(long)]
    dry_run: bool,
    /// List imports
    #[arg(long, conflicts_with_all = ["files", "undo"])]
    list: bool,
    /// Undo an import
    #[arg(long, value_name = "ID", conflicts_with = "files")]
    undo: Option<ImportId>,
    /// Fingerprint the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    // A wrong name is said before anything else is tried.
    let mut sources = Vec::new();
    for file in &arguments.files {
        sources.extend(Source::of(file)?);
    }
    if let Some(folder) = arguments.place.folder() {
        // Where there is no data yet, this is its beginning.
        let store = Embedded::open(folder).map_err(CommandError::from)?;
        return import_into(arguments, &store, &settings::or_local()?, sources).await;
    }
    let deployed = arguments.place.deployed().await?;
    let settings = deployed.settings.map_or_else(settings::or_local, Ok)?;
    import_into(arguments, &deployed.table, &settings, sources).await
}

async fn import_into<S: Store>(
    arguments: &Arguments,
    store: &S,
    settings: &Settings,
    sources: Vec<Source>,
) -> Result<()> {
    let site = only_site(settings, arguments.site.as_deref())?;
    if arguments.list {
        return list(store, site, arguments.json).await;
    }
    let lease = if arguments.place.folder().is_some() { FOLDER_LEASE } else { LEASE_DURATION };
    if let Some(id) = arguments.undo {
        return undo(store, site, id, lease).await;
    }
    let job = Job {
        store,
        settings,
        site,
        now: SystemContext.now(),
        salt: Salt::new(SystemContext.random()?),
        holder: SystemContext.random()?,
        lease,
        options: Options {
            format: arguments.format,
            overlap: arguments.overlap,
            dry_run: arguments.dry_run,
        },
        pauses: &PAUSES,
        stop: &STOP,
    };
    let remedy = "nothing counts yet; run the same command again to continue";
    let summary = unless_stopped(job.run(sources), remedy).await?;
    if arguments.json {
        return print_json(&summary);
    }
    io::stdout().write_all(text(&summary, &said(arguments)).as_bytes()).context("cannot print")
}

/// How to say again where an import went.
fn said(arguments: &Arguments) -> String {
    let mut place = String::new();
    if let Some(site) = &arguments.site {
        let _ = write!(place, " --site {site}");
    }
    if let Some(folder) = arguments.place.folder() {
        let _ = write!(place, " --local --data {}", folder.display());
    }
    place
}

async fn list<S: Store>(store: &S, site: &Site, json: bool) -> Result<()> {
    let history = History::of(store, site).await?;
    if json {
        return print_json(&history.imports);
    }
    let mut text = String::new();
    for (id, import) in &history.imports {
        let state = match import.state {
            ImportState::Finished => "",
            ImportState::Begun => " (unfinished, does not count: run the same import again)",
            ImportState::Undone => " (being undone: run --undo again)",
        };
        let _ = writeln!(
            text,
            "{id}  {}  {} hits, {} excluded, {} to {}{state}",
            import.at.strftime("%Y-%m-%d"),
            import.hits,
            import.filtered,
            import.first,
            import.last,
        );
    }
    if text.is_empty() {
        eprintln!("No imports for {}.", site.domain);
    }
    io::stdout().write_all(text.as_bytes()).context("cannot print")
}

async fn undo<S: Store>(store: &S, site: &Site, id: ImportId, lease: Duration) -> Result<()> {
    let taken_back = async {
        let history = History::of(store, site).await?;
        let Some(import) = history.imports.get(&id) else {
            return Err(CommandError::rejected(
                format!("unknown import {id} of {}", site.domain),
                "`cargo xtask import --list` lists the imports",
            )
            .into());
        };
        history::undo(store, site, id, import, SystemContext.now()).await?;
        eprintln!("Undid the import of {} hits, {} to {}.", import.hits, import.first, import.last);
        Ok(())
    };
    let lock = lock::take(store, site, SystemContext.random()?, lease).await?;
    lock.hold_during(taken_back).await.map_err(lock::locked)?
}

/// The summary as an owner reads it.
fn text(summary: &Summary, place: &str) -> String {
    let mut text = String::new();
    for skipped in &summary.skipped {
        let by = match (skipped.id, skipped.at) {
            (Some(id), Some(at)) => {
                format!("already imported on {} ({id})", at.strftime("%Y-%m-%d"))
            }
            _ => "identical to another of these files".to_owned(),
        };
        let part = if skipped.whole {
            String::new()
        } else {
            format!("its first {} bytes: ", skipped.bytes)
        };
        let _ = writeln!(text, "{}: {part}{by}", skipped.file);
    }
    if summary.files == 0 {
        text.push_str("Nothing new to import.\n");
        return text;
    }
    let filtered: u64 = summary.filtered.values().sum();
    let mut row = |name: &str, what: String| {
        let _ = writeln!(text, "{name:<9} {what}");
    };
    let many =
        |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    row("read", format!("{} of {}", many(summary.lines, "line"), many(summary.files, "file")));
    row("hits", summary.hits.to_string());
    if filtered > 0 {
        let reasons = summary.filtered.iter().map(|(reason, hits)| format!("{hits} {reason}"));
        let reasons: Vec<String> = reasons.collect();
        row("excluded", format!("{filtered} (stored separately): {}", reasons.join(", ")));
    }
    for Lines { lines, text, .. } in &summary.passed {
        row("skipped", format!("{lines}: {text}"));
    }
    for Lines { lines, first, text, .. } in &summary.refused {
        let more = if *lines > first.len() as u64 { ", …" } else { "" };
        row("rejected", format!("{lines}: {text} ({}{more})", first.join(", ")));
    }
    for by in ["tracker", "import"] {
        let days: Vec<_> = summary.left_out.iter().filter(|left| left.by == by).collect();
        let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
        let hits: u64 = days.iter().map(|left| left.hits).sum();
        let who =
            if by == "tracker" { "the tracker has counted" } else { "another import contains" };
        row(
            "left out",
            format!(
                "{} on {} that {who} ({} to {}); --overlap imports them, too",
                many(hits, "hit"),
                many(days.len() as u64, "day"),
                first.day,
                last.day
            ),
        );
    }
    for note in &summary.notes {
        row("note", note.clone());
    }
    let (Some(first), Some(last), Some(id)) = (summary.first, summary.last, summary.id) else {
        text.push_str("Nothing to import.\n");
        return text;
    };
    row("days", format!("{}, {first} to {last}", summary.days));
    let stored = if summary.dry_run { "to store" } else { "stored" };
    row(stored, format!("{} bytes, for {} write units", summary.bytes, summary.write_units));
    if summary.dry_run {
        text.push_str("Dry run: nothing was stored.\n");
    } else {
        let _ = writeln!(
            text,
            "Imported into {} as {id}; `cargo xtask import --undo {id}{place}` undoes it.",
            summary.site
        );
    }
    text
}
