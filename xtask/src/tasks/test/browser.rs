//! The whole way in a browser, from a page view to the dashboard.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::{npm_folder, output, program, run, target_folder};
use crate::tools::functions::binary;

/// Tests a site with the printed snippet, and the dashboard that shows its visits.
pub(super) fn run_tests() -> Result<()> {
    let screenshots = target_folder().join("screenshots");
    fs::create_dir_all(&screenshots)?;
    let data = target_folder().join("browser-test-data");
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("cannot empty {}", data.display()))?;
    }
    let server = Server::start(&data)?;
    let snippet = output(program(binary("footfall-deployer")?, &data).args([
        "snippet",
        "--endpoint",
        &server.url,
    ]))?;
    let tested = run(program("node", &npm_folder())
        .args(["--test", "browser.test.mjs", "login.test.mjs"])
        .env("FOOTFALL_URL", &server.url)
        .env("FOOTFALL_SNIPPET", snippet)
        .env("FOOTFALL_DEV", binary("dev")?)
        .env("FOOTFALL_DEPLOYER", binary("footfall-deployer")?)
        .env("FOOTFALL_SCREENSHOTS", &screenshots));
    eprintln!("screenshots are in {}", screenshots.display());
    tested
}

/// A running `dev`. Dropping it ends the process.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(data: &Path) -> Result<Self> {
        // In a folder without a footfall.yaml.
        fs::create_dir_all(data)?;
        let mut child = program(binary("dev")?, data)
            .args(["--port", "0", "--data", "."])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the dev server")?;
        let out = child.stdout.take().context("the dev server has no output")?;
        let mut lines = BufReader::new(out).lines();
        let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, url) = line.split_once("Dashboard")?;
            Some(url.trim().strip_suffix("/dashboard")?.to_owned())
        });
        // Reads the rest of its output, so that its pipe never fills up.
        std::thread::spawn(move || lines.for_each(drop));
        match url {
            Some(url) => Ok(Self { child, url }),
            None => {
                let _ = child.kill();
                bail!("the dev server printed no address")
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
