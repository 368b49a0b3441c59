//! Where the hits are that a command is about: in the deployed table, or in the folder of `cargo xtask dev`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use clap::Args;
use footfall_infra::settings::{self, Domain, Settings, Site};
use footfall_runtime::checkpoint::Checkpoint;
use footfall_runtime::settings_file;
use footfall_runtime::store::dynamodb::DynamoDb;
use footfall_runtime::store::embedded::Embedded;
use footfall_runtime::store::{KeyRange, Store, StoreError};
use footfall_runtime::table;

use crate::aws::{Aws, Target};
use crate::destroy;
use crate::problem::Problem;

/// How often a request is sent: a table of little capacity is read as fast as it lets itself be read.
const ATTEMPTS: u32 = 12;

/// Which data is meant
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The data of `cargo xtask dev`, which must not run meanwhile, in place of the deployed table
    #[arg(long, conflicts_with_all = ["stack", "region", "profile"])]
    local: bool,
    /// Folder of that data [default: .footfall]
    #[arg(long, value_name = "DIR", requires = "local")]
    data: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// The data.
pub(crate) enum Data {
    Table(DynamoDb),
    Folder(Embedded),
}

impl Place {
    /// Opens it, and says where it is.
    pub(crate) async fn open(&self) -> Result<Data> {
        if self.local {
            let folder = self.data.as_deref().unwrap_or(Path::new(".footfall"));
            if !Embedded::is_in(folder) {
                return Err(Problem::refused(
                    format!("there is no data of `cargo xtask dev` in {}", folder.display()),
                    "name its folder by --data; that of --demo is .footfall-demo",
                )
                .into());
            }
            let store = Embedded::open(folder).map_err(problem)?;
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
        let patient = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_max_backoff(Duration::from_secs(5));
        let client = aws.dynamodb.config().to_builder().retry_config(patient).build();
        let client = aws_sdk_dynamodb::Client::from_conf(client);
        Ok(Data::Table(DynamoDb::of_client(client, name.to_string())))
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
    let unknown = || {
        Problem::refused(
            format!("there is no site called {name}, and no data of one"),
            format!("the sites of {} are {}", settings::FILE, settings.domains()),
        )
    };
    let site = Site::of(Domain::try_from(name.to_owned()).map_err(|_| unknown())?);
    let key = KeyRange::one(&table::checkpoint_key(&site));
    let page = store.query(&key, None).await.map_err(problem)?;
    let item = page.items.first().ok_or_else(unknown)?;
    let checkpoint = Checkpoint::decode(item).map_err(problem)?;
    Ok(Site { retention_days: checkpoint.retention_days, ..site })
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

/// Ends at Ctrl-C, with what is to be said then.
pub(crate) async fn unless_stopped<T>(
    work: impl Future<Output = Result<T>>,
    remedy: &str,
) -> Result<T> {
    tokio::select! {
        // In this order: whoever listens first is heard from the beginning.
        biased;
        _ = tokio::signal::ctrl_c() => {
            eprintln!();
            Err(Problem::failed("stopped", remedy).into())
        }
        done = work => done,
    }
}
