//! `cargo xtask import`: what other tools and servers have counted, beside what Footfall counts.
//!
//! ```text
//! source -> format -> access_log, cloudfront, goatcounter, …    files to lines
//! intake -> spill                                               lines to hits, hits to days
//! job -> ledger                                                 days to segments, and what is known of them
//! ```

mod access_log;
mod cloudfront;
mod footfall;
mod format;
mod goatcounter;
mod intake;
mod job;
mod ledger;
mod names;
mod plausible;
mod source;
mod spill;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod umami;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use clap::Args;
use footfall_infra::outputs;
use footfall_infra::settings::{self, Settings, Site};
use footfall_runtime::ambient::{Ambient as _, Machine};
use footfall_runtime::imports::{ImportId, State};
use footfall_runtime::settings_file;
use footfall_runtime::store::Store;
use footfall_runtime::store::dynamodb::DynamoDb;
use footfall_runtime::store::embedded::Embedded;
use footfall_runtime::visitor::Salt;

use self::format::Said;
use self::job::{Job, Options, PAUSES, Summary};
use self::ledger::Ledger;
use self::source::Source;
use self::tally::Lines;
use crate::apply::print_json;
use crate::aws::{Aws, Target};
use crate::problem::Problem;
use crate::stack;

/// Import what other tools and servers have counted
///
/// Takes access logs of Apache and nginx, CloudFront's standard logs, the exports of GoatCounter, Plausible
/// and Umami, and Footfall's own; gzipped or not. What is imported counts in every report of its days. The
/// same content is imported once, however often it is named, and of a log that has grown, what is new.
/// Days on which the tracker has counted are left out. docs/import.md says what each format carries.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Files to import
    #[arg(value_name = "FILE", required_unless_present_any = ["list", "undo"])]
    files: Vec<PathBuf>,
    /// Site that they are of, by its domain; needed if there is more than one
    #[arg(long, value_name = "DOMAIN")]
    site: Option<String>,
    /// Format of the files; found by how they begin if not said
    #[arg(long, value_enum)]
    format: Option<Said>,
    /// Also take days on which the tracker has counted, or that another export has: they count twice
    #[arg(long)]
    overlap: bool,
    /// Read and check everything, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// List what was imported
    #[arg(long, conflicts_with_all = ["files", "undo"])]
    list: bool,
    /// Take an import back
    #[arg(long, value_name = "ID", conflicts_with = "files")]
    undo: Option<ImportId>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Import into the data of `cargo xtask dev` on this machine, in place of the deployed table
    #[arg(long, help_heading = "Where", conflicts_with_all = ["stack", "region", "profile"])]
    local: bool,
    /// Folder of that data
    #[arg(long, value_name = "DIR", default_value = ".footfall", help_heading = "Where")]
    data: PathBuf,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    // A wrong name is said before anything else is tried.
    let mut sources = Vec::new();
    for file in &arguments.files {
        sources.extend(Source::of(file)?);
    }
    if arguments.local {
        let settings = settings_file::read(Path::new(settings::FILE))?;
        let store = Embedded::open(&arguments.data)?;
        return of_store(arguments, &store, &settings, sources).await;
    }
    let aws = Aws::connect(&arguments.target).await?;
    let name = &arguments.target.stack;
    let found = stack::look(&aws, name.as_str()).await?;
    let table = found.as_ref().and_then(|it| stack::outputs(it).remove(outputs::TABLE_NAME));
    let (Some(stack), Some(table)) = (&found, table) else {
        return Err(Problem::refused(
            format!("there is no stack {name} in {} to import into", aws.region),
            "run `cargo xtask deploy` first, or say --local for the data of `cargo xtask dev`",
        )
        .into());
    };
    // The sites that are deployed: what stands in this folder may be newer.
    let template = stack::template(&aws, stack).await.unwrap_or_default();
    let settings = match stack::settings(template.as_ref()) {
        Some(settings) => settings,
        None => settings_file::read(Path::new(settings::FILE))?,
    };
    // A segment costs hundreds of write units: a table of 25 a second takes its time, and says so.
    let patient = RetryConfig::standard().with_max_attempts(20);
    let client = aws.dynamodb.config().to_builder().retry_config(patient).build();
    let client = aws_sdk_dynamodb::Client::from_conf(client);
    of_store(arguments, &DynamoDb::of_client(client, table), &settings, sources).await
}

async fn of_store<S: Store>(
    arguments: &Arguments,
    store: &S,
    settings: &Settings,
    sources: Vec<Source>,
) -> Result<()> {
    let site = site(settings, arguments.site.as_deref())?;
    if arguments.list {
        return list(store, site, arguments.json).await;
    }
    if let Some(id) = arguments.undo {
        return undo(store, site, id).await;
    }
    stop_on_ctrl_c()?;
    let job = Job {
        store,
        settings,
        site,
        now: Machine.now(),
        salt: Salt::new(Machine.random()?),
        options: Options {
            format: arguments.format,
            overlap: arguments.overlap,
            dry_run: arguments.dry_run,
        },
        pauses: &PAUSES,
        stop: &STOP,
    };
    let done = job.run(sources).await;
    let summary = done.map_err(|error| {
        if STOP.load(Ordering::Relaxed) {
            let remedy = "run the same again to go on";
            return Problem::failed("stopped; nothing of it counts", remedy).into();
        }
        error
    })?;
    if arguments.json {
        return print_json(&summary);
    }
    io::stdout().write_all(text(&summary, &place(arguments)).as_bytes()).context("cannot print")
}

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Ends the import by Ctrl-C with what it has on the disk cleared away, and by another one at once. It is
/// listened to in a thread, as reading leaves the other no time to.
fn stop_on_ctrl_c() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if STOP.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
            }
        });
    });
    Ok(())
}

/// How to say again where an import went.
fn place(arguments: &Arguments) -> String {
    let mut place = String::new();
    if let Some(site) = &arguments.site {
        let _ = write!(place, " --site {site}");
    }
    if arguments.local {
        let _ = write!(place, " --local --data {}", arguments.data.display());
    }
    place
}

/// The site that is meant.
fn site<'a>(settings: &'a Settings, said: Option<&str>) -> Result<&'a Site, Problem> {
    let names = settings.domains();
    match (said, settings.sites.as_slice()) {
        (Some(domain), _) => settings.site(domain).ok_or_else(|| {
            let remedy = format!("the sites in {} are {names}", settings::FILE);
            Problem::refused(format!("there is no site {domain}"), remedy)
        }),
        (None, [site]) => Ok(site),
        (None, _) => Err(Problem::refused(
            "there are several sites",
            format!("say --site with one of {names}"),
        )),
    }
}

async fn list<S: Store>(store: &S, site: &Site, json: bool) -> Result<()> {
    let ledger = Ledger::of(store, site).await?;
    if json {
        return print_json(&ledger.imports);
    }
    let mut text = String::new();
    for (id, import) in &ledger.imports {
        let state = match import.state {
            State::Finished => "",
            State::Begun => ", which is not finished and does not count: run the same import again",
            State::Undone => ", which is being taken back: run --undo again",
        };
        let _ = writeln!(
            text,
            "{id}  {}  {} hits and {} filtered, {} to {}{state}",
            import.at.strftime("%Y-%m-%d"),
            import.hits,
            import.filtered,
            import.first,
            import.last,
        );
    }
    if text.is_empty() {
        eprintln!("Nothing was imported of {}.", site.domain);
    }
    io::stdout().write_all(text.as_bytes()).context("cannot print")
}

async fn undo<S: Store>(store: &S, site: &Site, id: ImportId) -> Result<()> {
    let ledger = Ledger::of(store, site).await?;
    let Some(import) = ledger.imports.get(&id) else {
        return Err(Problem::refused(
            format!("{} has no import {id}", site.domain),
            "`cargo xtask import --list` shows those that there are",
        )
        .into());
    };
    ledger::take_back(store, site, id, import, Machine.now()).await?;
    eprintln!("Took back {} hits, {} to {}.", import.hits, import.first, import.last);
    Ok(())
}

/// The summary as an owner reads it.
fn text(summary: &Summary, place: &str) -> String {
    let mut text = String::new();
    for skipped in &summary.skipped {
        let by = match (skipped.id, skipped.at) {
            (Some(id), Some(at)) => {
                format!("imported already on {} ({id})", at.strftime("%Y-%m-%d"))
            }
            _ => "the same as another of these files".to_owned(),
        };
        let part = if skipped.whole {
            String::new()
        } else {
            format!("its first {} bytes: ", skipped.bytes)
        };
        let _ = writeln!(text, "{}: {part}{by}", skipped.file);
    }
    if summary.files == 0 {
        text.push_str("There is nothing new to import.\n");
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
        row("filtered", format!("{filtered}, which are kept apart: {}", reasons.join(", ")));
    }
    for Lines { lines, text, .. } in &summary.passed {
        row("passed", format!("{lines}: {text}"));
    }
    for Lines { lines, first, text, .. } in &summary.refused {
        let more = if *lines > first.len() as u64 { ", …" } else { "" };
        row("refused", format!("{lines}: {text} ({}{more})", first.join(", ")));
    }
    for by in ["tracker", "import"] {
        let days: Vec<_> = summary.left_out.iter().filter(|left| left.by == by).collect();
        let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
        let hits: u64 = days.iter().map(|left| left.hits).sum();
        let who = if by == "tracker" { "the tracker counted" } else { "another import has" };
        row(
            "left out",
            format!(
                "{} on {} that {who} ({} to {}); --overlap takes them, too",
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
        text.push_str("There is nothing to import.\n");
        return text;
    };
    row("days", format!("{}, {first} to {last}", summary.days));
    let stored = if summary.dry_run { "to store" } else { "stored" };
    row(stored, format!("{} bytes, for {} write units", summary.bytes, summary.write_units));
    if summary.dry_run {
        text.push_str("Nothing was stored: this was a dry run.\n");
    } else {
        let _ = writeln!(
            text,
            "Imported into {} as {id}; `cargo xtask import --undo {id}{place}` takes it back.",
            summary.site
        );
    }
    text
}
