//! Encodes hits into segment files.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnPath;
use sha2::{Digest as _, Sha256};

use super::{
    MAX_PART_SIZE, MAX_ROWS, META_CONTENT_HASH, META_PARTS, META_SITE, META_SPAN, META_UNREADABLE,
    META_VERSION, SegmentError, TIME, VERSION, VISITOR, schema,
};
use crate::segment::column::Column;
use crate::segment::dictionary::{Dictionaries, NULL_KEY};
use crate::segment::hit_batch::{HitBatch, NO_SCROLL};

/// A segment encoded as one file, or as several parts if it is large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedSegment {
    /// The first part. Its header has the number of parts and the content hash.
    pub first: Vec<u8>,
    /// The other parts.
    pub rest: Vec<Vec<u8>>,
    /// The hash of the other parts' bytes, which their keys contain. Empty if there is only one part.
    pub content_hash: String,
}

/// Encodes a segment. The same hits in the same order always give the same bytes.
///
/// `batch` must be sorted. `unreadable` is the number of hits that could not be read and are missing from it.
///
/// # Errors
/// [`SegmentError::TooLarge`] if a single row does not fit into a part.
pub fn encode(
    site: &str,
    span: &str,
    batch: &HitBatch,
    dictionaries: &Dictionaries,
    unreadable: u64,
) -> Result<EncodedSegment, SegmentError> {
    let metadata = |parts: usize, content_hash: &str| {
        let mut metadata = vec![
            (META_VERSION, VERSION.to_string()),
            (META_SITE, site.to_owned()),
            (META_SPAN, span.to_owned()),
        ];
        if parts > 0 {
            metadata.push((META_PARTS, parts.to_string()));
            metadata.push((META_CONTENT_HASH, content_hash.to_owned()));
            metadata.push((META_UNREADABLE, unreadable.to_string()));
        }
        metadata
    };
    let first = encode_part(batch, dictionaries, metadata(1, ""))?;
    if first.len() <= MAX_PART_SIZE && batch.len() <= MAX_ROWS {
        return Ok(EncodedSegment { first, rest: Vec::new(), content_hash: String::new() });
    }
    // Parts differ in size, so leave some room. If that is not enough, the loop tries more parts.
    let mut count = first.len() / MAX_PART_SIZE * 5 / 4 + batch.len() / MAX_ROWS + 2;
    loop {
        let size = batch.len().div_ceil(count).max(1);
        let all: Vec<usize> = (0..batch.len()).collect();
        let mut chunks = all.chunks(size).map(|chunk| batch.select_rows(chunk));
        let head = chunks.next().unwrap_or_default();
        let rest: Vec<Vec<u8>> = chunks
            .map(|batch| encode_part(&batch, dictionaries, metadata(0, "")))
            .collect::<Result<_, SegmentError>>()?;
        let content_hash = hash(&rest);
        let first = encode_part(&head, dictionaries, metadata(1 + rest.len(), &content_hash))?;
        if first.len() <= MAX_PART_SIZE && rest.iter().all(|part| part.len() <= MAX_PART_SIZE) {
            return Ok(EncodedSegment { first, rest, content_hash });
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

fn encode_part(
    batch: &HitBatch,
    dictionaries: &Dictionaries,
    metadata: Vec<(&str, String)>,
) -> Result<Vec<u8>, SegmentError> {
    let metadata = metadata.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let properties = properties().set_key_value_metadata(Some(metadata.collect())).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema()?, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    write_times(&mut group, batch)?;
    // The cast keeps the bits of a visitor's hash, so its number may be negative.
    let visitors = batch.visitors.iter().map(|visitor| visitor.cast_signed());
    let is_counted = batch.column(Column::Exclusion).iter().map(|reason| *reason == NULL_KEY);
    write_numbers(&mut group, visitors.zip(is_counted))?;
    for column in Column::ALL {
        match column {
            Column::Props => write_props(&mut group, batch, dictionaries)?,
            _ => write_strings(&mut group, batch, dictionaries, column)?,
        }
    }
    write_numbers(&mut group, batch.engaged.iter().map(|it| (i64::from(*it), *it > 0)))?;
    let scrolled = batch.scrolled.iter();
    write_numbers(&mut group, scrolled.map(|it| (i64::from(*it), *it != NO_SCROLL)))?;
    group.close()?;
    Ok(writer.into_inner()?)
}

fn properties() -> WriterPropertiesBuilder {
    let mut properties = WriterProperties::builder()
        // The default contains the library's version. The bytes must not depend on it.
        .set_created_by("footfall".to_owned())
        // Dictionaries and run-length encoding leave little to compress: gzip's frames around every page make a
        // day of some 800 hits 3.5 % larger.
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

fn write_times(group: &mut Group<'_>, batch: &HitBatch) -> Result<(), SegmentError> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(&batch.times, None, None)?;
        column.close()?;
    }
    Ok(())
}

/// Writes a column of numbers, each with whether the row has it.
fn write_numbers(
    group: &mut Group<'_>,
    numbers: impl Iterator<Item = (i64, bool)>,
) -> Result<(), SegmentError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for (number, is_present) in numbers {
        levels.push(i16::from(is_present));
        if is_present {
            values.push(number);
        }
    }
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

fn write_strings(
    group: &mut Group<'_>,
    batch: &HitBatch,
    dictionaries: &Dictionaries,
    column: Column,
) -> Result<(), SegmentError> {
    let keys = batch.column(column);
    let dictionary = dictionaries.of(column);
    let values: Vec<ByteArray> =
        keys.iter().filter_map(|key| Some(ByteArray::from(dictionary.value(*key)?))).collect();
    let levels: Vec<i16> = keys.iter().map(|key| i16::from(*key != NULL_KEY)).collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

/// Writes the two columns of a map. The definition level is 0 without a map and 2 for a pair. The repetition level
/// is 1 for further pairs of the same map.
fn write_props(
    group: &mut Group<'_>,
    batch: &HitBatch,
    dictionaries: &Dictionaries,
) -> Result<(), SegmentError> {
    let dictionary = dictionaries.of(Column::Props);
    let (mut names, mut values) = (Vec::new(), Vec::new());
    let (mut levels, mut repetitions) = (Vec::new(), Vec::new());
    for key in batch.column(Column::Props) {
        let props = dictionary.value(*key).and_then(|json| serde_json::from_str(json).ok());
        let props: serde_json::Map<String, serde_json::Value> = props.unwrap_or_default();
        if props.is_empty() {
            levels.push(0);
            repetitions.push(0);
        }
        for (index, (name, value)) in props.iter().enumerate() {
            names.push(ByteArray::from(name.as_str()));
            values.push(ByteArray::from(value.as_str().unwrap_or_default()));
            levels.push(2);
            repetitions.push(i16::from(index > 0));
        }
    }
    for strings in [&names, &values] {
        if let Some(mut column) = group.next_column()? {
            let writer = column.typed::<ByteArrayType>();
            writer.write_batch(strings, Some(&levels), Some(&repetitions))?;
            column.close()?;
        }
    }
    Ok(())
}
