//! Where the data are that a command is about: in the deployed table, or in the folder of `cargo xtask dev`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use footfall_infra::outputs;
use footfall_infra::settings::{self, Domain, Settings, Site};
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::catalog::lease::{Lease, LeaseError};
use footfall_runtime::platform::settings_file;
use footfall_runtime::storage::dynamodb::DynamoDb;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::keys::checkpoint_key;
use footfall_runtime::storage::{KeyRange, Store, StoreError};

use crate::aws::{Aws, Target};
use crate::destroy;
use crate::problem::Problem;
use crate::stack;

/// How long the lock of a site is waited for whose data is in a folder: nobody else has that open, and who held
/// it was killed.
pub(crate) const FOLDER_LEASE: Duration = Duration::from_secs(1);

/// Which data is meant
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The data of `cargo xtask dev`, which must not run meanwhile, in place of the deployed table
    #[arg(long, help_heading = "Where", conflicts_with_all = ["stack", "region", "profile"])]
    local: bool,
    /// Folder of that data
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".footfall",
        help_heading = "Where",
        requires = "local"
    )]
    data: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// The data.
pub(crate) enum Data {
    Table(DynamoDb),
    Folder(Embedded),
}

impl Place {
    /// The folder of `dev`, if its data is meant.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.local.then_some(&*self.data)
    }

    /// The stack, and its table.
    pub(crate) async fn deployed(&self) -> Result<Deployed> {
        Deployed::find(&self.target, ", or say --local for the data of `cargo xtask dev`").await
    }

    /// Opens what is there, also if its stack is gone, and says where it is.
    pub(crate) async fn open(&self) -> Result<Data> {
        if let Some(folder) = self.folder() {
            let store = existing(folder)?;
            eprintln!("Data     {}", folder.display());
            return Ok(Data::Folder(store));
        }
        let aws = Aws::connect(&self.target).await?;
        let name = &self.target.stack;
        eprintln!("Account  {}\nRegion   {}\nTable    {name}", aws.account, aws.region);
        if destroy::table(&aws, name).await?.is_none() {
            return Err(Problem::refused(
                format!("there is no table {name} in {}", aws.region),
                "say which one by --stack, --region and --profile, or take the data of `cargo xtask dev` by \
                 --local",
            )
            .into());
        }
        Ok(Data::Table(aws.table(name)))
    }
}

/// The data in the folder of a `dev` that ran there once.
pub(crate) fn existing(folder: &Path) -> Result<Embedded, Problem> {
    if !Embedded::is_in(folder) {
        return Err(Problem::refused(
            format!("there is no data of `cargo xtask dev` in {}", folder.display()),
            "name its folder by --data; that of --demo is .footfall-demo",
        ));
    }
    Embedded::open(folder).map_err(problem)
}

/// The table of a stack, and what is known of that.
pub(crate) struct Deployed {
    pub(crate) table: DynamoDb,
    /// Where the API is.
    pub(crate) endpoint: String,
    /// The settings it was deployed with, as far as the stack says: what stands in this folder may be newer.
    pub(crate) settings: Option<Settings>,
}

impl Deployed {
    /// The stack of this name; `or` is what can be done beside deploying one.
    pub(crate) async fn find(target: &Target, or: &str) -> Result<Self> {
        let aws = Aws::connect(target).await?;
        let name = &target.stack;
        let found = stack::look(&aws, name.as_str()).await?;
        let endpoint = found.as_ref().and_then(|s| stack::outputs(s).remove(outputs::ENDPOINT));
        let (Some(stack), Some(endpoint)) = (found, endpoint) else {
            return Err(Problem::refused(
                format!("the stack {name} is not deployed in {}", aws.region),
                format!(
                    "deploy it with `cargo xtask deploy`, choose another with --stack or --region{or}"
                ),
            )
            .into());
        };
        let settings = stack::settings(stack::template(&aws, &stack).await?.as_ref());
        Ok(Self { table: aws.table(name), endpoint, settings })
    }
}

/// The settings in this folder. What of them matters to stored data (how many shards there were) the table
/// knows as well.
pub(crate) fn settings() -> Result<Settings> {
    Ok(settings_file::read(Path::new(settings::FILE))?)
}

/// The site of a name, or the first. One that is no longer in the settings still has its data.
pub(crate) async fn site<S: Store>(
    store: &S,
    settings: &Settings,
    name: Option<&str>,
) -> Result<Site> {
    let Some(name) = name else {
        let first = settings.sites.first().cloned();
        return Ok(first.ok_or_else(|| Problem::refused("the settings name no site", "add one"))?);
    };
    if let Some(site) = settings.site(name) {
        return Ok(site.clone());
    }
    let unknown = || unknown(settings, name);
    let site = Site::of(Domain::try_from(name.to_owned()).map_err(|_| unknown())?);
    let key = KeyRange::one(&checkpoint_key(&site));
    let page = store.query(&key, None).await.map_err(problem)?;
    let item = page.items.first().ok_or_else(unknown)?;
    let checkpoint = Checkpoint::decode(item).map_err(problem)?;
    Ok(Site { retention_days: checkpoint.retention_days, ..site })
}

/// The site of a name, or the only one.
pub(crate) fn only_site<'a>(
    settings: &'a Settings,
    name: Option<&str>,
) -> Result<&'a Site, Problem> {
    match (name, settings.sites.as_slice()) {
        (Some(name), _) => settings.site(name).ok_or_else(|| unknown(settings, name)),
        (None, [only]) => Ok(only),
        (None, _) => Err(Problem::refused(
            "the site is not said",
            format!("name one with --site: {}", settings.domains()),
        )),
    }
}

/// That a site is not there, and which are.
fn unknown(settings: &Settings, name: &str) -> Problem {
    Problem::refused(
        format!("there is no site called {name}"),
        format!("the sites are {}; add another to {}", settings.domains(), settings::FILE),
    )
}

/// What is wrong with a store. Where it says itself what to do, that is the remedy.
pub(crate) fn problem(error: StoreError) -> Problem {
    let text = error.to_string();
    match text.split_once("; ") {
        Some((cause, remedy)) => Problem::failed(cause, remedy),
        None => Problem::failed(
            text,
            "check the credentials and the network, and run this again: it begins anew, or goes on where it \
             ended",
        ),
    }
}

/// Takes a site's lock, and says so if that takes a while.
pub(crate) async fn lock<S: Store>(
    store: &S,
    site: &Site,
    holder: [u8; 16],
    lease: Duration,
) -> Result<Lease<S>, Problem> {
    let waits = || {
        eprintln!(
            "Hits of {} are being imported or deleted, or that was ended: waiting {} s to see which.",
            site.domain,
            lease.as_secs()
        );
    };
    Lease::take(store, site, holder, lease, waits).await.map_err(locked)
}

/// Why there is no lock, or none any more.
pub(crate) fn locked(error: LeaseError) -> Problem {
    match error {
        LeaseError::Store(error) => problem(error),
        error @ (LeaseError::Held | LeaseError::Lost) => {
            Problem::failed(error.to_string(), "run this again once that is done")
        }
    }
}

/// Set by Ctrl-C, for what reads without giving others a turn.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

/// Ends at Ctrl-C, with what is to be said then; at another one, at once.
pub(crate) async fn unless_stopped<T>(
    work: impl Future<Output = Result<T>>,
    remedy: &str,
) -> Result<T> {
    set_at_ctrl_c()?;
    let stopped = || Problem::failed("stopped", remedy).into();
    tokio::select! {
        // In this order: whoever listens first is heard from the beginning.
        biased;
        _ = tokio::signal::ctrl_c() => {
            eprintln!();
            Err(stopped())
        }
        done = work => {
            done.map_err(|error| if STOP.load(Ordering::Relaxed) { stopped() } else { error })
        }
    }
}

/// Listens in a thread, as reading leaves the other no time to.
fn set_at_ctrl_c() -> Result<()> {
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
