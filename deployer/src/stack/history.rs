//! Recent deploys, kept for rollback: their templates, and the code that those refer to.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::artifact::bucket::{Bucket, KEPT_VERSIONS};
use crate::stack::state::{self, find_owned};
use crate::stack::template_body;

/// Prefix of the templates in the bucket.
const FOLDER: &str = "deploys/";

/// Saves the current template before it is changed.
pub(crate) async fn note(bucket: &Bucket<'_>) -> Result<()> {
    let Some(template) = current(bucket).await? else { return Ok(()) };
    let hash = hash(&template);
    let newest = bucket.list(FOLDER).await?.into_iter().map(|(_, key)| key).max();
    if newest.is_some_and(|key| hash_of(&key) == hash) {
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Sorted by name, they are sorted by time.
    let key = format!("{FOLDER}{:015}-{hash}.json", now.as_millis());
    bucket.put(&key, "application/json", template.to_string().into_bytes()).await
}

/// Returns the newest saved template that differs from the current one.
pub(crate) async fn before(bucket: &Bucket<'_>) -> Result<Option<String>> {
    let current = current(bucket).await?.as_ref().map(hash).unwrap_or_default();
    let keys = bucket.list(FOLDER).await?.into_iter().map(|(_, key)| key);
    match another(keys.collect(), &current) {
        Some(key) => Ok(Some(bucket.get(&key).await?)),
        None => Ok(None),
    }
}

/// Deletes old templates and code, except code that a kept template or the running stack uses.
pub(crate) async fn prune(bucket: &Bucket<'_>) -> Result<usize> {
    let mut keys: Vec<String> = bucket.list(FOLDER).await?.into_iter().map(|(_, k)| k).collect();
    keys.sort_by(|one, other| other.cmp(one));
    let old = keys.split_off(keys.len().min(KEPT_VERSIONS));
    let mut in_use = current(bucket).await?.as_ref().map(code).unwrap_or_default();
    for key in &keys {
        if let Ok(template) = serde_json::from_str(&bucket.get(key).await?) {
            in_use.extend(code(&template));
        }
    }
    bucket.delete(old.into_iter().map(|key| (key, None)).collect()).await?;
    template_body::prune(bucket).await?;
    bucket.prune(&in_use).await
}

async fn current(bucket: &Bucket<'_>) -> Result<Option<Value>> {
    match find_owned(bucket.aws, bucket.stack.as_str()).await? {
        Some(stack) => state::template(bucket.aws, &stack).await,
        None => Ok(None),
    }
}

/// Returns the newest key with another hash.
fn another(mut keys: Vec<String>, hash: &str) -> Option<String> {
    keys.sort();
    keys.into_iter().rev().find(|key| hash_of(key) != hash)
}

fn hash(template: &Value) -> String {
    let hash = Sha256::digest(template.to_string());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn hash_of(key: &str) -> &str {
    key.trim_end_matches(".json").rsplit('-').next().unwrap_or_default()
}

/// Returns the keys of the code that a template refers to.
fn code(template: &Value) -> BTreeSet<String> {
    let resources = template.get("Resources").and_then(Value::as_object);
    let resources = resources.into_iter().flat_map(serde_json::Map::values);
    let key =
        |resource: &Value| Some(resource.pointer("/Properties/Code/S3Key")?.as_str()?.to_owned());
    resources.filter_map(key).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn previous_deploy_is_the_newest_with_another_template() {
        let keys: Vec<String> =
            ["deploys/1-a.json", "deploys/3-b.json", "deploys/2-c.json"].map(str::to_owned).into();
        assert_eq!(another(keys.clone(), "d").as_deref(), Some("deploys/3-b.json"));
        assert_eq!(another(keys.clone(), "b").as_deref(), Some("deploys/2-c.json"));
        assert_eq!(another(keys[..1].to_vec(), "a"), None);
    }

    #[test]
    fn finds_the_code_of_a_template() {
        let template = json!({ "Resources": {
            "F": { "Properties": { "Code": { "S3Bucket": "b", "S3Key": "track/1.zip" } } },
            "T": { "Properties": { "TableName": "t" } },
        } });
        assert_eq!(code(&template), BTreeSet::from(["track/1.zip".to_owned()]));
    }
}
