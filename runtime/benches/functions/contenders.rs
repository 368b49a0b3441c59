//! The programs compared: our functions as deployed, but built for this machine; the design Footfall grew out of and
//! the same in plain Node, both under the Runtime Interface Client that AWS publishes; and a bootstrap that does
//! nothing.

use std::path::{Path, PathBuf};

use super::lambda::{Program, existing};
use super::site;
use super::sizes::{node_files, zipped};
use super::stub::Stub;

/// Variable that names the folder of the built functions; `cargo xtask bench` sets it.
const FUNCTIONS: &str = "FOOTFALL_BENCH_FUNCTIONS";

/// Variable that names the packed arm64 functions, as `cargo xtask build` writes them.
const PACKAGES: &str = "FOOTFALL_BENCH_PACKAGES";

/// npm packages the other design's handlers need. The Runtime API client is Lambda's own.
const SEED_NEEDS: [&str; 5] = ["@aws-sdk/client-dynamodb", "date-fns", "nbb", "react", "react-dom"];
const NODE_NEEDS: [&str; 1] = ["@aws-sdk/client-dynamodb"];

/// Locations of the programs.
pub(crate) struct Contenders {
    functions: PathBuf,
    pub(crate) node: PathBuf,
}

/// Size of a function in bytes: its binary, if it has one, and its zip.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) binary: Option<u64>,
    pub(crate) zip: u64,
}

impl Contenders {
    pub(crate) fn find() -> Self {
        let functions = std::env::var_os(FUNCTIONS)
            .unwrap_or_else(|| panic!("{FUNCTIONS} is not set: run `cargo xtask bench`"));
        let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/contenders");
        Self { functions: functions.into(), node }
    }

    /// The same programs, with our functions taken from another folder.
    pub(crate) fn with_functions(&self, functions: &Path) -> Self {
        Self { functions: functions.into(), node: self.node.clone() }
    }

    /// Our function `track` over a stub.
    pub(crate) fn track(&self, stub: &Stub, tls: bool) -> Program {
        self.own("track", stub, tls)
    }

    /// Our function `dashboard` over a stub.
    pub(crate) fn dashboard(&self, stub: &Stub, tls: bool) -> Program {
        self.own("dashboard", stub, tls)
    }

    fn own(&self, name: &str, stub: &Stub, tls: bool) -> Program {
        let settings = site::settings().to_json().unwrap();
        let mut variables = stub.variables(tls);
        variables.push(("FOOTFALL_SETTINGS", settings));
        Program {
            command: vec![existing(&self.functions.join(name))],
            folder: self.functions.clone(),
            variables,
        }
    }

    /// A handler of the design Footfall grew out of.
    pub(crate) fn seed(&self, handler: &str, stub: &Stub, tls: bool) -> Program {
        self.of_node("seed", handler, stub, tls)
    }

    /// A handler in plain Node.
    pub(crate) fn plain_node(&self, handler: &str, stub: &Stub, tls: bool) -> Program {
        self.of_node("node", handler, stub, tls)
    }

    fn of_node(&self, folder: &str, handler: &str, stub: &Stub, tls: bool) -> Program {
        let client = existing(&self.node.join("node_modules/aws-lambda-ric/bin/index.mjs"));
        Program {
            command: vec!["node".into(), client, format!("index.{handler}").into()],
            folder: self.node.join(folder),
            variables: stub.variables(tls),
        }
    }

    /// The bootstrap that does nothing.
    pub(crate) fn empty(&self) -> Program {
        Program {
            command: vec![existing(&self.functions.join("empty"))],
            folder: self.functions.clone(),
            variables: Vec::new(),
        }
    }

    /// Size of one of our functions as deployed.
    pub(crate) fn own_size(&self, name: &str) -> Size {
        let folder = std::env::var_os(PACKAGES)
            .unwrap_or_else(|| panic!("{PACKAGES} is not set: run `cargo xtask bench`"));
        let size = |file: String| {
            let file = existing(&Path::new(&folder).join(file));
            std::fs::metadata(file).unwrap().len()
        };
        Size { binary: Some(size(name.to_owned())), zip: size(format!("{name}.zip")) }
    }

    /// Size of the empty bootstrap, built for this machine.
    pub(crate) fn empty_size(&self) -> Size {
        let file = self.functions.join("empty");
        let binary = std::fs::metadata(&file).unwrap().len();
        Size { binary: Some(binary), zip: zipped(&[("bootstrap".to_owned(), file)]) }
    }

    /// Size of the other design's package, which holds all its functions.
    pub(crate) fn seed_size(&self) -> Size {
        Size { binary: None, zip: zipped(&node_files(&self.node, "seed", &SEED_NEEDS)) }
    }

    /// Size of the plain Node package.
    pub(crate) fn node_size(&self) -> Size {
        Size { binary: None, zip: zipped(&node_files(&self.node, "node", &NODE_NEEDS)) }
    }
}
