//! Segments of arbitrary bytes.

use std::panic;

use footfall_runtime::segment;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::{Dictionaries, NULL_KEY};
use footfall_runtime::segment::hit_batch::{HitBatch, NO_SCROLL};

/// Checks that bytes which parse as a segment encode to the same rows, and that reading some columns gives those.
pub fn check(bytes: &[u8]) {
    let header = segment::header(bytes);
    let mut texts = Dictionaries::default();
    let Ok(mut rows) = segment::decode(bytes, &Column::ALL, &mut texts) else { return };
    if let Ok(header) = header {
        assert!(header.parts > 0);
    }
    let mut some = Dictionaries::default();
    let times = segment::decode(bytes, &[Column::Page], &mut some).unwrap();
    assert_eq!(times.times, rows.times);
    let pages = |rows: &HitBatch, texts: &Dictionaries| -> Vec<Option<String>> {
        let codes = rows.column(Column::Page).iter();
        codes.map(|code| texts.of(Column::Page).value(*code).map(str::to_owned)).collect()
    };
    assert_eq!(pages(&times, &some), pages(&rows, &texts));

    // Excluded hits have no visitor, and no scroll depth exceeds 100 %.
    for row in 0..rows.len() {
        if rows.column(Column::Exclusion)[row] != NULL_KEY {
            rows.visitors[row] = 0;
        }
    }
    // A file of a few bytes may claim millions of rows, which would take seconds.
    if rows.len() > 10_000 {
        return;
    }
    let encoded = segment::encode("e.x", "2026-11-22", &rows, &texts, 0).unwrap();
    let (mut back, mut other) = (HitBatch::default(), Dictionaries::default());
    for part in std::iter::once(&encoded.first).chain(&encoded.rest) {
        back.append(&mut segment::decode(part, &Column::ALL, &mut other).unwrap());
    }
    assert_eq!(words(&back, &other), words(&rows, &texts));
    let parts = segment::header(&encoded.first).unwrap().parts;
    assert_eq!(parts, 1 + encoded.rest.len());
}

/// Lets only panics of our own code end the process.
///
/// The Parquet library panics on some damaged files, which segment/read.rs catches. libfuzzer-sys would end the
/// process at any panic.
pub fn let_panics_be_caught() {
    panic::set_hook(Box::new(|panic| {
        let file = panic.location().map_or("", |location| location.file());
        if !file.contains("/registry/") && !file.starts_with("/rustc/") {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

/// Returns rows as text, independent of dictionary keys.
pub(crate) fn words(rows: &HitBatch, texts: &Dictionaries) -> Vec<String> {
    let word = |row: usize| {
        let texts = Column::ALL.map(|column| texts.of(column).value(rows.column(column)[row]));
        let depth = Some(rows.scrolled[row]).filter(|depth| *depth != NO_SCROLL);
        let numbers = (rows.times[row], rows.visitors[row], rows.engaged[row], depth);
        format!("{numbers:?} {texts:?}")
    };
    (0..rows.len()).map(word).collect()
}
