//! From files to rows.

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
use super::pages::{self, Shape, damaged};
use super::{
    ENGAGED, MAX_ROWS, META_ID, META_PARTS, META_UNREADABLE, META_VERSION, SCROLLED, SegmentError,
    TIME, VERSION, VISITOR,
};
use crate::segment::column::Column;
use crate::segment::dictionary::{DictKey, Dictionaries, Dictionary, NULL_KEY};
use crate::segment::hit_batch::{HitBatch, NO_SCROLL};

/// How many rows are read at once.
const BATCH: usize = 8192;

/// The most values of a column of maps: 300,000 rows, which are about what fits into a part, with 30 each.
const MAX_VALUES: usize = 10_000_000;

/// What the first part of a segment says of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// How many parts it has.
    pub parts: usize,
    /// What the others are called by.
    pub content_hash: String,
    /// How many hits it lacks, because they could not be read.
    pub unreadable: u64,
}

/// A part of a segment: a file whose footer has been read.
pub struct SegmentPart {
    file: Bytes,
    footer: ParquetMetaData,
}

impl fmt::Debug for SegmentPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Part").field(&about(self.footer.file_metadata())).finish()
    }
}

impl SegmentPart {
    /// Opens a file.
    ///
    /// # Errors
    /// If it is no segment, or one of a newer format.
    pub fn open(file: impl Into<Bytes>) -> Result<Self, SegmentError> {
        let file = file.into();
        guarded(|| {
            check_footer(&file)?;
            let footer = ParquetMetaDataReader::new().parse_and_finish(&file)?;
            let about = about(footer.file_metadata());
            let version = about.get(META_VERSION).and_then(|version| version.parse().ok());
            match version {
                None => Err(SegmentError::Foreign("it names no version".to_owned())),
                Some(version) if version > VERSION => Err(SegmentError::Newer(version)),
                Some(_) => Ok(Self { file, footer }),
            }
        })
    }

    /// What the first part of a segment says of the whole.
    ///
    /// # Errors
    /// If it is another part.
    pub fn header(&self) -> Result<Header, SegmentError> {
        let about = about(self.footer.file_metadata());
        let number = |key| about.get(key).and_then(|value| value.parse().ok());
        let parts = number(META_PARTS).unwrap_or(0);
        if parts == 0 {
            return Err(SegmentError::Foreign("it is not the first part".to_owned()));
        }
        Ok(Header {
            parts: usize::try_from(parts).unwrap_or(usize::MAX),
            content_hash: about.get(META_ID).cloned().unwrap_or_default(),
            unreadable: number(META_UNREADABLE).unwrap_or(0),
        })
    }

    /// Adds its rows to others. Columns that are not asked for are left as they are, and those that the file does
    /// not have are without texts. After an error, rows are as good as lost.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(
        &self,
        columns: &[Column],
        texts: &mut Dictionaries,
        rows: &mut HitBatch,
    ) -> Result<(), SegmentError> {
        guarded(|| {
            // Groups may say that they are the same pages, again and again.
            let groups = self.footer.row_groups();
            let counts =
                groups.iter().map(|it| usize::try_from(it.num_rows()).unwrap_or(usize::MAX));
            if counts.fold(0, usize::saturating_add) > MAX_ROWS {
                return Err(too_many());
            }
            groups.iter().try_for_each(|group| read_group(&self.file, group, columns, texts, rows))
        })
    }
}

/// Reads what the first part of a segment says of the whole.
///
/// # Errors
/// If it is no segment, or one of a newer format.
pub fn header(file: &[u8]) -> Result<Header, SegmentError> {
    SegmentPart::open(Bytes::copy_from_slice(file))?.header()
}

/// Reads the rows of a part: see [`SegmentPart::read`].
///
/// # Errors
/// If it is no segment, or one of a newer format.
pub fn decode(
    file: &[u8],
    columns: &[Column],
    texts: &mut Dictionaries,
) -> Result<HitBatch, SegmentError> {
    let mut rows = HitBatch::default();
    SegmentPart::open(Bytes::copy_from_slice(file))?.read(columns, texts, &mut rows)?;
    Ok(rows)
}

/// The library answers damaged files with an error, but for some that make it panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, SegmentError>) -> Result<T, SegmentError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(SegmentError::Foreign("it is damaged".to_owned())))
}

fn about(file: &FileMetaData) -> HashMap<String, String> {
    let pairs = file.key_value_metadata().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect()
}

/// The columns of a file by their paths, such as `page` or `props.key_value.key`.
struct Leaves<'a> {
    file: &'a Bytes,
    group: &'a RowGroupMetaData,
    places: HashMap<String, usize>,
}

fn read_group(
    file: &Bytes,
    group: &RowGroupMetaData,
    columns: &[Column],
    texts: &mut Dictionaries,
    rows: &mut HitBatch,
) -> Result<(), SegmentError> {
    let schema = group.schema_descr();
    let places =
        (0..schema.num_columns()).map(|place| (schema.column(place).path().string(), place));
    let leaves = Leaves { file, group, places: places.collect() };
    if !leaves.places.contains_key(TIME) {
        return Err(SegmentError::Foreign("it has no times".to_owned()));
    }
    let (before, len) = (rows.len(), rows.len() + leaves.rows()?);
    leaves.numbers(TIME, 0, |time| time, &mut rows.times, len)?;
    leaves.numbers(VISITOR, 0, i64::cast_unsigned, &mut rows.visitors, len)?;
    let millis = |number: i64| u32::try_from(number).unwrap_or(0);
    leaves.numbers(ENGAGED, 0, millis, &mut rows.engaged, len)?;
    let depth = |number: i64| u8::try_from(number).unwrap_or(NO_SCROLL);
    leaves.numbers(SCROLLED, NO_SCROLL, depth, &mut rows.scrolled, len)?;
    for column in columns {
        let codes = rows.column_mut(*column);
        codes.resize(before, NULL_KEY);
        leaves.texts(*column, texts.of_mut(*column), codes, len)?;
    }
    Ok(())
}

/// What a column holds: its levels, and a value for each that is there.
struct Values<T> {
    levels: Vec<i16>,
    repetitions: Vec<i16>,
    values: Vec<T>,
}

impl Leaves<'_> {
    /// Adds the numbers of a column to others, which then are so many.
    fn numbers<T: Copy>(
        &self,
        path: &str,
        none: T,
        number: impl Fn(i64) -> T,
        numbers: &mut Vec<T>,
        len: usize,
    ) -> Result<(), SegmentError> {
        numbers.reserve_exact(len - numbers.len());
        if let Some((pages, shape)) = self.pages(path, Physical::INT64)? {
            pages::numbers(pages, shape, none, number, numbers)?;
        }
        numbers.resize(len, none);
        Ok(())
    }

    /// Adds the codes of a column's texts to others, which then are so many.
    fn texts(
        &self,
        column: Column,
        texts: &mut Dictionary,
        codes: &mut Vec<DictKey>,
        len: usize,
    ) -> Result<(), SegmentError> {
        codes.reserve_exact(len - codes.len());
        if column == Column::Props {
            self.props(texts, codes)?;
        } else if let Some((pages, shape)) = self.pages(column.name(), Physical::BYTE_ARRAY)? {
            pages::texts(pages, shape, texts, codes)?;
        }
        codes.resize(len, NULL_KEY);
        Ok(())
    }

    fn pages(
        &self,
        path: &str,
        physical: Physical,
    ) -> Result<Option<(Chunk, Shape)>, SegmentError> {
        let Some(place) = self.places.get(path).copied() else { return Ok(None) };
        let column = self.group.schema_descr().column(place);
        if column.physical_type() != physical || column.max_rep_level() > 0 {
            return Err(SegmentError::Foreign(format!("{path} is of another type")));
        }
        let shape = Shape { rows: self.rows()?, is_optional: column.max_def_level() > 0 };
        Ok(Some((self.chunk(place)?, shape)))
    }

    /// The bytes of a column.
    fn chunk(&self, place: usize) -> Result<Chunk, SegmentError> {
        let (start, length) = self.group.column(place).byte_range();
        let end = start.checked_add(length).filter(|end| *end <= self.file.len() as u64);
        let range = usize::try_from(start).ok().zip(end.and_then(|end| usize::try_from(end).ok()));
        let (start, end) = range.ok_or_else(damaged)?;
        Ok(Chunk(self.file.slice(start..end)))
    }

    /// How many rows there are. What a damaged file says may be anything.
    fn rows(&self) -> Result<usize, SegmentError> {
        let rows = usize::try_from(self.group.num_rows()).ok();
        rows.filter(|rows| *rows <= MAX_ROWS).ok_or_else(too_many)
    }

    fn props(&self, texts: &mut Dictionary, codes: &mut Vec<DictKey>) -> Result<(), SegmentError> {
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
        let names = self.read::<ByteArrayType>(names, max)?;
        let values = self.read::<ByteArrayType>(values, max)?;
        let mut pairs = names.values.iter().zip(&values.values);
        let before = codes.len();
        let mut map = serde_json::Map::new();
        let mut put = |map: &mut serde_json::Map<_, _>, codes: &mut Vec<DictKey>| {
            if let Some(last) = codes.last_mut().filter(|_| !map.is_empty()) {
                *last = texts.key_for(&serde_json::Value::Object(std::mem::take(map)).to_string());
            }
        };
        for (level, repetition) in names.levels.iter().zip(&names.repetitions) {
            if *repetition == 0 {
                put(&mut map, codes);
                codes.push(NULL_KEY);
            }
            if *level == max
                && let Some((name, value)) = pairs.next()
            {
                map.insert(lossy(name), lossy(value).into());
            }
        }
        put(&mut map, codes);
        if codes.len() - before == self.rows()? {
            Ok(())
        } else {
            Err(SegmentError::Foreign("its columns are not of one length".to_owned()))
        }
    }

    /// The reader of a column, and the level at which a value is there; `None` if there is no such
    /// column.
    fn reader(
        &self,
        path: &str,
        physical: Physical,
    ) -> Result<Option<(ColumnReader, i16)>, SegmentError> {
        let Some(place) = self.places.get(path).copied() else { return Ok(None) };
        let column = self.group.schema_descr().column(place);
        if column.physical_type() != physical {
            return Err(SegmentError::Foreign(format!("{path} is of another type")));
        }
        // A row of a map has as many values as its levels say, which may be billions in a few bytes.
        let mut values = 0;
        for page in self.chunk(place)? {
            values += page?.num_values() as usize;
            if values > MAX_VALUES {
                return Err(too_many());
            }
        }
        let level = column.max_def_level();
        Ok(Some((get_column_reader(column, Box::new(self.chunk(place)?)), level)))
    }

    fn read<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        max: i16,
    ) -> Result<Values<T::T>, SegmentError> {
        let mut read = Values { levels: Vec::new(), repetitions: Vec::new(), values: Vec::new() };
        let expected = self.rows()?;
        let mut count = 0;
        while count < expected {
            let levels = (max > 0).then_some(&mut read.levels);
            let repetitions = Some(&mut read.repetitions);
            let most = BATCH.min(expected - count);
            let (rows, ..) = reader.read_records(most, levels, repetitions, &mut read.values)?;
            if rows == 0 {
                return Err(SegmentError::Foreign("it ends too early".to_owned()));
            }
            count += rows;
        }
        Ok(read)
    }
}

fn too_many() -> SegmentError {
    SegmentError::Foreign("it has too many rows".to_owned())
}

fn lossy(value: &ByteArray) -> String {
    String::from_utf8_lossy(value.data()).into_owned()
}
