//! Files to import: plain, gzipped, or in a zip. They can be read repeatedly.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use zip::ZipArchive;

use crate::error::CommandError;

const GZIP: &[u8] = b"\x1f\x8b";
const ZIP: &[u8] = b"PK\x03\x04";

/// Bytes at the beginning of a file that its format is detected by.
const HEAD: u64 = 64 * 1024;

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// A file, or one in a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its displayed name: `access.log.1.gz`, or `export.zip/imported_visitors.csv`.
    pub(crate) name: String,
    file: PathBuf,
    /// Its index in the zip.
    entry: Option<usize>,
    /// Its size on disk in bytes.
    pub(crate) size: u64,
}

impl Source {
    /// Returns the file at a path, or the files of a zip.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of(path: &Path) -> Result<Vec<Self>> {
        let name = path.display().to_string();
        let unreadable = |error: &dyn std::fmt::Display| {
            let remedy = "check the name and the permissions; for a folder, pass its files";
            CommandError::rejected(format!("cannot read {name}: {error}"), remedy)
        };
        let mut file = File::open(path).map_err(|error| unreadable(&error))?;
        let about = file.metadata().map_err(|error| unreadable(&error))?;
        if about.is_dir() {
            return Err(unreadable(&"it is a folder").into());
        }
        let mut start = Vec::new();
        file.by_ref().take(4).read_to_end(&mut start).map_err(|error| unreadable(&error))?;
        let of = |name: String, entry, size| Self { name, file: path.to_owned(), entry, size };
        if start != ZIP {
            return Ok(vec![of(name, None, about.len())]);
        }
        let mut archive = ZipArchive::new(file).map_err(|error| unreadable(&error))?;
        let mut sources = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(|error| unreadable(&error))?;
            let inner = entry.name().map_err(|error| unreadable(&error))?.into_owned();
            // What macOS adds beside each file.
            if entry.is_file() && !inner.starts_with("__MACOSX/") {
                let name = format!("{name}/{inner}");
                sources.push(of(name, Some(index), entry.compressed_size()));
            }
        }
        Ok(sources)
    }

    /// Returns the file's name, without folders.
    pub(crate) fn base(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// Passes the decompressed content to `read`. Fails once `stop` is set.
    pub(crate) fn read<T>(
        &self,
        bar: &ProgressBar,
        stop: &AtomicBool,
        read: impl FnOnce(&mut dyn BufRead) -> Result<T>,
    ) -> Result<T> {
        let context = || format!("cannot read {}", self.name);
        let file = File::open(&self.file).with_context(context)?;
        let done = match self.entry {
            None => {
                let input = Stoppable { input: bar.wrap_read(file), stop };
                unpacked(BufReader::with_capacity(BUFFER, input), read)
            }
            Some(index) => {
                let mut archive = ZipArchive::new(BufReader::new(file)).with_context(context)?;
                let entry = archive.by_index(index).with_context(context)?;
                let input = Stoppable { input: bar.wrap_read(entry), stop };
                unpacked(BufReader::with_capacity(BUFFER, input), read)
            }
        };
        done.with_context(context)
    }

    /// Returns the beginning of the file.
    pub(crate) fn head(&self) -> Result<Vec<u8>> {
        self.read(&ProgressBar::hidden(), &AtomicBool::new(false), |input| {
            let mut head = Vec::new();
            input.take(HEAD).read_to_end(&mut head)?;
            Ok(head)
        })
    }
}

/// Reader that fails once `stop` is set. Reading takes most of an import's time.
struct Stoppable<'a, R> {
    input: R,
    stop: &'a AtomicBool,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        self.input.read(buffer)
    }
}

/// Decompresses gzip, including several members, as in concatenated logs.
fn unpacked<T>(
    mut input: impl BufRead,
    read: impl FnOnce(&mut dyn BufRead) -> Result<T>,
) -> Result<T> {
    if input.fill_buf()?.starts_with(GZIP) {
        let mut input = BufReader::with_capacity(BUFFER, MultiGzDecoder::new(input));
        return read(&mut input);
    }
    read(&mut input)
}

/// A line, without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A complete line.
    Whole(&'a [u8]),
    /// The last line, without a newline.
    Unfinished(&'a [u8]),
    /// A line that exceeds the limit.
    TooLong,
}

/// Maximum length of a line in bytes. Servers accept URLs of 8 KB.
const LONGEST: u64 = 64 * 1024;

/// Calls `take` with every line that is not empty and its number. `before` is the number of skipped lines.
pub(crate) fn each_line(
    input: &mut dyn BufRead,
    before: u64,
    mut take: impl FnMut(u64, Line<'_>) -> Result<()>,
) -> Result<()> {
    let (mut line, mut number) = (Vec::new(), before);
    loop {
        line.clear();
        if (&mut *input).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        number += 1;
        if line.pop_if(|last| *last == b'\n').is_some() {
            line.pop_if(|last| *last == b'\r');
            if !line.is_empty() {
                take(number, Line::Whole(&line))?;
            }
        } else if input.skip_until(b'\n')? == 0 && (line.len() as u64) < LONGEST {
            take(number, Line::Unfinished(&line))?;
        } else {
            take(number, Line::TooLong)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bounds_lines() {
        let text = format!("one\r\n\n\r\n{}\nlast", "x".repeat(200_000));
        let mut lines = Vec::new();
        let note = |number, line: Line<'_>| {
            lines.push(match line {
                Line::Whole(text) => format!("{number} {}", str::from_utf8(text)?),
                Line::Unfinished(text) => format!("{number} {}…", str::from_utf8(text)?),
                Line::TooLong => format!("{number} is too long"),
            });
            Ok(())
        };
        each_line(&mut text.as_bytes(), 7, note).unwrap();
        assert_eq!(lines, ["8 one", "11 is too long", "12 last…"]);
    }
}
