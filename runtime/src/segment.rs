//! A segment: the hits of a closed hour or day as a Parquet file, and back.
//!
//! The same rows give the same bytes. A file is a table that other tools open as it is: a row for
//! each hit, sorted by visitor and time; `visitor` is a number that means nothing outside its day;
//! rows with a reason in `filtered` are of programs, and have no visitor; `engaged` is how long the page was
//! looked at, in milliseconds, and `scrolled` how far it was scrolled, in per cent.
//!
//! <https://parquet.apache.org/docs/file-format/>

mod chunk;
pub mod column;
pub mod dictionary;
pub mod hit_batch;
mod pages;
pub mod raw_hits;
mod read;
mod write;

use std::sync::{Arc, OnceLock};

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::{ParquetError, Result as Parquet};
use parquet::schema::types::{Type, TypePtr};

use crate::segment::column::Column;

pub use read::{Header, SegmentPart, decode, header};
pub use write::{EncodedSegment, encode};

/// The format that this version writes. A reader refuses a newer one, and need not know columns that
/// were added.
pub const VERSION: u32 = 1;

/// The most bytes of a part. An item may have 400 KB, its key and names included:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub const PART: usize = 390 * 1024;

/// The most rows of a part: more than fit into its bytes, unless they are all the same.
const MAX_ROWS: usize = 4_000_000;

// What a file says of itself, in its key-value metadata.
const META_VERSION: &str = "footfall.version";
const META_SITE: &str = "footfall.site";
const META_SPAN: &str = "footfall.span";
const META_PARTS: &str = "footfall.parts";
const META_ID: &str = "footfall.id";
const META_UNREADABLE: &str = "footfall.unreadable";

const TIME: &str = "time";
const VISITOR: &str = "visitor";
const ENGAGED: &str = "engaged";
const SCROLLED: &str = "scrolled";

/// Why a segment cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The Parquet library says so.
    #[error("it is no Parquet file that can be read: {0}")]
    Parquet(#[from] ParquetError),
    /// It is a file, and not one of ours.
    #[error("it is no segment of Footfall: {0}")]
    Foreign(String),
    /// A newer version wrote it.
    #[error(
        "a newer version of Footfall wrote it (format {0}; this one knows {VERSION}): deploy that one"
    )]
    Newer(u32),
    /// A part is missing.
    #[error("it has {0} parts, of which not all are there")]
    Incomplete(usize),
    /// A single row does not fit.
    #[error("a row is larger than {PART} bytes")]
    TooLarge,
}

/// The columns of a file.
fn schema() -> Result<TypePtr, SegmentError> {
    static SCHEMA: OnceLock<Option<TypePtr>> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| build_schema().ok());
    schema.clone().ok_or_else(|| SegmentError::Foreign("no schema".to_owned()))
}

fn build_schema() -> Parquet<TypePtr> {
    let time = Type::primitive_type_builder(TIME, Physical::INT64)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
        .build()?;
    let mut fields = vec![Arc::new(time), Arc::new(number(VISITOR)?)];
    for column in Column::ALL {
        let field = match column {
            Column::Props => map(column.name())?,
            _ => text(column.name(), Repetition::OPTIONAL)?,
        };
        fields.push(Arc::new(field));
    }
    for name in [ENGAGED, SCROLLED] {
        fields.push(Arc::new(number(name)?));
    }
    Ok(Arc::new(Type::group_type_builder("footfall").with_fields(fields).build()?))
}

fn number(name: &str) -> Parquet<Type> {
    Type::primitive_type_builder(name, Physical::INT64)
        .with_repetition(Repetition::OPTIONAL)
        .build()
}

fn text(name: &str, repetition: Repetition) -> Parquet<Type> {
    Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
        .with_repetition(repetition)
        .with_logical_type(Some(LogicalType::String))
        .with_converted_type(ConvertedType::UTF8)
        .build()
}

/// A map from text to text, as the format asks for it:
/// <https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#maps>
fn map(name: &str) -> Parquet<Type> {
    let pair = vec![
        Arc::new(text("key", Repetition::REQUIRED)?),
        Arc::new(text("value", Repetition::REQUIRED)?),
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

    fn rows(count: i64) -> (HitBatch, Dictionaries) {
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
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
            rows.push(&mut texts, &Record { at: at(i * 1000), kind });
            if i % 4 == 0 {
                rows.engaged[i as usize] = i as u32;
                rows.scrolled[i as usize] = (i % 101) as u8;
            }
        }
        let kind = Kind::Excluded(Excluded { reason: ExclusionReason::Bot, page: "/".to_owned() });
        rows.push(&mut texts, &Record { at: at(5), kind });
        rows.sort();
        (rows, texts)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_352_706_789 + millis).unwrap()
    }

    /// Rows as words, whatever the codes.
    fn words(rows: &HitBatch, texts: &Dictionaries) -> Vec<String> {
        let word = |row: usize| {
            let texts = Column::ALL.map(|column| texts.of(column).value(rows.column(column)[row]));
            let numbers =
                (rows.times[row], rows.visitors[row], rows.engaged[row], rows.scrolled[row]);
            format!("{numbers:?} {texts:?}")
        };
        (0..rows.len()).map(word).collect()
    }

    #[test]
    fn rows_come_back() {
        for count in [0, 1, 100, 3000] {
            let (rows, texts) = rows(count);
            let encoded = encode("e.x", "2026-11-22", &rows, &texts, 3).unwrap();
            assert_eq!(encoded.rest.len(), 0);
            let header = header(&encoded.first).unwrap();
            assert_eq!((header.parts, header.unreadable), (1, 3));
            let mut other = Dictionaries::default();
            let back = decode(&encoded.first, &Column::ALL, &mut other).unwrap();
            assert_eq!(words(&back, &other), words(&rows, &texts));
            assert_eq!(encode("e.x", "2026-11-22", &back, &other, 3).unwrap(), encoded);
        }
    }

    #[test]
    fn a_large_segment_has_parts() {
        let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
        for i in 0..20_000_i64 {
            let page = format!("/{:x}", i.wrapping_mul(0x5851_f42d_4c95_7f2d));
            let hit = serde_json::json!({ "v": "00000000000000ab", "p": page.repeat(4) });
            let kind = Kind::Hit(serde_json::from_value(hit).unwrap());
            rows.push(&mut texts, &Record { at: at(i), kind });
        }
        let encoded = encode("e.x", "2026-11-22", &rows, &texts, 0).unwrap();
        assert!(!encoded.rest.is_empty());
        assert_eq!(header(&encoded.first).unwrap().parts, 1 + encoded.rest.len());
        let mut back = HitBatch::default();
        let mut other = Dictionaries::default();
        for part in std::iter::once(&encoded.first).chain(&encoded.rest) {
            assert!(part.len() <= PART);
            back.append(&mut decode(part, &Column::ALL, &mut other).unwrap());
        }
        assert_eq!(words(&back, &other), words(&rows, &texts));
    }

    #[test]
    fn columns_that_are_not_asked_for_are_not_read() {
        let (rows, texts) = rows(10);
        let encoded = encode("e.x", "2026-11-22", &rows, &texts, 0).unwrap();
        let mut other = Dictionaries::default();
        let back = decode(&encoded.first, &[Column::Page], &mut other).unwrap();
        assert!(other.of(Column::Source).is_empty());
        assert!(back.column(Column::Source).is_empty());
        assert_eq!(back.times, rows.times);
    }

    #[test]
    fn what_is_no_segment_is_refused() {
        let mut texts = Dictionaries::default();
        assert!(decode(b"", &Column::ALL, &mut texts).is_err());
        assert!(decode(b"PAR1 and then nothing PAR1", &Column::ALL, &mut texts).is_err());
        let (rows, of) = rows(10);
        let encoded = encode("e.x", "2026-11-22", &rows, &of, 0).unwrap().first;
        for cut in 0..encoded.len() {
            assert!(decode(&encoded[..cut], &Column::ALL, &mut texts).is_err(), "{cut}");
        }
    }

    /// A file that nobody would write: a few bytes that stand for more than there is memory for.
    fn hostile(
        fields: &[&str],
        groups: usize,
        column: impl Fn(&str, &mut SerializedColumnWriter<'_>),
    ) -> Vec<u8> {
        let known = schema().unwrap();
        let known = known.get_fields().iter().filter(|field| fields.contains(&field.name()));
        let schema = Type::group_type_builder("footfall").with_fields(known.cloned().collect());
        let about = KeyValue::new(META_VERSION.to_owned(), "1".to_owned());
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![about]));
        let properties = Arc::new(properties.build());
        let schema = Arc::new(schema.build().unwrap());
        let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        for _ in 0..groups {
            let mut group = file.next_row_group().unwrap();
            for field in fields {
                let leaves = if *field == TIME { 1 } else { 2 };
                for _ in 0..leaves {
                    let mut writer = group.next_column().unwrap().unwrap();
                    column(field, &mut writer);
                    writer.close().unwrap();
                }
            }
            group.close().unwrap();
        }
        file.into_inner().unwrap()
    }

    fn is_too_large(file: &[u8]) {
        assert!(file.len() < PART, "{} bytes", file.len());
        let error = decode(file, &Column::ALL, &mut Dictionaries::default()).unwrap_err();
        assert!(error.to_string().contains("too many rows"), "{error}");
    }

    #[test]
    fn many_groups_have_no_more_rows_than_one() {
        let times = vec![7_i64; MAX_ROWS / 4 + 1];
        let file = hostile(&[TIME], 4, |_, column| {
            column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
        });
        is_too_large(&file);
    }

    #[test]
    fn one_row_has_no_million_properties() {
        // Maps that are there, and empty, all of one row.
        let levels = vec![1_i16; 10_000_001];
        let mut repetitions = vec![1_i16; 10_000_001];
        repetitions[0] = 0;
        let file = hostile(&[TIME, Column::Props.name()], 1, |field, column| match field {
            TIME => {
                column.typed::<Int64Type>().write_batch(&[7], None, None).unwrap();
            }
            _ => {
                let column = column.typed::<ByteArrayType>();
                column.write_batch(&[], Some(&levels), Some(&repetitions)).unwrap();
            }
        });
        is_too_large(&file);
    }

    proptest! {
        /// Whatever became of the bytes, there is an answer, and it does not take long.
        #[test]
        fn damage_is_survived(at in 0..4000_usize, byte: u8) {
            let (rows, of) = rows(50);
            let mut bytes = encode("e.x", "2026-11-22", &rows, &of, 0).unwrap().first;
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = decode(&bytes, &Column::ALL, &mut Dictionaries::default());
        }
    }
}
