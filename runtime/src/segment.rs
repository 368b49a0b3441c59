//! Segments: Parquet files with the hits of a finished hour or day.
//!
//! The same hits always give the same bytes. Any Parquet tool can open a file. It has one row per hit, sorted by
//! visitor and time:
//! - `visitor` is an ordinal that has no meaning outside its day.
//! - `filtered` is the reason why a hit is excluded. Excluded hits have no visitor.
//! - `engaged` is how long the page was in view, in milliseconds.
//! - `scrolled` is how far it was scrolled, in percent.
//!
//! <https://parquet.apache.org/docs/file-format/>

mod chunk;
pub mod column;
mod cursor;
pub mod dictionary;
pub mod hit_batch;
mod pages;
pub mod raw_hits;
mod read;
pub mod stored;
mod write;

use std::sync::{Arc, OnceLock};

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::{ParquetError, Result as Parquet};
use parquet::schema::types::{Type, TypePtr};

use crate::segment::column::Column;

pub use read::{Header, SegmentPart, decode, header};
pub use write::{EncodedSegment, encode};

/// The format that this version writes. Readers reject newer formats and ignore unknown columns.
pub const VERSION: u32 = 1;

/// Maximum size of a part, in bytes. A DynamoDB item may have 400 KB, keys and attribute names included:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub const MAX_PART_SIZE: usize = 390 * 1024;

/// Maximum rows of a part. More would only fit into its bytes if they were all the same.
const MAX_ROWS: usize = 4_000_000;

// Keys of the file's key-value metadata.
const META_VERSION: &str = "footfall.version";
const META_SITE: &str = "footfall.site";
const META_SPAN: &str = "footfall.span";
const META_PARTS: &str = "footfall.parts";
const META_CONTENT_HASH: &str = "footfall.id";
const META_UNREADABLE: &str = "footfall.unreadable";

const TIME: &str = "time";
const VISITOR: &str = "visitor";
const ENGAGED: &str = "engaged";
const SCROLLED: &str = "scrolled";

/// Why a segment cannot be written or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SegmentError {
    /// The Parquet library failed.
    #[error("not a valid Parquet file: {0}")]
    Parquet(Arc<ParquetError>),
    /// It is a Parquet file, but not a valid segment.
    #[error("not a valid Footfall segment: {0}")]
    Foreign(String),
    /// A newer version wrote it.
    #[error(
        "written by a newer version of Footfall (format {0}, this one knows {VERSION}); deploy that version"
    )]
    Newer(u32),
    /// A part is missing.
    #[error("some of its {0} parts are missing")]
    Incomplete(usize),
    /// A single row does not fit into a part.
    #[error("a row is larger than {MAX_PART_SIZE} bytes")]
    TooLarge,
}

impl From<ParquetError> for SegmentError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(Arc::new(error))
    }
}

/// Returns the schema of a file.
fn schema() -> Result<TypePtr, SegmentError> {
    static SCHEMA: OnceLock<Option<TypePtr>> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| build_schema().ok());
    schema.clone().ok_or_else(|| SegmentError::Foreign("cannot build the schema".to_owned()))
}

fn build_schema() -> Parquet<TypePtr> {
    let time = Type::primitive_type_builder(TIME, Physical::INT64)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
        .build()?;
    let mut fields = vec![Arc::new(time), Arc::new(number_type(VISITOR)?)];
    for column in Column::ALL {
        let field = match column {
            Column::Props => map_type(column.name())?,
            _ => string_type(column.name(), Repetition::OPTIONAL)?,
        };
        fields.push(Arc::new(field));
    }
    for name in [ENGAGED, SCROLLED] {
        fields.push(Arc::new(number_type(name)?));
    }
    Ok(Arc::new(Type::group_type_builder("footfall").with_fields(fields).build()?))
}

fn number_type(name: &str) -> Parquet<Type> {
    Type::primitive_type_builder(name, Physical::INT64)
        .with_repetition(Repetition::OPTIONAL)
        .build()
}

fn string_type(name: &str, repetition: Repetition) -> Parquet<Type> {
    Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
        .with_repetition(repetition)
        .with_logical_type(Some(LogicalType::String))
        .with_converted_type(ConvertedType::UTF8)
        .build()
}

/// Returns the type of a map from string to string, in the structure that Parquet requires:
/// <https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#maps>
fn map_type(name: &str) -> Parquet<Type> {
    let pair = vec![
        Arc::new(string_type("key", Repetition::REQUIRED)?),
        Arc::new(string_type("value", Repetition::REQUIRED)?),
    ];
    let pairs = Type::group_type_builder("key_value")
        .with_repetition(Repetition::REPEATED)
        .with_fields(pair)
        .build()?;
    Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::Map))
        .with_converted_type(ConvertedType::MAP)
        .with_fields(vec![Arc::new(pairs)])
        .build()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use parquet::data_type::{ByteArrayType, Int64Type};
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
    use proptest::prelude::*;

    use super::*;
    use crate::hit::exclusion::ExclusionReason;
    use crate::hit::{Excluded, Kind, Record};
    use crate::segment::dictionary::Dictionaries;
    use crate::segment::hit_batch::HitBatch;

    fn batch_of(count: i64) -> (HitBatch, Dictionaries) {
        let (mut batch, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
        for i in 0..count {
            let hit = serde_json::json!({
                "v": format!("{:016x}", (i % 7).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64)),
                "p": format!("/page/{}", i % 5),
                "s": (i % 2 == 0).then_some("Google"),
                "n": (i % 3 == 0).then_some("signup"),
                "m": if i % 3 == 0 { vec![("plan", "pro"), ("ünï", "\"")] } else { Vec::new() },
                "w": "m", "d": "Mobile", "c": "DE",
            });
            let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
            batch.push(&mut dictionaries, &Record { at: at(i * 1000), kind });
            if i % 4 == 0 {
                batch.engaged[i as usize] = i as u32;
                batch.scrolled[i as usize] = (i % 101) as u8;
            }
        }
        let kind = Kind::Excluded(Excluded { reason: ExclusionReason::Bot, page: "/".to_owned() });
        batch.push(&mut dictionaries, &Record { at: at(5), kind });
        batch.sort();
        (batch, dictionaries)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_352_706_789 + millis).unwrap()
    }

    /// Shows each row with its values in place of their keys.
    fn rows_of(batch: &HitBatch, dictionaries: &Dictionaries) -> Vec<String> {
        let show = |row: usize| {
            let values =
                Column::ALL.map(|column| dictionaries.of(column).value(batch.column(column)[row]));
            let numbers =
                (batch.times[row], batch.visitors[row], batch.engaged[row], batch.scrolled[row]);
            format!("{numbers:?} {values:?}")
        };
        (0..batch.len()).map(show).collect()
    }

    #[test]
    fn decodes_what_it_encoded() {
        for count in [0, 1, 100, 3000] {
            let (batch, dictionaries) = batch_of(count);
            let encoded = encode("e.x", "2026-11-22", &batch, &dictionaries, 3).unwrap();
            assert_eq!(encoded.rest.len(), 0);
            let header = header(&encoded.first).unwrap();
            assert_eq!((header.parts, header.unreadable), (1, 3));
            let mut other = Dictionaries::default();
            let back = decode(&encoded.first, &Column::ALL, &mut other).unwrap();
            assert_eq!(rows_of(&back, &other), rows_of(&batch, &dictionaries));
            assert_eq!(encode("e.x", "2026-11-22", &back, &other, 3).unwrap(), encoded);
        }
    }

    #[test]
    fn splits_large_segment_into_parts() {
        let (mut batch, mut dictionaries) = (HitBatch::default(), Dictionaries::default());
        for i in 0..20_000_i64 {
            let page = format!("/{:x}", i.wrapping_mul(0x5851_f42d_4c95_7f2d));
            let hit = serde_json::json!({ "v": "00000000000000ab", "p": page.repeat(4) });
            let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
            batch.push(&mut dictionaries, &Record { at: at(i), kind });
        }
        let encoded = encode("e.x", "2026-11-22", &batch, &dictionaries, 0).unwrap();
        assert!(!encoded.rest.is_empty());
        assert_eq!(header(&encoded.first).unwrap().parts, 1 + encoded.rest.len());
        let mut back = HitBatch::default();
        let mut other = Dictionaries::default();
        for part in std::iter::once(&encoded.first).chain(&encoded.rest) {
            assert!(part.len() <= MAX_PART_SIZE);
            back.append(&mut decode(part, &Column::ALL, &mut other).unwrap());
        }
        assert_eq!(rows_of(&back, &other), rows_of(&batch, &dictionaries));
    }

    #[test]
    fn reads_only_requested_columns() {
        let (batch, dictionaries) = batch_of(10);
        let encoded = encode("e.x", "2026-11-22", &batch, &dictionaries, 0).unwrap();
        let mut other = Dictionaries::default();
        let back = decode(&encoded.first, &[Column::Page], &mut other).unwrap();
        assert!(other.of(Column::Source).is_empty());
        assert!(back.column(Column::Source).is_empty());
        assert_eq!(back.times, batch.times);
    }

    #[test]
    fn rejects_files_that_are_not_whole_segments() {
        let mut other = Dictionaries::default();
        assert!(decode(b"", &Column::ALL, &mut other).is_err());
        assert!(decode(b"PAR1 and then nothing PAR1", &Column::ALL, &mut other).is_err());
        let (batch, dictionaries) = batch_of(10);
        let encoded = encode("e.x", "2026-11-22", &batch, &dictionaries, 0).unwrap().first;
        for cut in 0..encoded.len() {
            assert!(decode(&encoded[..cut], &Column::ALL, &mut other).is_err(), "{cut}");
        }
    }

    /// Makes a hostile file: a few bytes that claim more data than fits into memory.
    fn hostile_file(
        fields: &[&str],
        groups: usize,
        write_column: impl Fn(&str, &mut SerializedColumnWriter<'_>),
    ) -> Vec<u8> {
        let known = schema().unwrap();
        let known = known.get_fields().iter().filter(|field| fields.contains(&field.name()));
        let schema = Type::group_type_builder("footfall").with_fields(known.cloned().collect());
        let metadata = KeyValue::new(META_VERSION.to_owned(), "1".to_owned());
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![metadata]));
        let properties = Arc::new(properties.build());
        let schema = Arc::new(schema.build().unwrap());
        let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        for _ in 0..groups {
            let mut group = file.next_row_group().unwrap();
            for field in fields {
                let leaves = if *field == TIME { 1 } else { 2 };
                for _ in 0..leaves {
                    let mut writer = group.next_column().unwrap().unwrap();
                    write_column(field, &mut writer);
                    writer.close().unwrap();
                }
            }
            group.close().unwrap();
        }
        file.into_inner().unwrap()
    }

    fn assert_too_many_rows(file: &[u8]) {
        assert!(file.len() < MAX_PART_SIZE, "{} bytes", file.len());
        let error = decode(file, &Column::ALL, &mut Dictionaries::default()).unwrap_err();
        assert!(error.to_string().contains("too many rows"), "{error}");
    }

    #[test]
    fn rejects_too_many_rows_over_all_row_groups() {
        let times = vec![7_i64; MAX_ROWS / 4 + 1];
        let file = hostile_file(&[TIME], 4, |_, column| {
            column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
        });
        assert_too_many_rows(&file);
    }

    #[test]
    fn rejects_row_with_millions_of_properties() {
        // Empty maps, all of them in one row.
        let levels = vec![1_i16; 10_000_001];
        let mut repetitions = vec![1_i16; 10_000_001];
        repetitions[0] = 0;
        let file = hostile_file(&[TIME, Column::Props.name()], 1, |field, column| match field {
            TIME => {
                column.typed::<Int64Type>().write_batch(&[7], None, None).unwrap();
            }
            _ => {
                let column = column.typed::<ByteArrayType>();
                column.write_batch(&[], Some(&levels), Some(&repetitions)).unwrap();
            }
        });
        assert_too_many_rows(&file);
    }

    proptest! {
        /// Returns promptly and does not panic.
        #[test]
        fn survives_any_changed_byte(at in 0..4000_usize, byte: u8) {
            let (batch, dictionaries) = batch_of(50);
            let mut bytes = encode("e.x", "2026-11-22", &batch, &dictionaries, 0).unwrap().first;
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = decode(&bytes, &Column::ALL, &mut Dictionaries::default());
        }
    }
}
