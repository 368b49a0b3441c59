//! From files to rows.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::basic::Type as Physical;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::file::metadata::FileMetaData;
use parquet::file::reader::{FileReader as _, RowGroupReader, SerializedFileReader};

use super::{
    ENGAGED, META_ID, META_PARTS, META_UNREADABLE, META_VERSION, SCROLLED, SegmentError, TIME,
    VERSION, VISITOR,
};
use crate::column::Column;
use crate::rows::{Code, Dictionary, NO_SCROLL, NONE, Rows, Texts};

/// How many rows are read at once.
const BATCH: usize = 8192;

/// What the first part of a segment says of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// How many parts it has.
    pub parts: usize,
    /// What the others are called by.
    pub id: String,
    /// How many hits it lacks, because they could not be read.
    pub unreadable: u64,
}

/// Reads what the first part of a segment says of the whole.
///
/// # Errors
/// If it is no segment, or one of a newer format.
pub fn header(file: &[u8]) -> Result<Header, SegmentError> {
    guarded(|| {
        let reader = open(file)?;
        let about = about(reader.metadata().file_metadata());
        let number = |key| about.get(key).and_then(|value| value.parse().ok());
        let parts = number(META_PARTS).unwrap_or(0);
        if parts == 0 {
            return Err(SegmentError::Foreign("it is not the first part".to_owned()));
        }
        Ok(Header {
            parts: usize::try_from(parts).unwrap_or(usize::MAX),
            id: about.get(META_ID).cloned().unwrap_or_default(),
            unreadable: number(META_UNREADABLE).unwrap_or(0),
        })
    })
}

/// Reads the rows of a part. Columns that are not asked for, or that the file does not have, are
/// without texts.
///
/// # Errors
/// If it is no segment, or one of a newer format.
pub fn decode(file: &[u8], columns: &[Column], texts: &mut Texts) -> Result<Rows, SegmentError> {
    guarded(|| {
        let reader = open(file)?;
        let mut rows = Rows::default();
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            rows.append(&mut read_group(&*group, columns, texts)?);
        }
        Ok(rows)
    })
}

/// The library answers damaged files with an error, but for some that make it panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, SegmentError>) -> Result<T, SegmentError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(SegmentError::Foreign("it is damaged".to_owned())))
}

fn open(file: &[u8]) -> Result<SerializedFileReader<Bytes>, SegmentError> {
    let reader = SerializedFileReader::new(Bytes::copy_from_slice(file))?;
    let about = about(reader.metadata().file_metadata());
    let version = about.get(META_VERSION).and_then(|version| version.parse().ok());
    match version {
        None => Err(SegmentError::Foreign("it names no version".to_owned())),
        Some(version) if version > VERSION => Err(SegmentError::Newer(version)),
        Some(_) => Ok(reader),
    }
}

fn about(file: &FileMetaData) -> HashMap<String, String> {
    let pairs = file.key_value_metadata().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect()
}

/// The columns of a file by their paths, such as `page` or `props.key_value.key`.
struct Leaves<'a> {
    group: &'a dyn RowGroupReader,
    places: HashMap<String, usize>,
}

fn read_group(
    group: &dyn RowGroupReader,
    columns: &[Column],
    texts: &mut Texts,
) -> Result<Rows, SegmentError> {
    let schema = group.metadata().schema_descr();
    let places =
        (0..schema.num_columns()).map(|place| (schema.column(place).path().string(), place));
    let leaves = Leaves { group, places: places.collect() };

    let mut rows = Rows::default();
    let Some(times) = leaves.numbers(TIME)? else {
        return Err(SegmentError::Foreign("it has no times".to_owned()));
    };
    rows.times = times.into_iter().map(Option::unwrap_or_default).collect();
    let count = rows.times.len();
    let visitors = leaves.numbers(VISITOR)?.unwrap_or_else(|| vec![None; count]);
    rows.visitors = visitors.into_iter().map(|it| it.unwrap_or(0).cast_unsigned()).collect();
    let engaged = leaves.numbers(ENGAGED)?.unwrap_or_else(|| vec![None; count]);
    rows.engaged = engaged.into_iter().map(|it| within(it).unwrap_or(0)).collect();
    let scrolled = leaves.numbers(SCROLLED)?.unwrap_or_else(|| vec![None; count]);
    rows.scrolled = scrolled.into_iter().map(|it| within(it).unwrap_or(NO_SCROLL)).collect();
    for column in Column::ALL {
        let codes = if columns.contains(&column) {
            let dictionary = texts.of_mut(column);
            match column {
                Column::Props => leaves.props(dictionary)?,
                _ => leaves.texts(column.name(), dictionary)?,
            }
        } else {
            None
        };
        *rows.column_mut(column) = codes.unwrap_or_else(|| vec![NONE; count]);
    }
    let lengths = Column::ALL.map(|column| rows.column(column).len());
    let numbers = [rows.visitors.len(), rows.engaged.len(), rows.scrolled.len()];
    if numbers != [count; 3] || lengths.iter().any(|length| *length != count) {
        return Err(SegmentError::Foreign("its columns are not of one length".to_owned()));
    }
    Ok(rows)
}

/// A number, if it is there and within what its type holds.
fn within<T: TryFrom<i64>>(number: Option<i64>) -> Option<T> {
    number.and_then(|number| number.try_into().ok())
}

/// What a column holds: its levels, and a value for each that is there.
struct Values<T> {
    levels: Vec<i16>,
    repetitions: Vec<i16>,
    values: Vec<T>,
}

impl Leaves<'_> {
    fn numbers(&self, path: &str) -> Result<Option<Vec<Option<i64>>>, SegmentError> {
        let Some((reader, max)) = self.reader(path, Physical::INT64)? else { return Ok(None) };
        let ColumnReader::Int64ColumnReader(reader) = reader else { return Ok(None) };
        let read = self.read::<Int64Type>(reader, max)?;
        if max == 0 {
            return Ok(Some(read.values.into_iter().map(Some).collect()));
        }
        let mut values = read.values.into_iter();
        let value = |level: i16| if level == max { values.next() } else { None };
        Ok(Some(read.levels.into_iter().map(value).collect()))
    }

    fn texts(&self, path: &str, texts: &mut Dictionary) -> Result<Option<Vec<Code>>, SegmentError> {
        let Some((reader, max)) = self.reader(path, Physical::BYTE_ARRAY)? else { return Ok(None) };
        let ColumnReader::ByteArrayColumnReader(reader) = reader else { return Ok(None) };
        let read = self.read::<ByteArrayType>(reader, max)?;
        let mut known = Known::default();
        let mut values = read.values.iter();
        let mut code = |level: i16| {
            if level < max { NONE } else { values.next().map_or(NONE, |it| known.code(it, texts)) }
        };
        if max == 0 {
            return Ok(Some((0..read.values.len()).map(|_| code(0)).collect()));
        }
        Ok(Some(read.levels.into_iter().map(code).collect()))
    }

    fn props(&self, texts: &mut Dictionary) -> Result<Option<Vec<Code>>, SegmentError> {
        let path = |leaf: &str| format!("{}.key_value.{leaf}", Column::Props.name());
        let Some((ColumnReader::ByteArrayColumnReader(names), max)) =
            self.reader(&path("key"), Physical::BYTE_ARRAY)?
        else {
            return Ok(None);
        };
        let Some((ColumnReader::ByteArrayColumnReader(values), _)) =
            self.reader(&path("value"), Physical::BYTE_ARRAY)?
        else {
            return Ok(None);
        };
        let names = self.read::<ByteArrayType>(names, max)?;
        let values = self.read::<ByteArrayType>(values, max)?;
        let mut pairs = names.values.iter().zip(&values.values);
        let mut maps: Vec<serde_json::Map<_, _>> = Vec::new();
        for (level, repetition) in names.levels.iter().zip(&names.repetitions) {
            if *repetition == 0 {
                maps.push(serde_json::Map::new());
            }
            if *level < max {
                continue;
            }
            if let (Some((name, value)), Some(map)) = (pairs.next(), maps.last_mut()) {
                map.insert(lossy(name), lossy(value).into());
            }
        }
        let code = |map: serde_json::Map<_, _>| {
            if map.is_empty() {
                return NONE;
            }
            texts.code(&serde_json::Value::Object(map).to_string())
        };
        Ok(Some(maps.into_iter().map(code).collect()))
    }

    /// The reader of a column, and the level at which a value is there; `None` if there is no such
    /// column.
    fn reader(
        &self,
        path: &str,
        physical: Physical,
    ) -> Result<Option<(ColumnReader, i16)>, SegmentError> {
        let Some(place) = self.places.get(path).copied() else { return Ok(None) };
        let column = self.group.metadata().schema_descr().column(place);
        if column.physical_type() != physical {
            return Err(SegmentError::Foreign(format!("{path} is of another type")));
        }
        Ok(Some((self.group.get_column_reader(place)?, column.max_def_level())))
    }

    fn read<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        max: i16,
    ) -> Result<Values<T::T>, SegmentError> {
        let mut read = Values { levels: Vec::new(), repetitions: Vec::new(), values: Vec::new() };
        let expected = usize::try_from(self.group.metadata().num_rows()).unwrap_or(0);
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

/// The codes of the texts of one column chunk. A text of the file's own dictionary is the same piece of
/// memory in every row, so that it is looked up once.
#[derive(Default)]
struct Known(HashMap<(usize, usize), Code>);

impl Known {
    fn code(&mut self, value: &ByteArray, texts: &mut Dictionary) -> Code {
        let place = (value.data().as_ptr().addr(), value.len());
        *self.0.entry(place).or_insert_with(|| texts.code(&lossy(value)))
    }
}

fn lossy(value: &ByteArray) -> String {
    String::from_utf8_lossy(value.data()).into_owned()
}
