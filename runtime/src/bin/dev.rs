//! Footfall on one machine: parses the command line, opens the folder, starts the server.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use footfall_infra::api;
use footfall_infra::settings::{self, Settings};
use footfall_infra::snippet::snippet;
use footfall_runtime::auth::{AccessMode, admin};
use footfall_runtime::dev::{Demo, Gateway, fill, goals, serve};
use footfall_runtime::platform::context::{Context as _, SystemContext};
use footfall_runtime::platform::settings_file;
use footfall_runtime::rollup::{Rollup, Run};
use footfall_runtime::storage::embedded::Embedded;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;

/// The demo's seed: a number like any other, and always the same.
const SEED: u64 = 20_26;

/// How often the data is folded and swept.
const UPKEEP: Duration = Duration::from_secs(600);

/// Run Footfall on this machine, over a folder: the same handlers as in Lambda, behind a server
/// that answers as the deployed API does.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask dev", version)]
struct Arguments {
    /// Port on 127.0.0.1 to listen on; 0 takes any that is free
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Folder to keep the data in [default: .footfall, and .footfall-demo with --demo]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Fill the last year with made-up traffic of the first site
    #[arg(long)]
    demo: bool,
    /// Ask who looks, as the deployed API does, and print a link that signs in
    #[arg(long)]
    closed: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    // Made-up traffic does not mix with one's own.
    let default = if arguments.demo { ".footfall-demo" } else { ".footfall" };
    let data = arguments.data.unwrap_or_else(|| PathBuf::from(default));
    let mut settings = settings_file::read(Path::new(settings::FILE))?;
    if let Some(site) =
        settings.sites.first_mut().filter(|it| arguments.demo && it.goals.is_empty())
    {
        site.goals = goals();
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; stop what uses the port, or choose another with --port"
        )
    })?;
    let address = listener.local_addr()?;
    let store = Embedded::open(&data)?;
    if arguments.demo {
        fill_demo(&store, &settings).await?;
    }
    let mode = if arguments.closed { AccessMode::Closed } else { AccessMode::Open };
    let gateway = Arc::new(Gateway::new(&settings, store.clone(), SystemContext, mode)?);
    let dashboard = match mode {
        AccessMode::Open => format!("http://{address}{}", api::DASHBOARD),
        AccessMode::Closed => {
            let key = admin::signing_key(&store, &SystemContext).await?;
            let link = admin::login_link(&SystemContext, &key, None)?;
            admin::login_url(&format!("http://{address}"), &link)
        }
    };
    keep_up(store, settings.clone())?;
    greet(&settings, &data, address, &dashboard)?;
    serve(listener, gateway, stopped()).await;
    Ok(())
}

async fn fill_demo(store: &Embedded, settings: &Settings) -> Result<()> {
    let site = settings.sites.first().context("the settings name no site")?;
    let demo = Demo::new(site, SEED, SystemContext.now());
    // Draws itself on a terminal only.
    let bar = ProgressBar::new(demo.days().count() as u64);
    let style = ProgressStyle::with_template("Filling {wide_bar:.green} {pos}/{len} days, {msg}")?;
    bar.set_style(style);
    let stored = fill(store, demo, |items| {
        bar.inc(1);
        bar.set_message(format!("{items} hits"));
    })
    .await?;
    bar.finish_and_clear();
    eprintln!("Filled {} with {stored} hits of demo traffic.", site.domain);
    Ok(())
}

/// Says where everything is.
fn greet(settings: &Settings, data: &Path, address: SocketAddr, dashboard: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Footfall {} is running. Data is in {}.",
        env!("CARGO_PKG_VERSION"),
        data.display()
    )?;
    if !Path::new(settings::FILE).exists() {
        writeln!(out, "There is no {} here: the one site is localhost.", settings::FILE)?;
    }
    writeln!(out, "\n  Dashboard  {dashboard}\n")?;
    for site in &settings.sites {
        writeln!(out, "Paste this into the pages of {}:\n", site.domain)?;
        writeln!(out, "{}", snippet(site, &format!("http://{address}")))?;
    }
    writeln!(out, "Stop with Ctrl-C.")?;
    out.flush()
}

/// Starts the upkeep on a thread of its own: to fold a large day takes seconds, for which no hit is to wait.
fn keep_up(store: Embedded, settings: Settings) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let keep_up = move || runtime.block_on(upkeep(store, settings));
    std::thread::Builder::new().name("footfall-upkeep".to_owned()).spawn(keep_up)?;
    Ok(())
}

/// Folds what is closed, and deletes what has expired: now and then, as the stack's schedule and DynamoDB
/// do.
async fn upkeep(store: Embedded, settings: Settings) {
    let rollup = Rollup::new(settings, store.clone(), SystemContext);
    let mut often = tokio::time::interval(UPKEEP);
    loop {
        often.tick().await;
        let folded = rollup.run().await;
        if let Err(error) = store.sweep(SystemContext.now().as_second()).await {
            eprintln!("what has expired could not be deleted: {error}");
        }
        match folded {
            Ok(Run { days: 0, hours: 0, .. }) => {}
            Ok(Run { days, hours, .. }) => eprintln!("Folded: days {days}, hours {hours}."),
            Err(error) => eprintln!("not everything could be folded, and is tried again: {error}"),
        }
    }
}

/// Ready at Ctrl-C, or when the system asks to stop.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
