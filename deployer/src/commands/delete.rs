//! `cargo xtask delete`: deletes hits for good, by day and by page.

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

/// Delete hits for good, by day and by page
///
/// All hits, events and what was filtered go that are of the days (of UTC) and of the pages that are said,
/// and with them what is left of them in hits that are folded already. A page is named as on the dashboard:
/// a path, with the host in front of it where that is not the site's own; `*` stands for any letters. The
/// days keep their other hits; visits, bounces and entry pages are counted anew from those.
///
/// A single visitor's hits cannot be chosen: a visitor is a number without a meaning once the day is folded,
/// and before that a hash that nobody can make again without the visitor's address and the day's salt.
///
/// Reports show a day that is over before or after it, never in between, and of an open day each hour; of the
/// hour that is not over, hits go one by one. No later rollup brings them back; an import does, of other files that have them. Ended in
/// the middle, it is finished by running it again; of two at once, one says that it must wait. Backups still have what was deleted:
/// point-in-time recovery for 35 days, and exports.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Domain of the site
    #[arg(long, value_name = "DOMAIN")]
    site: String,
    /// Page to delete, such as /blog/a, or a pattern such as '/blog/*'; can be said several times
    #[arg(long, value_name = "PAGE")]
    page: Vec<String>,
    /// First day to delete, such as 2026-11-01; all days if not said
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<Date>,
    /// Last day to delete
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<Date>,
    /// Say what would go, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if arguments.page.is_empty() && arguments.from.is_none() {
        return Err(CommandError::rejected(
            "it is not said what is to be deleted",
            "name a page by --page, or days by --from and --to; all of it goes by `cargo xtask destroy \
             --delete-data`",
        )
        .into());
    }
    if arguments.from.zip(arguments.to).is_some_and(|(from, to)| from > to) {
        return Err(CommandError::rejected("--from is later than --to", "exchange them").into());
    }
    if !arguments.yes && !arguments.dry_run && !prompt::is_interactive() {
        return Err(CommandError::rejected(
            "nobody is there to ask whether this is meant",
            "say --yes, or --dry-run to see what would go",
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
    unless_stopped(work, "what was deleted is gone; run this again for the rest").await
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
        eprintln!("There is nothing to delete.");
    } else if arguments.dry_run {
        eprintln!("Nothing was deleted: this is a dry run.");
        return Ok(());
    } else {
        let question = "Nothing but an export brings it back. Delete this?";
        if !arguments.yes && !prompt::confirm(question).await? {
            return Err(CommandError::rejected(
                "nothing was deleted",
                "run this again if it is meant",
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
                eprintln!("Waiting {} s for those who read the old segments.", grace.as_secs());
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
        eprintln!("Deleted {} hits, with {items} items. No report has them any more.", found.hits);
    }
    if is_every_page || found.incomplete.is_empty() {
        return Ok(());
    }
    Err(CommandError::failed(
        format!("{} segments cannot be read, and may have such hits", found.incomplete.len()),
        "where a newer version of Footfall wrote them, use that one; or delete their days as a whole",
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
            "This goes, of {site}: {hits} hits on {} days, {first} to {last}; {filtered} of them are of \
             programs.",
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
            "And {copies} items that are in no report, such as hits that are folded already."
        );
    }
    for what in incomplete {
        eprintln!("warning: cannot be read: {what}");
    }
}
