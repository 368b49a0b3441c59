//! The program `dev`: parses the command line, opens the data folder and starts the server.

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

/// Seed of the demo traffic. Any number works; a fixed one makes the demo repeatable.
const SEED: u64 = 20_26;

/// Interval of rolling up data and deleting expired items.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(600);

/// Run Footfall on this machine, with its data in a folder. Uses the same code as in Lambda, behind a
/// server that behaves like the deployed API.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask dev", version)]
struct Arguments {
    /// Port on 127.0.0.1 to listen on; 0 for any free port
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Data folder [default: .footfall, or .footfall-demo with --demo]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Generate a year of demo traffic for the first site
    #[arg(long)]
    demo: bool,
    /// Require signing in, like a deployment, and print a sign-in link
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
    // Keep demo traffic apart from real traffic.
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
        format!("cannot listen on {address}; stop the program that uses the port, or pass --port")
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
    start_upkeep(store, settings.clone())?;
    greet(&settings, &data, address, &dashboard)?;
    serve(listener, gateway, stopped()).await;
    Ok(())
}

async fn fill_demo(store: &Embedded, settings: &Settings) -> Result<()> {
    let site = settings.sites.first().context("the settings name no site")?;
    let demo = Demo::new(site, SEED, SystemContext.now());
    // Shown only on a terminal.
    let bar = ProgressBar::new(demo.days().count() as u64);
    let style =
        ProgressStyle::with_template("Generating {wide_bar:.green} {pos}/{len} days, {msg}")?;
    bar.set_style(style);
    let stored = fill(store, demo, |hits| {
        bar.inc(1);
        bar.set_message(format!("{hits} hits"));
    })
    .await?;
    bar.finish_and_clear();
    eprintln!("Generated {} demo hits for {}.", with_commas(stored), site.domain);
    Ok(())
}

/// Formats a number with thousands separators.
fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints the data folder, the dashboard's URL and the tracking snippets.
fn greet(settings: &Settings, data: &Path, address: SocketAddr, dashboard: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Footfall {} is running. Data folder: {}",
        env!("CARGO_PKG_VERSION"),
        data.display()
    )?;
    if !Path::new(settings::FILE).exists() {
        writeln!(out, "No {} found. The only site is localhost.", settings::FILE)?;
    }
    writeln!(out, "\n  Dashboard  {dashboard}\n")?;
    for site in &settings.sites {
        writeln!(out, "Paste this into the pages of {}:\n", site.domain)?;
        writeln!(out, "{}", snippet(site, &format!("http://{address}")))?;
    }
    writeln!(out, "Stop with Ctrl-C.")?;
    out.flush()
}

/// Starts the upkeep on its own thread. Rolling up a large day takes seconds, and hits must not wait for that.
fn start_upkeep(store: Embedded, settings: Settings) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let upkeep = move || runtime.block_on(run_upkeep(store, settings));
    std::thread::Builder::new().name("footfall-upkeep".to_owned()).spawn(upkeep)?;
    Ok(())
}

/// Rolls up past hours and days and deletes expired items, at intervals. In a stack, the schedule and DynamoDB do
/// this.
async fn run_upkeep(store: Embedded, settings: Settings) {
    let rollup = Rollup::new(settings, store.clone(), SystemContext);
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        interval.tick().await;
        let result = rollup.run().await;
        if let Err(error) = store.sweep(SystemContext.now().as_second()).await {
            eprintln!("cannot delete expired items: {error}");
        }
        match result {
            Ok(Run { days: 0, hours: 0, .. }) => {}
            Ok(Run { days, hours, .. }) => eprintln!("Rolled up {days} days and {hours} hours."),
            Err(error) => eprintln!("cannot roll up everything, will try again: {error}"),
        }
    }
}

/// Completes at Ctrl-C or SIGTERM.
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
