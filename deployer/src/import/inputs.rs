//! The files of an import: finds what is new in them, and reads it.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::sync::atomic::AtomicBool;

use anyhow::Result;

use super::format::{self, Format, FormatArg};
use super::history::{Fingerprint, History, ScanResult};
use super::pipeline::Pipeline;
use super::source::Source;
use super::summary::{Skipped, Summary};
use super::{access_log, cloudfront, footfall, goatcounter, plausible, progress_bar, umami};

/// A file with new content.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) source: Source,
    pub(crate) format: Format,
    pub(crate) fingerprint: Fingerprint,
    /// Offset of the new content, in bytes.
    pub(crate) from: u64,
    /// Size of the file when it was scanned, in bytes. It may have grown since.
    scanned: u64,
}

/// Returns the files with new content, and notes the others in the summary. Reads each file once.
pub(crate) fn find_new(
    sources: Vec<Source>,
    history: &History,
    format_arg: Option<FormatArg>,
    stop: &AtomicBool,
    summary: &mut Summary,
) -> Result<Vec<Input>> {
    let total = sources.iter().map(|source| source.size).sum();
    let bar = progress_bar::of_bytes("Scanning", total)?;
    let (mut inputs, mut seen) = (Vec::new(), HashSet::new());
    for source in sources {
        let Some(format) = format::detect(&source, &source.head()?, format_arg)? else { continue };
        let ScanResult { fingerprint, all, known } =
            source.read(&bar, stop, |input| history.scan(input, format.has_lines()))?;
        if !seen.insert(fingerprint.clone()) {
            let (file, bytes) = (source.name, fingerprint.length);
            summary.skipped.push(Skipped { file, bytes, whole: true, id: None, at: None });
            continue;
        }
        // Properties are not hits. They are read together with their events.
        let known = known.filter(|_| format != Format::UmamiProperties);
        let whole = known.is_some_and(|(bytes, _)| bytes == fingerprint.length);
        let known = known.filter(|_| whole || format.grows());
        if let Some((bytes, id)) = known {
            let file = source.name.clone();
            let at = history.imports.get(&id).map(|import| import.at);
            summary.skipped.push(Skipped { file, bytes, whole, id: Some(id), at });
        }
        if !whole {
            let from = known.map_or(0, |known| known.0);
            inputs.push(Input { source, format, fingerprint, from, scanned: all });
        }
    }
    bar.finish_and_clear();
    if inputs.iter().all(|input: &Input| input.format == Format::UmamiProperties) {
        inputs.clear();
    }
    Ok(inputs)
}

/// Reads the new content of all files into the pipeline.
pub(crate) fn read(
    inputs: &[Input],
    stop: &AtomicBool,
    pipeline: &mut Pipeline<'_>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let total = inputs.iter().map(|input| input.source.size).sum();
    let bar = progress_bar::of_bytes("Reading", total)?;
    let mut properties = umami::Properties::new();
    for input in inputs.iter().filter(|input| input.format == Format::UmamiProperties) {
        input.source.read(&bar, stop, |it| umami::read_properties(it, &mut properties))?;
    }
    let mut aggregates = plausible::Aggregates::default();
    for input in inputs {
        let Input { source, format, from, scanned, .. } = input;
        pipeline.file.clone_from(&source.name);
        source.read(&bar, stop, |all| {
            let mut all = all.take(*scanned);
            match format {
                Format::AccessLog => {
                    let before = skip(&mut all, *from)?;
                    access_log::read(&mut all, before, pipeline)
                }
                Format::FootfallJson => {
                    let before = skip(&mut all, *from)?;
                    footfall::read_json(&mut all, before, pipeline)
                }
                Format::CloudFront => cloudfront::read(&mut all, pipeline),
                Format::GoatCounter => goatcounter::read(&mut all, *from, pipeline),
                Format::UmamiEvents => umami::read(&mut all, &properties, pipeline),
                Format::FootfallCsv => footfall::read_csv(&mut all, pipeline),
                Format::FootfallParquet => footfall::read_parquet(&mut all, pipeline),
                Format::Plausible(table) => aggregates.read(*table, &mut all, pipeline),
                Format::UmamiProperties => Ok(()),
            }
        })?;
    }
    aggregates.take(pipeline, notes)?;
    bar.finish_and_clear();
    Ok(())
}

/// Skips the beginning of a file, and returns the number of lines in it.
fn skip(input: &mut impl io::BufRead, bytes: u64) -> io::Result<u64> {
    let (mut left, mut lines) = (input.take(bytes), 0);
    let mut buffer = [0; 8192];
    loop {
        let read = left.read(&mut buffer)?;
        if read == 0 {
            return Ok(lines);
        }
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}
