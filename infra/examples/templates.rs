//! Writes the template of every variant that is tested into a folder, for `tests/lint_template.py`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use footfall_infra::stack::BUDGET_REGIONS;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("give the folder to write to")?;
    fs::create_dir_all(&folder)?;
    for (name, _, template) in support::variants() {
        fs::write(folder.join(format!("{name}.yaml")), template.to_yaml()?)?;
        fs::write(folder.join(format!("{name}.json")), template.to_json()?)?;
    }
    // What the code believes about AWS, to be held against what cfn-lint knows of it.
    fs::write(folder.join("budget-regions.txt"), BUDGET_REGIONS.join("\n"))?;
    Ok(())
}
