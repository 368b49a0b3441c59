//! Decodes segment files into hits.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::basic::Type as Physical;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType, DataType};
use parquet::file::metadata::{
    FileMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};

use super::chunk::{Chunk, check_footer};
use super::cursor::damaged;
use super::pages::{self, Shape};
use super::{
    ENGAGED, MAX_ROWS, META_CONTENT_HASH, META_PARTS, META_UNREADABLE, META_VERSION, SCROLLED,
    SegmentError, TIME, VERSION, VISITOR,
};
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries, Dictionary, NULL_KEY};
use crate::segment::hit_batch::{HitBatch, NO_SCROLL};

/// Number of rows to decode at once.
const ROWS_PER_READ: usize = 8192;

/// Maximum values of a map column: 300,000 rows, about what fits into a part, with 30 properties each, rounded up.
const MAX_MAP_VALUES: usize = 10_000_000;

/// What the first part tells about the whole segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The number of parts.
    pub parts: usize,
    /// The hash of the other parts' bytes, which their keys contain.
    pub content_hash: String,
    /// The number of hits that could not be read and are missing.
    pub unreadable: u64,
}

/// A part of a segment: a Parquet file with a parsed footer.
pub struct SegmentPart {
    file: Bytes,
    footer: ParquetMetaData,
}

impl fmt::Debug for SegmentPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SegmentPart").field(&metadata(self.footer.file_metadata())).finish()
    }
}

impl SegmentPart {
    /// Opens a part from the bytes of its file.
    ///
    /// # Errors
    /// If it is not a segment, or has a newer format.
    pub fn open(file: impl Into<Bytes>) -> Result<Self, SegmentError> {
        let file = file.into();
        catch_panics(|| {
            check_footer(&file)?;
            let footer = ParquetMetaDataReader::new().parse_and_finish(&file)?;
            let metadata = metadata(footer.file_metadata());
            let version = metadata.get(META_VERSION).and_then(|version| version.parse().ok());
            match version {
                None => Err(SegmentError::Foreign("it has no format version".to_owned())),
                Some(version) if version > VERSION => Err(SegmentError::Newer(version)),
                Some(_) => Ok(Self { file, footer }),
            }
        })
    }

    /// Returns the header, which only the first part has.
    ///
    /// # Errors
    /// If this is another part.
    pub fn header(&self) -> Result<Header, SegmentError> {
        let metadata = metadata(self.footer.file_metadata());
        let number = |key| metadata.get(key).and_then(|value| value.parse().ok());
        let parts = number(META_PARTS).unwrap_or(0);
        if parts == 0 {
            return Err(SegmentError::Foreign("it is not the first part".to_owned()));
        }
        Ok(Header {
            parts: usize::try_from(parts).unwrap_or(usize::MAX),
            content_hash: metadata.get(META_CONTENT_HASH).cloned().unwrap_or_default(),
            unreadable: number(META_UNREADABLE).unwrap_or(0),
        })
    }

    /// Appends the hits of this part to `batch`.
    ///
    /// Only `columns` are read; the others stay as they are. A column that the file lacks gets null keys. After an
    /// error, `batch` is in an inconsistent state: discard it.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn read(
        &self,
        columns: &[Column],
        dictionaries: &mut Dictionaries,
        batch: &mut HitBatch,
    ) -> Result<(), SegmentError> {
        catch_panics(|| {
            // A hostile file may list the same pages in many row groups.
            let groups = self.footer.row_groups();
            let counts =
                groups.iter().map(|it| usize::try_from(it.num_rows()).unwrap_or(usize::MAX));
            if counts.fold(0, usize::saturating_add) > MAX_ROWS {
                return Err(too_many());
            }
            groups
                .iter()
                .try_for_each(|group| read_group(&self.file, group, columns, dictionaries, batch))
        })
    }
}

/// Reads the header of a segment from its first part.
///
/// # Errors
/// If it is not a segment, or has a newer format.
pub fn header(file: &[u8]) -> Result<Header, SegmentError> {
    SegmentPart::open(Bytes::copy_from_slice(file))?.header()
}

/// Decodes the hits of a part: see [`SegmentPart::read`].
///
/// # Errors
/// If it is not a segment, or has a newer format.
pub fn decode(
    file: &[u8],
    columns: &[Column],
    dictionaries: &mut Dictionaries,
) -> Result<HitBatch, SegmentError> {
    let mut batch = HitBatch::default();
    SegmentPart::open(Bytes::copy_from_slice(file))?.read(columns, dictionaries, &mut batch)?;
    Ok(batch)
}

/// Turns panics into errors: some damaged files make the Parquet library panic.
fn catch_panics<T>(read: impl FnOnce() -> Result<T, SegmentError>) -> Result<T, SegmentError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(damaged()))
}

fn metadata(file: &FileMetaData) -> HashMap<String, String> {
    let pairs = file.key_value_metadata().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect()
}

/// A row group, and its columns by path, such as `page` or `props.key_value.key`.
struct RowGroup<'a> {
    file: &'a Bytes,
    group: &'a RowGroupMetaData,
    column_indices: HashMap<String, usize>,
}

fn read_group(
    file: &Bytes,
    group: &RowGroupMetaData,
    columns: &[Column],
    dictionaries: &mut Dictionaries,
    batch: &mut HitBatch,
) -> Result<(), SegmentError> {
    let schema = group.schema_descr();
    let column_indices =
        (0..schema.num_columns()).map(|index| (schema.column(index).path().string(), index));
    let group = RowGroup { file, group, column_indices: column_indices.collect() };
    if !group.column_indices.contains_key(TIME) {
        return Err(SegmentError::Foreign(format!("it has no column {TIME:?}")));
    }
    let (old_len, len) = (batch.len(), batch.len() + group.row_count()?);
    group.read_numbers(TIME, 0, |time| time, &mut batch.times, len)?;
    group.read_numbers(VISITOR, 0, i64::cast_unsigned, &mut batch.visitors, len)?;
    let millis = |number: i64| u32::try_from(number).unwrap_or(0);
    group.read_numbers(ENGAGED, 0, millis, &mut batch.engaged, len)?;
    let depth = |number: i64| u8::try_from(number).unwrap_or(NO_SCROLL);
    group.read_numbers(SCROLLED, NO_SCROLL, depth, &mut batch.scrolled, len)?;
    for column in columns {
        let keys = batch.column_mut(*column);
        keys.resize(old_len, NULL_KEY);
        group.read_strings(*column, dictionaries.of_mut(*column), keys, len)?;
    }
    Ok(())
}

/// A decoded column: its levels, and the values of those levels that have one.
struct ColumnValues<T> {
    levels: Vec<i16>,
    repetitions: Vec<i16>,
    values: Vec<T>,
}

impl RowGroup<'_> {
    /// Appends the numbers of a column to `numbers`, which then has `len` elements.
    fn read_numbers<T: Copy>(
        &self,
        path: &str,
        missing: T,
        convert: impl Fn(i64) -> T,
        numbers: &mut Vec<T>,
        len: usize,
    ) -> Result<(), SegmentError> {
        numbers.reserve_exact(len - numbers.len());
        if let Some((pages, shape)) = self.pages(path, Physical::INT64)? {
            pages::read_numbers(pages, shape, missing, convert, numbers)?;
        }
        numbers.resize(len, missing);
        Ok(())
    }

    /// Appends the keys of a column to `keys`, which then has `len` elements.
    fn read_strings(
        &self,
        column: Column,
        dictionary: &mut Dictionary,
        keys: &mut Vec<DictKey>,
        len: usize,
    ) -> Result<(), SegmentError> {
        keys.reserve_exact(len - keys.len());
        if column == Column::Props {
            self.read_props(dictionary, keys)?;
        } else if let Some((pages, shape)) = self.pages(column.name(), Physical::BYTE_ARRAY)? {
            pages::read_strings(pages, shape, dictionary, keys)?;
        }
        keys.resize(len, NULL_KEY);
        Ok(())
    }

    /// Returns the pages of a column. `None` if the file lacks the column.
    fn pages(
        &self,
        path: &str,
        physical: Physical,
    ) -> Result<Option<(Chunk, Shape)>, SegmentError> {
        let Some(index) = self.column_indices.get(path).copied() else { return Ok(None) };
        let column = self.group.schema_descr().column(index);
        if column.physical_type() != physical || column.max_rep_level() > 0 {
            return Err(SegmentError::Foreign(format!(
                "the column {path:?} has an unexpected type"
            )));
        }
        let shape = Shape { rows: self.row_count()?, is_optional: column.max_def_level() > 0 };
        Ok(Some((self.chunk(index)?, shape)))
    }

    /// Returns the bytes of a column.
    fn chunk(&self, index: usize) -> Result<Chunk, SegmentError> {
        let (start, length) = self.group.column(index).byte_range();
        let end = start.checked_add(length).filter(|end| *end <= self.file.len() as u64);
        let range = usize::try_from(start).ok().zip(end.and_then(|end| usize::try_from(end).ok()));
        let (start, end) = range.ok_or_else(damaged)?;
        Ok(Chunk(self.file.slice(start..end)))
    }

    /// Returns the number of rows. A damaged file may claim any number.
    fn row_count(&self) -> Result<usize, SegmentError> {
        let rows = usize::try_from(self.group.num_rows()).ok();
        rows.filter(|rows| *rows <= MAX_ROWS).ok_or_else(too_many)
    }

    /// Appends the keys of the properties, each a JSON object.
    fn read_props(
        &self,
        dictionary: &mut Dictionary,
        keys: &mut Vec<DictKey>,
    ) -> Result<(), SegmentError> {
        let path = |leaf: &str| format!("{}.key_value.{leaf}", Column::Props.name());
        let names = self.reader(&path("key"), Physical::BYTE_ARRAY)?;
        let values = self.reader(&path("value"), Physical::BYTE_ARRAY)?;
        let (
            Some((ColumnReader::ByteArrayColumnReader(names), max)),
            Some((ColumnReader::ByteArrayColumnReader(values), _)),
        ) = (names, values)
        else {
            return Ok(());
        };
        let names = self.read_all::<ByteArrayType>(names, max)?;
        let values = self.read_all::<ByteArrayType>(values, max)?;
        let mut pairs = names.values.iter().zip(&values.values);
        let old_len = keys.len();
        let mut map = serde_json::Map::new();
        let mut finish_row = |map: &mut serde_json::Map<_, _>, keys: &mut Vec<DictKey>| {
            if let Some(last) = keys.last_mut().filter(|_| !map.is_empty()) {
                *last =
                    dictionary.key_for(&serde_json::Value::Object(std::mem::take(map)).to_string());
            }
        };
        for (level, repetition) in names.levels.iter().zip(&names.repetitions) {
            if *repetition == 0 {
                finish_row(&mut map, keys);
                keys.push(NULL_KEY);
            }
            if *level == max
                && let Some((name, value)) = pairs.next()
            {
                map.insert(to_string_lossy(name), to_string_lossy(value).into());
            }
        }
        finish_row(&mut map, keys);
        if keys.len() - old_len == self.row_count()? {
            Ok(())
        } else {
            Err(SegmentError::Foreign("its columns differ in length".to_owned()))
        }
    }

    /// Returns the library's reader of a column, and the definition level of present values. `None` if the file
    /// lacks the column.
    fn reader(
        &self,
        path: &str,
        physical: Physical,
    ) -> Result<Option<(ColumnReader, i16)>, SegmentError> {
        let Some(index) = self.column_indices.get(path).copied() else { return Ok(None) };
        let column = self.group.schema_descr().column(index);
        if column.physical_type() != physical {
            return Err(SegmentError::Foreign(format!(
                "the column {path:?} has an unexpected type"
            )));
        }
        // Levels decide how many values a row of a map has. A few bytes may claim billions.
        let mut values = 0;
        for page in self.chunk(index)? {
            values += page?.num_values() as usize;
            if values > MAX_MAP_VALUES {
                return Err(too_many());
            }
        }
        let level = column.max_def_level();
        Ok(Some((get_column_reader(column, Box::new(self.chunk(index)?)), level)))
    }

    /// Decodes all rows of a column.
    fn read_all<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        max: i16,
    ) -> Result<ColumnValues<T::T>, SegmentError> {
        let mut read =
            ColumnValues { levels: Vec::new(), repetitions: Vec::new(), values: Vec::new() };
        let expected = self.row_count()?;
        let mut count = 0;
        while count < expected {
            let levels = (max > 0).then_some(&mut read.levels);
            let repetitions = Some(&mut read.repetitions);
            let max_rows = ROWS_PER_READ.min(expected - count);
            let (rows, ..) =
                reader.read_records(max_rows, levels, repetitions, &mut read.values)?;
            if rows == 0 {
                return Err(SegmentError::Foreign(
                    "it has fewer rows than its header says".to_owned(),
                ));
            }
            count += rows;
        }
        Ok(read)
    }
}

fn too_many() -> SegmentError {
    SegmentError::Foreign("it has too many rows".to_owned())
}

fn to_string_lossy(value: &ByteArray) -> String {
    String::from_utf8_lossy(value.data()).into_owned()
}
