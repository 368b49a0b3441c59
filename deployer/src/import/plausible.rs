//! Plausible's export: tables of days by one dimension each.

use std::io::BufRead;

use anyhow::Result;

use super::intake::Intake;

/// One of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Visitors,
}

impl Table {
    pub(crate) fn of(_file: &str) -> Option<Self> {
        None
    }
}

#[derive(Debug, Default)]
pub(crate) struct Aggregates;

impl Aggregates {
    pub(crate) fn read(&mut self, _: Table, _: &mut dyn BufRead, _: &mut Intake<'_>) -> Result<()> {
        Ok(())
    }
    pub(crate) fn take(self, _: &mut Intake<'_>, _: &mut Vec<String>) -> Result<()> {
        Ok(())
    }
}
