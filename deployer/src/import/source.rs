//! The files that are imported: plain, gzipped, or in a zip, read from their beginning as often as need be.

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

/// How much of a file its format is told by, in bytes.
const HEAD: u64 = 64 * 1024;

/// How much is read at once, in bytes.
const BUFFER: usize = 256 * 1024;

/// A file, or one in a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the owner knows it: `access.log.1.gz`, or `export.zip/imported_visitors.csv`.
    pub(crate) name: String,
    file: PathBuf,
    /// Its place in the zip.
    entry: Option<usize>,
    /// How many bytes it has on the disk.
    pub(crate) size: u64,
}

impl Source {
    /// The files that a path stands for: itself, or the files of a zip.
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

    /// The file's own name, without folders.
    pub(crate) fn base(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// Hands over what is in it, decompressed, until `stop` says so.
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

    /// What its format is told by.
    pub(crate) fn head(&self) -> Result<Vec<u8>> {
        self.read(&ProgressBar::hidden(), &AtomicBool::new(false), |input| {
            let mut head = Vec::new();
            input.take(HEAD).read_to_end(&mut head)?;
            Ok(head)
        })
    }
}

/// What is read until somebody says stop. Reading is most of an import, and what must end it, so that
/// nothing is left behind.
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

/// Hands over the content of what may be gzipped, be it in several members, as rotated logs are that were
/// put together.
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

/// A line, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// What the file has of it, which ends in it.
    Unfinished(&'a [u8]),
    /// It is longer than any that is read.
    TooLong,
}

/// The longest line that is read, in bytes. Servers take addresses of 8 KB.
const LONGEST: u64 = 64 * 1024;

/// Hands over the lines that have something in them, each with its number. `before` is how many lines were
/// before.
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
    fn lines_are_numbered_and_bounded() {
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
