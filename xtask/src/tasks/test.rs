//! `cargo xtask test`: installs what the tests need, and runs every one of them.
//!
//! What is installed is pinned: Debian packages by their release, npm packages by a lock file,
//! DynamoDB Local by version and hash, cargo's own tools by version. Costly downloads are kept in
//! `~/.cache/footfall`.

mod fuzz;
mod supply;

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::process::{cargo, find, npm_folder, output, program, root, run, target_folder};
use crate::tasks::bench::build_functions;

/// DynamoDB Local comes inside this npm package, which is fetched but not installed.
const DYNAMODB_LOCAL: &str = "amplify-dynamodb-simulator@2.9.30";
const DYNAMODB_LOCAL_SHA256: &str =
    "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9";

/// A client of the Stats API, version 2: nobody else's on a registry speaks that.
const PLAUSIBLE_CLI: &str = "plausible-cli@2.0.0";

/// The target of the functions, and where they are built below the target folder.
const ARM64: &str = "aarch64-unknown-linux-musl";
pub(crate) const ARM64_FUNCTIONS: &str = "aarch64-unknown-linux-musl/lambda";

/// Programs that the tests need, and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 8] = [
    // What libFuzzer is compiled with; nothing else here is C++.
    ("c++", "g++"),
    ("strip", "binutils"),
    ("qemu-aarch64-static", "qemu-user-static"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("java", "default-jre-headless"),
    ("chromium", "chromium"),
    ("valgrind", "valgrind"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run these parts alone
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// A part of the tests, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Formatting and lints
    Lint,
    /// What the dependencies may be: licences, sources, and known holes where their list can be had
    Supply,
    /// Generated files are what their sources make of them
    Generated,
    /// Every Rust test, against the embedded store and DynamoDB Local
    Rust,
    /// Hits under load while the network between the functions and the table fails
    Faults,
    /// The functions as they are deployed, built for arm64 twice and run by an emulator
    Arm64,
    /// How many instructions the function that takes hits takes, by valgrind: no more than it may
    Instructions,
    /// From nothing to a running stack and back, on an emulator of AWS
    Deploy,
    /// The stack's templates, by cfn-lint and parliament
    Template,
    /// The tracker in a browser
    Tracker,
    /// Plausible's published trackers in a browser, counted by `dev`
    Clients,
    /// Published clients of Plausible's Stats API, reading what `dev` counted
    Stats,
    /// From a page view to the dashboard in a browser, with screenshots
    Browser,
    /// What strangers may send, made up by libFuzzer: 10 seconds a target, 60 in CI
    Fuzz,
}

pub(crate) fn run_parts(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    let all = Part::value_variants();
    let parts = if arguments.parts.is_empty() { all } else { &arguments.parts };
    install_programs()?;
    install_npm_packages()?;
    let mut results = Vec::new();
    for part in parts {
        let started = Instant::now();
        heading(&format!("{part:?}"));
        let result = part.run();
        if let Err(error) = &result {
            eprintln!("error: {error:#}");
        }
        results.push((part, result.is_ok(), started.elapsed()));
    }
    heading("Summary");
    for (part, passed, time) in &results {
        let outcome = if *passed { "passed" } else { "FAILED" };
        eprintln!("{outcome}  {:<10} {:>6.1} s", format!("{part:?}"), time.as_secs_f64());
    }
    eprintln!("all of it took {:.1} s", started.elapsed().as_secs_f64());
    let all_passed = results.iter().all(|(_, passed, _)| *passed);
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Part {
    fn run(self) -> Result<()> {
        match self {
            Self::Lint => lint(),
            Self::Supply => supply::check(),
            Self::Generated => {
                node(&["lists.mjs", "--check"])?;
                node(&["world.mjs", "--check"])?;
                node(&["tracker.mjs", "--check"])
            }
            Self::Rust => rust(),
            Self::Faults => faults(),
            Self::Arm64 => arm64(),
            Self::Instructions => instructions(),
            Self::Deploy => deploy(),
            Self::Template => template(),
            Self::Tracker => node(&["--test", "tracker.test.mjs"]),
            Self::Clients => run(program("node", &npm_folder())
                .args(["--test", "clients.test.mjs"])
                .env("FOOTFALL_DEV", binary("dev")?)),
            Self::Stats => stats(),
            Self::Browser => browser(),
            Self::Fuzz => fuzz::run_targets(),
        }
    }
}

fn heading(text: &str) {
    eprintln!("\n== {text}");
}

fn lint() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo()
        .args(["clippy", "--workspace", "--all-targets", "--all-features", "--quiet"])
        .args(["--", "--deny", "warnings"]))
}

/// Tests that need DynamoDB Local are ignored by a plain `cargo test`; here they run too.
fn rust() -> Result<()> {
    let emulator = dynamodb_local()?;
    let duckdb = python(&root().join("runtime/tests/requirements.txt"))?;
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--no-fail-fast"])
        .args(["--", "--include-ignored"])
        .args(["--skip", "arm64", "--skip", "ministack", "--skip", "microburst"])
        .env("FOOTFALL_DUCKDB", duckdb)
        .env("FOOTFALL_DYNAMODB_LOCAL", emulator))
}

/// microburst stands between the functions and DynamoDB Local. What it counts is printed.
fn faults() -> Result<()> {
    let python = python(&root().join("runtime/tests/microburst-requirements.txt"))?;
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--test", "load"])
        .args(["--", "--ignored", "--nocapture"])
        .env("FOOTFALL_DYNAMODB_LOCAL", dynamodb_local()?)
        .env("FOOTFALL_MICROBURST", python.with_file_name("microburst")))
}

/// Where rustup cannot add the target, `FOOTFALL_ARM64_RUSTC` names a compiler that has it.
fn arm64() -> Result<()> {
    run(&mut build_for_arm64()?)?;
    let functions = target_folder().join(ARM64_FUNCTIONS);
    is_reproducible(&functions)?;
    // On arm64 itself, `env` is emulator enough.
    let runner = if cfg!(target_arch = "aarch64") { "env" } else { "qemu-aarch64-static" };
    let runner = find(runner).with_context(|| format!("{runner} is not installed"))?;
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--test", "functions", "arm64"])
        .args(["--", "--ignored"])
        .env("FOOTFALL_DYNAMODB_LOCAL", dynamodb_local()?)
        .env("FOOTFALL_ARM64_FUNCTIONS", functions)
        .env("FOOTFALL_ARM64_RUNNER", runner))
}

/// Times say little on a machine that others use, too; instructions are the same everywhere, nearly.
fn instructions() -> Result<()> {
    let functions = build_functions(&["track"])?;
    // What drives it need not be fast, and is built already.
    run(cargo()
        .args([
            "bench",
            "--workspace",
            "--all-features",
            "--profile",
            "dev",
            "--bench",
            "functions",
        ])
        .args(["--", "instructions"])
        .env("FOOTFALL_BENCH_FUNCTIONS", functions))
}

/// The deployer's command that builds the functions.
pub(crate) fn build_for_arm64() -> Result<Command> {
    let mut build = program(binary("footfall-deployer")?, root());
    build.arg("build");
    if let Some(rustc) = env::var_os("FOOTFALL_ARM64_RUSTC") {
        build.env("RUSTC", rustc);
    }
    Ok(build)
}

/// The same sources give the same bytes, wherever they lie: two copies of them are built in two folders.
///
/// Without the optimizations that take minutes: what differs from folder to folder are the paths in the
/// sources, in what is generated, and in the names that the compiler makes of them.
fn is_reproducible(functions: &Path) -> Result<()> {
    heading("Arm64, twice from copies of the sources");
    let folder = env::temp_dir().join(format!("footfall-copy-{}", std::process::id()));
    let targets = ["one", "in/another"].map(|copy| folder.join(copy).join("target"));
    for (number, target) in targets.iter().enumerate() {
        // Dependencies lie in the same place for both, and are built once. Whether one of them leaves the name of a folder
        // in a function is seen below.
        if number > 0 {
            copy_folder(&targets[0], target)?;
        }
        let sources = target.with_file_name("sources");
        copy_sources(&sources)?;
        let mut build = build_for_arm64()?;
        build.arg("--workspace").arg(&sources).env("CARGO_TARGET_DIR", target);
        build.env("CARGO_PROFILE_LAMBDA_LTO", "off").env("CARGO_PROFILE_LAMBDA_OPT_LEVEL", "0");
        run(build.env("CARGO_PROFILE_LAMBDA_CODEGEN_UNITS", "16"))?;
    }
    let [one, another] = targets.map(|target| target.join(ARM64_FUNCTIONS));
    let read = |folder: &Path, file: &str| {
        let file = folder.join(file);
        fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    for file in ["track", "track.zip", "dashboard", "dashboard.zip", "rollup", "rollup.zip"] {
        if read(&one, file)? != read(&another, file)? {
            bail!("{file} differs from one folder to another: see both in {}", folder.display());
        }
    }
    // In those that are deployed, optimized as they are, is no path of theirs. (What Rust's own library
    // was built from may stand in it: that is the toolchain's.)
    for place in [root().to_path_buf(), target_folder()] {
        let place = place.to_string_lossy();
        for file in ["track", "dashboard", "rollup"] {
            let binary = read(functions, file)?;
            if binary.windows(place.len()).any(|w| w == place.as_bytes()) {
                bail!("{place} stands in {file}: remap it in deployer/src/artifact/build.rs");
            }
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Copies what is committed, or would be.
fn copy_sources(to: &Path) -> Result<()> {
    let files = ["ls-files", "--cached", "--others", "--exclude-standard"];
    for file in output(program("git", root()).args(files))?.lines() {
        let (from, to) = (root().join(file), to.join(file));
        // What is deleted and not committed yet is listed as well.
        if from.is_file() {
            fs::create_dir_all(to.parent().context("a file has no folder")?)?;
            fs::copy(&from, &to).with_context(|| format!("cannot copy {file}"))?;
        }
    }
    Ok(())
}

/// Copies all files, with their times, by which cargo knows what is built.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    run(program("cp", from).args(["--recursive", "--preserve=timestamps", "."]).arg(to))
}

/// A binary of the workspace. All are built with the same features as the tests, so that nothing is
/// built twice.
fn binary(name: &str) -> Result<PathBuf> {
    run(cargo().args(["build", "--workspace", "--all-features", "--bins", "--quiet"]))?;
    Ok(target_folder().join("debug").join(name))
}

fn node(arguments: &[&str]) -> Result<()> {
    run(program("node", &npm_folder()).args(arguments))
}

/// ministack takes the template and really runs the functions behind its API.
fn deploy() -> Result<()> {
    let python = python(&root().join("deployer/tests/requirements.txt"))?;
    // The functions that are deployed there: this machine's.
    binary("track")?;
    // What doctor looks for.
    if env::var_os("FOOTFALL_ARM64_RUSTC").is_none() {
        run(Command::new("rustup").args(["target", "add", ARM64]))?;
    }
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--test", "ministack"])
        .args(["--", "--include-ignored"])
        .env("FOOTFALL_MINISTACK", python.with_file_name("ministack")))
}

/// Variants of the template, which CloudFormation's and IAM's own rules find nothing wrong with.
fn template() -> Result<()> {
    let python = python(&root().join("infra/tests/requirements.txt"))?;
    // A test writes them. `--workspace --all-features` uses the dependencies that the other tests have built.
    run(cargo()
        .args(["test", "--workspace", "--all-features", "--quiet", "--test", "golden"])
        .arg("writes_templates_for_the_linter"))?;
    let templates = target_folder().join("tmp/templates");
    run(program(python, root()).arg("infra/tests/lint_template.py").arg(&templates))
}

/// Clients of both versions of the API, as their makers published them.
fn stats() -> Result<()> {
    run(program("node", &npm_folder())
        .args(["--test", "stats.test.mjs"])
        .env("FOOTFALL_DEPLOYER", binary("footfall-deployer")?)
        .env("FOOTFALL_DEV", binary("dev")?)
        .env("FOOTFALL_STATS_PYTHON", python(&npm_folder().join("stats-requirements.txt"))?)
        .env("FOOTFALL_PLAUSIBLE_CLI", plausible_cli()?))
}

/// The program of the crate plausible-cli. Its keyring is not used.
fn plausible_cli() -> Result<PathBuf> {
    tool(PLAUSIBLE_CLI, "plausible")
}

/// The program of a crate, such as `cargo-deny@0.20.2`, built if it is not in the cache.
fn tool(package: &str, name: &str) -> Result<PathBuf> {
    let folder = cache_folder()?.join(package.replace('@', "-"));
    let program = folder.join("bin").join(name);
    if !program.is_file() {
        heading(&format!("Building {package}"));
        run(cargo()
            .args(["install", "--quiet", "--debug", "--locked", package, "--root"])
            .arg(&folder)
            .env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(program)
}

/// A site that embeds the snippet as it is printed, and the dashboard that shows its visits.
fn browser() -> Result<()> {
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

/// A `dev` of the tests' own, ended when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(data: &Path) -> Result<Self> {
        // In a folder of its own, where no footfall.yaml is.
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
        // The rest of what it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        match url {
            Some(url) => Ok(Self { child, url }),
            None => {
                let _ = child.kill();
                bail!("the dev server did not say where it listens")
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

/// Installs the programs that are missing.
fn install_programs() -> Result<()> {
    let mut packages = missing(&PROGRAMS);
    // Debian has Python in one package and its environments in another.
    let python = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !python.is_ok_and(|python| python.status.success()) {
        packages.push("python3-venv");
    }
    install_packages(&packages)
}

/// The packages of those programs that are not there.
pub(crate) fn missing(programs: &[(&str, &'static str)]) -> Vec<&'static str> {
    let missing = programs.iter().filter(|(name, _)| find(name).is_none());
    missing.map(|(_, package)| *package).collect()
}

/// Installs packages, if this is a Debian on which that can be done.
pub(crate) fn install_packages(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || find("apt-get").is_none() {
        bail!(
            "this needs what Debian has in these packages: `sudo apt-get install {}`",
            packages.join(" ")
        );
    }
    heading(&format!("Installing {}", packages.join(" ")));
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        apt
    };
    run(apt().arg("update"))?;
    run(apt()
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .stdout(Stdio::null()))
}

/// Installs the npm packages of our own lock file.
pub(crate) fn install_npm_packages() -> Result<()> {
    install_locked(&npm_folder(), &[])
}

/// Installs the npm packages of a folder's lock file, if they are not there as it says. Those in `built` have sources
/// that are compiled here.
pub(crate) fn install_locked(folder: &Path, built: &[&str]) -> Result<()> {
    let stamp = folder.join("node_modules/.footfall-lock");
    let lock = fs::read(folder.join("package-lock.json"))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    heading("Installing npm packages");
    let mut install = program("npm", folder);
    install.args(["ci", "--silent"]);
    if built.is_empty() {
        run(&mut install)?;
    } else {
        // With the headers of the Node that is there: others would be fetched. Some npm would run the scripts of all
        // packages by itself, others of none.
        run(install.arg("--ignore-scripts"))?;
        let mut rebuild = program("npm", folder);
        rebuild.args(["rebuild", "--silent"]).args(built).env("npm_config_nodedir", "/usr");
        run(rebuild.stdout(Stdio::null()))?;
    }
    fs::write(stamp, lock).context("cannot note what was installed")
}

/// The folder of DynamoDB Local, fetched if it is not in the cache.
fn dynamodb_local() -> Result<PathBuf> {
    let (_, version) = DYNAMODB_LOCAL.split_once('@').context("the package has no version")?;
    let folder = cache_folder()?.join(format!("dynamodb-local-{version}"));
    let emulator = folder.join("package/emulator");
    if emulator.join("DynamoDBLocal.jar").is_file() {
        return Ok(emulator);
    }
    heading("Fetching DynamoDB Local");
    // Made beside its place and moved there when it is whole.
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    fs::create_dir_all(&partial)?;
    let packed = output(program("npm", &partial).args(["pack", "--silent", DYNAMODB_LOCAL]))?;
    let archive = packed.trim();
    let sum = output(program("sha256sum", &partial).arg(archive))?;
    if sum.split_whitespace().next() != Some(DYNAMODB_LOCAL_SHA256) {
        bail!("{DYNAMODB_LOCAL} is not the one that is expected: its SHA-256 is {sum}");
    }
    run(program("tar", &partial).args(["xzf", archive, "package/emulator"]))?;
    fs::remove_file(partial.join(archive))?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(&partial, &folder)?;
    Ok(emulator)
}

/// A Python that has the packages of a requirements file, in an environment of its own in the cache.
fn python(requirements: &Path) -> Result<PathBuf> {
    let sum = output(Command::new("sha256sum").arg(requirements))?;
    let name: String = sum.chars().take(16).collect();
    let folder = cache_folder()?.join(format!("python-{name}"));
    let python = folder.join("bin/python");
    let stamp = folder.join("complete");
    if stamp.is_file() {
        return Ok(python);
    }
    heading(&format!("Installing {}", requirements.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(&python).args(pip).arg(requirements))?;
    fs::write(stamp, "").context("cannot note what was installed")?;
    Ok(python)
}

fn cache_folder() -> Result<PathBuf> {
    let home = env::var_os("HOME").context("HOME is not set; the cache is kept below it")?;
    let folder = Path::new(&home).join(".cache/footfall");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
