//! Backs up the table to a file before it is deleted.
//!
//! The file is what DynamoDB's own import from S3 takes (`DYNAMODB_JSON`, `GZIP`), and its export gives:
//! one `{"Item": …}` a line, every value with its type, gzipped.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Format.html>

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::config::Builder as Override;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use footfall_infra::stack::{PARTITION_KEY, SORT_KEY, StackName};
use footfall_runtime::storage::Key;
use footfall_runtime::storage::keys::{password_key, salt_key, signing_key};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::aws::clients::Aws;
use crate::data::atomic_file::{Partial, check_is_new};
use crate::error::OrCannot as _;

type Item = HashMap<String, AttributeValue>;

/// Where an export goes if nobody says: a new file in this folder.
pub(crate) fn default_file(stack: &StackName, now: Timestamp) -> PathBuf {
    // Without colons, which not every system has in its names.
    format!("footfall-export-{stack}-{}.json.gz", now.strftime("%Y-%m-%dT%H%M%SZ")).into()
}

/// Writes all items of a table into a new file, and gives how many there are. There is either a whole
/// file, which was read back, or none.
pub(crate) async fn dump(aws: &Aws, table: &str, file: &Path) -> Result<u64> {
    check_is_new(file)?;
    let partial = Partial::beside(file)?;
    let written = write(aws, table, &partial).await?;
    let read = count(&partial.path).context("cannot verify the export")?;
    if read != written {
        bail!("the export has {read} items instead of {written}; check that the disk is not full");
    }
    partial.keep(file)?;
    Ok(written)
}

async fn write(aws: &Aws, table: &str, partial: &Partial) -> Result<u64> {
    let context = || format!("cannot write {}", partial.path.display());
    let out = partial.create().with_context(context)?;
    let mut out = GzEncoder::new(BufWriter::new(out), Compression::default());
    // Salts exist to be destroyed: with one that outlives its days, visitors could be told from each
    // other, and known again, by whoever has it.
    let salts = AttributeValue::S(salt_key(Date::ZERO).pk);
    // With the key, whoever has the file could sign in; a deploy makes another. With the password's hash, they
    // could guess as often as they like.
    let secret = |Key { pk, sk }: Key| (AttributeValue::S(pk), AttributeValue::S(sk));
    let secrets = [signing_key(), password_key()].map(secret);
    let is_terminal = io::stderr().is_terminal();
    let mut written = 0;
    let mut start = None;
    loop {
        let scan = aws.dynamodb.scan().table_name(table).consistent_read(true);
        // A table of little capacity is read as fast as it lets itself be read.
        let patient =
            Override::default().retry_config(RetryConfig::standard().with_max_attempts(12));
        let page = scan.set_exclusive_start_key(start).customize().config_override(patient);
        let page = page.send().await.or_cannot("read the table")?;
        for item in page.items() {
            let is_secret = secrets.iter().any(|(pk, sk)| {
                item.get(PARTITION_KEY) == Some(pk) && item.get(SORT_KEY) == Some(sk)
            });
            if is_secret || item.get(PARTITION_KEY) == Some(&salts) {
                continue;
            }
            let line = line(item)?;
            serde_json::to_writer(&mut out, &line).with_context(context)?;
            out.write_all(b"\n").with_context(context)?;
            written += 1;
        }
        if is_terminal {
            eprint!("\rExporting: {written} items");
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    if is_terminal {
        eprintln!();
    }
    let buffer = out.finish().with_context(context)?;
    let file = buffer.into_inner().map_err(io::IntoInnerError::into_error).with_context(context)?;
    file.sync_all().with_context(context)?;
    Ok(written)
}

/// An item as it stands in a line.
fn line(item: &Item) -> Result<Value> {
    Ok(json!({ "Item": attributes(item)? }))
}

fn attributes(item: &Item) -> Result<Value> {
    let pair = |(name, value): (&String, &AttributeValue)| Ok((name.clone(), attribute(value)?));
    Ok(Value::Object(item.iter().map(pair).collect::<Result<Map<_, _>>>()?))
}

/// A value with its type:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>
fn attribute(value: &AttributeValue) -> Result<Value> {
    let base64 = |bytes: &[u8]| BASE64.encode(bytes);
    Ok(match value {
        AttributeValue::S(text) => json!({ "S": text }),
        // Numbers are text: they have more digits than a program's own.
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": base64(bytes.as_ref()) }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::Null(value) => json!({ "NULL": value }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(all) => {
            json!({ "BS": all.iter().map(|b| base64(b.as_ref())).collect::<Vec<_>>() })
        }
        AttributeValue::L(list) => {
            json!({ "L": list.iter().map(attribute).collect::<Result<Vec<_>>>()? })
        }
        AttributeValue::M(map) => json!({ "M": attributes(map)? }),
        _ => bail!("an item has a value of a type that this version of Footfall does not know"),
    })
}

/// How many items a file has, each of which has its key.
fn count(file: &Path) -> Result<u64> {
    let mut count = 0;
    for line in BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(file)?))).lines() {
        let line: Value = serde_json::from_str(&line?)?;
        for key in [PARTITION_KEY, SORT_KEY] {
            line.pointer(&format!("/Item/{key}/S")).context("an item has no key")?;
        }
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;

    use super::*;

    #[test]
    fn writes_every_type_as_aws_does() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let blob = || Blob::new(b"\x00\xff".to_vec());
        let number = "12345678901234567890123456789012345678".to_owned();
        let values = [
            (text("a\nb"), json!({ "S": "a\nb" })),
            (AttributeValue::N(number.clone()), json!({ "N": number })),
            (AttributeValue::B(blob()), json!({ "B": "AP8=" })),
            (AttributeValue::Bool(false), json!({ "BOOL": false })),
            (AttributeValue::Null(true), json!({ "NULL": true })),
            (AttributeValue::Ss(vec!["a".to_owned()]), json!({ "SS": ["a"] })),
            (AttributeValue::Ns(vec!["1.5".to_owned()]), json!({ "NS": ["1.5"] })),
            (AttributeValue::Bs(vec![blob()]), json!({ "BS": ["AP8="] })),
            (AttributeValue::L(vec![text("x")]), json!({ "L": [{ "S": "x" }] })),
            (
                AttributeValue::M(HashMap::from([("k".to_owned(), text("x"))])),
                json!({ "M": { "k": { "S": "x" } } }),
            ),
        ];
        for (value, expected) in values {
            assert_eq!(attribute(&value).unwrap(), expected);
        }
        // A line's end within an item would end it.
        let item = HashMap::from([("pk".to_owned(), text("a\nb"))]);
        assert!(!line(&item).unwrap().to_string().contains('\n'));
    }

    #[test]
    fn default_file_has_stack_and_time() {
        let file = default_file(&StackName::default(), "2026-11-22T13:05:06Z".parse().unwrap());
        assert_eq!(file, Path::new("footfall-export-footfall-2026-11-22T130506Z.json.gz"));
    }
}
