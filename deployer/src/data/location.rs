//! Location of the data: the deployed table, or the folder of `cargo xtask dev`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use footfall_infra::settings::{self, Domain, Settings, Site};
use footfall_infra::stack::outputs;
use footfall_runtime::catalog::checkpoint::Checkpoint;
use footfall_runtime::storage::dynamodb::DynamoDb;
use footfall_runtime::storage::embedded::Embedded;
use footfall_runtime::storage::keys::checkpoint_key;
use footfall_runtime::storage::{KeyRange, Store};

use crate::aws::clients::{Aws, Target};
use crate::data::table;
use crate::error::CommandError;
use crate::stack::state;

/// Where `cargo xtask dev` listens.
pub(crate) const DEV: &str = "http://127.0.0.1:8787";

/// Which data to use
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// Use the data of `cargo xtask dev`, which must not be running, instead of the deployed table
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
    /// Returns the folder of `dev`, if its data is used.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.local.then_some(&*self.data)
    }

    /// Returns the deployed stack and its table.
    pub(crate) async fn deployed(&self) -> Result<Deployed> {
        Deployed::find(&self.target, ", or pass --local for the data of `cargo xtask dev`").await
    }

    /// Opens the data and prints its location. Works without the stack, because the table outlives it.
    pub(crate) async fn open(&self) -> Result<Data> {
        if let Some(folder) = self.folder() {
            let store = existing(folder)?;
            eprintln!("Data     {}", folder.display());
            return Ok(Data::Folder(store));
        }
        let aws = Aws::connect(&self.target).await?;
        let name = &self.target.stack;
        eprintln!("Account  {}\nRegion   {}\nTable    {name}", aws.account, aws.region);
        if table::find(&aws, name).await?.is_none() {
            return Err(CommandError::rejected(
                format!("table {name} not found in {}", aws.region),
                "choose another with --stack, --region or --profile, or use the data of `cargo xtask dev` with \
                 --local",
            )
            .into());
        }
        Ok(Data::Table(aws.table(name)))
    }
}

/// Opens the data of `dev` in a folder.
pub(crate) fn existing(folder: &Path) -> Result<Embedded, CommandError> {
    if !Embedded::is_in(folder) {
        return Err(CommandError::rejected(
            format!("no data of `cargo xtask dev` in {}", folder.display()),
            "pass its folder with --data; that of --demo is .footfall-demo",
        ));
    }
    Embedded::open(folder).map_err(CommandError::from)
}

/// A deployed stack with its table.
pub(crate) struct Deployed {
    pub(crate) table: DynamoDb,
    /// URL of the API.
    pub(crate) endpoint: String,
    /// The settings that it was deployed with, if known. Those in this folder may be newer.
    pub(crate) settings: Option<Settings>,
}

impl Deployed {
    /// Finds the stack. `or` is added to the hint.
    pub(crate) async fn find(target: &Target, or: &str) -> Result<Self> {
        let aws = Aws::connect(target).await?;
        let name = &target.stack;
        let found = state::find_owned(&aws, name.as_str()).await?;
        let endpoint = found.as_ref().and_then(|s| state::outputs(s).remove(outputs::ENDPOINT));
        let (Some(stack), Some(endpoint)) = (found, endpoint) else {
            return Err(CommandError::rejected(
                format!("the stack {name} is not deployed in {}", aws.region),
                format!(
                    "deploy it with `cargo xtask deploy`, choose another with --stack or --region{or}"
                ),
            )
            .into());
        };
        let settings = state::settings(state::template(&aws, &stack).await?.as_ref());
        Ok(Self { table: aws.table(name), endpoint, settings })
    }
}

/// Returns the named site, or the first. A site that was removed from the settings is found by its data.
pub(crate) async fn site<S: Store>(
    store: &S,
    settings: &Settings,
    name: Option<&str>,
) -> Result<Site> {
    let Some(name) = name else {
        let first = settings.sites.first().cloned();
        return Ok(first.ok_or_else(|| {
            CommandError::rejected("the settings have no site", "add one to footfall.yaml")
        })?);
    };
    if let Some(site) = settings.site(name) {
        return Ok(site.clone());
    }
    let unknown = || unknown(settings, name);
    let site = Site::of(Domain::try_from(name.to_owned()).map_err(|_| unknown())?);
    let key = KeyRange::one(&checkpoint_key(&site));
    let page = store.query(&key, None).await.map_err(CommandError::from)?;
    let item = page.items.first().ok_or_else(unknown)?;
    let checkpoint = Checkpoint::decode(item).map_err(CommandError::from)?;
    Ok(Site { retention_days: checkpoint.retention_days, ..site })
}

/// Returns the named site, or the only one.
pub(crate) fn only_site<'a>(
    settings: &'a Settings,
    name: Option<&str>,
) -> Result<&'a Site, CommandError> {
    match (name, settings.sites.as_slice()) {
        (Some(name), _) => settings.site(name).ok_or_else(|| unknown(settings, name)),
        (None, [only]) => Ok(only),
        (None, _) => Err(CommandError::rejected(
            "missing site",
            format!("pass --site with one of {}", settings.domains()),
        )),
    }
}

/// Returns the error for an unknown site.
fn unknown(settings: &Settings, name: &str) -> CommandError {
    CommandError::rejected(
        format!("unknown site {name}"),
        format!("the sites are {}; add another to {}", settings.domains(), settings::FILE),
    )
}
