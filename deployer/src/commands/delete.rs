//! `cargo xtask delete`: permanently deletes hits by day and page.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use footfall_infra::function::Function;
use footfall_infra::settings::{PagePattern, Settings};
use footfall_infra::stack::{Partition, Spec};
use footfall_runtime::archive::RawData;
use footfall_runtime::archive::delete::{DeleteFilter, DeleteJob, Matches};
use footfall_runtime::catalog::lease::LEASE_DURATION;
use footfall_runtime::platform::context::{Context as _, SystemContext};
use footfall_runtime::rollup::RollupError;
use footfall_runtime::storage::Store;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::data::location::{self, Data, Place};
use crate::data::lock::{self, FOLDER_LEASE};
use crate::error::CommandError;
use crate::settings;
use crate::terminal::interrupt::unless_stopped;
use crate::terminal::prompt;

/// How long a reader may still hold on to what was just replaced: as long as the function `dashboard` may run.
const GRACE: Duration = Duration::from_secs(Spec::of(Function::Dashboard).timeout as u64);

/// The most pages that are named.
const PAGES: usize = 20;

/// Permanently delete hits by day and page
///
/// Deletes all page views, events and excluded hits of the given days (in UTC) and pages, including those that are
/// rolled up. Name a page as the dashboard does: a path, after its host if that is not the site's own; `*` matches
/// any characters. The other hits of those days stay, and visits, bounces and entry pages are recalculated.
///
/// You cannot delete one visitor's data: hits are not linked to a person. A visitor is a number that is
/// meaningless once the day is rolled up, and before that a hash that needs the visitor's address and the day's
/// salt.
///
/// Reports change per finished day, or per hour of today; hits of the current hour disappear one by one. No rollup
/// restores deleted hits, but importing other files with them does. If it is interrupted, run it again to finish.
/// Backups keep deleted hits: point-in-time recovery for 35 days, and exports.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site
    #[arg(long, value_name = "DOMAIN")]
    site: String,
    /// Page to delete, such as /blog/a, or a pattern such as '/blog/*'; repeatable
    #[arg(long, value_name = "PAGE")]
    page: Vec<String>,
    /// First day to delete, such as 2026-11-01 [default: all days]
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<Date>,
    /// Last day to delete
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<Date>,
    /// Show what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if arguments.page.is_empty() && arguments.from.is_none() {
        return Err(CommandError::rejected(
            "missing page or days to delete",
"pass --page, or --from and --to; `cargo xtask destroy --delete-data` deletes everything",
        )
        .into());
    }
    if arguments.from.zip(arguments.to).is_some_and(|(from, to)| from > to) {
        return Err(CommandError::rejected("--from is later than --to", "swap them").into());
    }
    if !arguments.yes && !arguments.dry_run && !prompt::is_interactive() {
        return Err(CommandError::rejected(
            "this needs confirmation, but there is no terminal",
            "pass --yes, or --dry-run to see what would be deleted",
        )
        .into());
    }
    let what = DeleteFilter {
        from: arguments.from.unwrap_or(Date::MIN),
        to: arguments.to.unwrap_or(Date::MAX),
        pages: arguments.page.iter().map(PagePattern::new).collect(),
    };
    let settings = settings::or_local()?;
    let work = async {
        match arguments.place.open().await? {
            Data::Table(store) => {
                delete(arguments, &settings, &store, &what, (GRACE, LEASE_DURATION)).await
            }
            // Nobody else can read it meanwhile.
            Data::Folder(store) => {
                let waits = (Duration::ZERO, FOLDER_LEASE);
                delete(arguments, &settings, &store, &what, waits).await
            }
        }
    };
    unless_stopped(work, "some hits may be deleted already; run this again to delete the rest")
        .await
}

async fn delete<S: Store>(
    arguments: &Arguments,
    settings: &Settings,
    store: &S,
    what: &DeleteFilter,
    (grace, lease): (Duration, Duration),
) -> Result<()> {
    let site = &location::site(store, settings, Some(&arguments.site)).await?;
    eprintln!("Site     {}\n", site.domain);
    let open = || async {
        let archive = RawData::open(store, settings, site, Timestamp::now()).await;
        Ok::<_, CommandError>(DeleteJob::new(archive.map_err(CommandError::from)?, what))
    };
    let is_terminal = io::stderr().is_terminal();
    let progress = |doing: &str, day: Date| {
        if is_terminal {
            eprint!("\r{doing} {day} ");
        }
    };
    let done = || {
        if is_terminal {
            eprintln!();
        }
    };

    let mut found = Matches::default();
    let deletion = open().await?;
    for day in deletion.days() {
        progress("Looking through", day);
        deletion.count(day, &mut found).await.map_err(CommandError::from)?;
    }
    done();
    say(&found, site.domain.as_str());
    let is_every_page = what.pages.is_empty();
    let is_something =
        found.hits > 0 || found.stale_items > 0 || is_every_page && !found.incomplete.is_empty();
    if !is_something {
        eprintln!("Nothing to delete.");
    } else if arguments.dry_run {
        eprintln!("Dry run: nothing was deleted.");
        return Ok(());
    } else {
        let question = "This cannot be undone except from an export. Delete these hits?";
        if !arguments.yes && !prompt::confirm(question).await? {
            return Err(CommandError::rejected(
                "cancelled; nothing was deleted",
                "run this again to delete them",
            )
            .into());
        }
        let rewritten = async {
            let deletion = open().await?;
            for day in deletion.days() {
                progress("Rewriting", day);
                deletion.rewrite(day).await.map_err(failed)?;
            }
            done();
            if !grace.is_zero() {
                eprintln!("Waiting {} s for running reports to finish.", grace.as_secs());
                tokio::time::sleep(grace).await;
            }
            let deletion = open().await?;
            let mut items = 0;
            for day in deletion.days() {
                progress("Deleting", day);
                items += deletion.sweep(day).await.map_err(failed)?;
            }
            done();
            // Their bytes are still in the file of a folder.
            store.compact(Partition::Hits).await.map_err(CommandError::from)?;
            Ok::<_, anyhow::Error>(items)
        };
        let lock = lock::take(store, site, SystemContext.random()?, lease).await?;
        let items = lock.hold_during(rewritten).await.map_err(lock::locked)??;
        eprintln!("Deleted {} hits ({items} items).", found.hits);
    }
    if is_every_page || found.incomplete.is_empty() {
        return Ok(());
    }
    Err(CommandError::failed(
        format!("cannot read {} segments, which may contain such hits", found.incomplete.len()),
        "if a newer version of Footfall wrote them, use that version, or delete whole days",
    )
    .into())
}

fn failed(error: RollupError) -> anyhow::Error {
    match error {
        RollupError::Store(error) => CommandError::from(error).into(),
        error => error.into(),
    }
}

/// Says what goes.
fn say(found: &Matches, site: &str) {
    let Matches { hits, filtered, days, pages, stale_items: copies, incomplete } = found;
    if let (Some(first), Some(last)) = (days.first(), days.last()) {
        eprintln!(
            "Will be deleted from {site}: {hits} hits on {} days, {first} to {last}, including {filtered} excluded hits",
            days.len()
        );
        let mut pages: Vec<(&String, &u64)> = pages.iter().collect();
        pages.sort_by_key(|(page, count)| (std::cmp::Reverse(**count), *page));
        for (page, count) in pages.iter().take(PAGES) {
            eprintln!("  {count:>9}  {page}");
        }
        if pages.len() > PAGES {
            let more: u64 = pages.iter().skip(PAGES).map(|(_, count)| **count).sum();
            eprintln!("  {more:>9}  on {} other pages", pages.len() - PAGES);
        }
    }
    if *copies > 0 {
        eprintln!(
            "Also {copies} items that no report uses, such as hits that are already rolled up."
        );
    }
    for what in incomplete {
        eprintln!("warning: cannot read {what}");
    }
}
