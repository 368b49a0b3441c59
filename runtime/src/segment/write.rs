//! From rows to files.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnPath;
use sha2::{Digest as _, Sha256};

use super::{
    MAX_ROWS, META_ID, META_PARTS, META_SITE, META_SPAN, META_UNREADABLE, META_VERSION, PART,
    SegmentError, TIME, VERSION, VISITOR, schema,
};
use crate::segment::column::Column;
use crate::segment::dictionary::{Dictionaries, NULL_KEY};
use crate::segment::hit_batch::{HitBatch, NO_SCROLL};

/// A segment as files, of which nearly always there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedSegment {
    /// The first part. It says how many there are, and how they are called.
    pub first: Vec<u8>,
    /// The others.
    pub rest: Vec<Vec<u8>>,
    /// What the others are called by: the hash of their bytes.
    pub content_hash: String,
}

/// The files of a segment. `rows` are in their order already; `unreadable` is how many hits they lack.
///
/// # Errors
/// [`SegmentError::TooLarge`] if a single row does not fit into a part.
pub fn encode(
    site: &str,
    span: &str,
    rows: &HitBatch,
    texts: &Dictionaries,
    unreadable: u64,
) -> Result<EncodedSegment, SegmentError> {
    let about = |parts: usize, id: &str| {
        let mut about = vec![
            (META_VERSION, VERSION.to_string()),
            (META_SITE, site.to_owned()),
            (META_SPAN, span.to_owned()),
        ];
        if parts > 0 {
            about.push((META_PARTS, parts.to_string()));
            about.push((META_ID, id.to_owned()));
            about.push((META_UNREADABLE, unreadable.to_string()));
        }
        about
    };
    let first = file(rows, texts, about(1, ""))?;
    if first.len() <= PART && rows.len() <= MAX_ROWS {
        return Ok(EncodedSegment { first, rest: Vec::new(), content_hash: String::new() });
    }
    // Some room for parts that are larger than others; where that is not enough, more parts.
    let mut count = first.len() / PART * 5 / 4 + rows.len() / MAX_ROWS + 2;
    loop {
        let size = rows.len().div_ceil(count).max(1);
        let all: Vec<usize> = (0..rows.len()).collect();
        let mut chunks = all.chunks(size).map(|chunk| rows.select_rows(chunk));
        let head = chunks.next().unwrap_or_default();
        let rest: Vec<Vec<u8>> = chunks
            .map(|rows| file(&rows, texts, about(0, "")))
            .collect::<Result<_, SegmentError>>()?;
        let id = hash(&rest);
        let first = file(&head, texts, about(1 + rest.len(), &id))?;
        if first.len() <= PART && rest.iter().all(|part| part.len() <= PART) {
            return Ok(EncodedSegment { first, rest, content_hash: id });
        }
        if size == 1 {
            return Err(SegmentError::TooLarge);
        }
        count = count * 3 / 2;
    }
}

fn hash(parts: &[Vec<u8>]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn file(
    rows: &HitBatch,
    texts: &Dictionaries,
    about: Vec<(&str, String)>,
) -> Result<Vec<u8>, SegmentError> {
    let about = about.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let properties = properties().set_key_value_metadata(Some(about.collect())).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema()?, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    write_times(&mut group, rows)?;
    // A hash keeps its bits, and its number may so be negative.
    let visitors = rows.visitors.iter().map(|visitor| visitor.cast_signed());
    let counts = rows.column(Column::Exclusion).iter().map(|reason| *reason == NULL_KEY);
    write_numbers(&mut group, visitors.zip(counts))?;
    for column in Column::ALL {
        match column {
            Column::Props => write_props(&mut group, rows, texts)?,
            _ => write_texts(&mut group, rows, texts, column)?,
        }
    }
    write_numbers(&mut group, rows.engaged.iter().map(|it| (i64::from(*it), *it > 0)))?;
    let scrolled = rows.scrolled.iter();
    write_numbers(&mut group, scrolled.map(|it| (i64::from(*it), *it != NO_SCROLL)))?;
    group.close()?;
    Ok(writer.into_inner()?)
}

fn properties() -> WriterPropertiesBuilder {
    let mut properties = WriterProperties::builder()
        // Part of the bytes, which must not change with the library's version.
        .set_created_by("footfall".to_owned())
        // Dictionaries and runs have left little to compress: gzip makes a day of some 800 hits 3.5 %
        // larger, for its frames around every page.
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true);
    for number in [TIME, VISITOR] {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(number), false)
            .set_column_encoding(ColumnPath::from(number), Encoding::DELTA_BINARY_PACKED);
    }
    properties
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn write_times(group: &mut Group<'_>, rows: &HitBatch) -> Result<(), SegmentError> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(&rows.times, None, None)?;
        column.close()?;
    }
    Ok(())
}

/// Writes numbers, each with whether it is there.
fn write_numbers(
    group: &mut Group<'_>,
    numbers: impl Iterator<Item = (i64, bool)>,
) -> Result<(), SegmentError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for (number, is_there) in numbers {
        levels.push(i16::from(is_there));
        if is_there {
            values.push(number);
        }
    }
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

fn write_texts(
    group: &mut Group<'_>,
    rows: &HitBatch,
    texts: &Dictionaries,
    column: Column,
) -> Result<(), SegmentError> {
    let codes = rows.column(column);
    let texts = texts.of(column);
    let values: Vec<ByteArray> =
        codes.iter().filter_map(|code| Some(ByteArray::from(texts.value(*code)?))).collect();
    let levels: Vec<i16> = codes.iter().map(|code| i16::from(*code != NULL_KEY)).collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

/// The two columns of a map: a level of 0 is no map, 2 a pair; a repetition of 1 goes on with a map.
fn write_props(
    group: &mut Group<'_>,
    rows: &HitBatch,
    texts: &Dictionaries,
) -> Result<(), SegmentError> {
    let texts = texts.of(Column::Props);
    let (mut names, mut values) = (Vec::new(), Vec::new());
    let (mut levels, mut repetitions) = (Vec::new(), Vec::new());
    for code in rows.column(Column::Props) {
        let props = texts.value(*code).and_then(|text| serde_json::from_str(text).ok());
        let props: serde_json::Map<String, serde_json::Value> = props.unwrap_or_default();
        if props.is_empty() {
            levels.push(0);
            repetitions.push(0);
        }
        for (place, (name, value)) in props.iter().enumerate() {
            names.push(ByteArray::from(name.as_str()));
            values.push(ByteArray::from(value.as_str().unwrap_or_default()));
            levels.push(2);
            repetitions.push(i16::from(place > 0));
        }
    }
    for side in [&names, &values] {
        if let Some(mut column) = group.next_column()? {
            let writer = column.typed::<ByteArrayType>();
            writer.write_batch(side, Some(&levels), Some(&repetitions))?;
            column.close()?;
        }
    }
    Ok(())
}
