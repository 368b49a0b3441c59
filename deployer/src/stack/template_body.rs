//! Passes a template to CloudFormation: inline, or through the bucket if it is too large.

use anyhow::Result;
use footfall_infra::stack::INLINE_TEMPLATE_LIMIT;
use sha2::{Digest as _, Sha256};

use crate::artifact::bucket::{Bucket, KEPT_VERSIONS};
use crate::error::CommandError;

/// The most bytes that a template may have in S3, a megabyte in the careful reading:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const LIMIT: usize = 1_000_000;

/// Prefix of large templates in the bucket.
const FOLDER: &str = "templates/";

/// A template in the form that CloudFormation accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    /// Its text.
    Text(&'a str),
    /// Its URL in S3.
    Address(String),
}

/// Fails if the template is too large for CloudFormation.
pub(crate) fn check(template: &str) -> Result<(), CommandError> {
    if template.len() <= LIMIT {
        return Ok(());
    }
    Err(CommandError::rejected(
        format!("the template is too large: {} bytes, AWS accepts {LIMIT}", template.len()),
        "use fewer or shorter tags; every resource repeats them",
    ))
}

impl<'a> Body<'a> {
    /// A template that can be sent: a large one is in the bucket then.
    pub(crate) async fn of(bucket: &Bucket<'_>, template: &'a str) -> Result<Self> {
        check(template)?;
        if template.len() <= INLINE_TEMPLATE_LIMIT {
            return Ok(Self::Text(template));
        }
        // Only a plan gets here without a bucket: it does not make one.
        if !bucket.exists().await? {
            return Err(CommandError::rejected(
                format!(
                    "a template of {} bytes needs the bucket, which does not exist yet",
                    template.len()
                ),
                "run `cargo xtask deploy`, which also shows the plan and asks before it applies it",
            )
            .into());
        }
        let hash = Sha256::digest(template);
        let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{FOLDER}{hash}.json");
        if !bucket.has(&key).await? {
            bucket.put(&key, "application/json", template.as_bytes().to_vec()).await?;
        }
        Ok(Self::Address(bucket.address(&key)))
    }
}

/// Deletes old templates. CloudFormation has copies, so none of them is in use.
pub(crate) async fn prune(bucket: &Bucket<'_>) -> Result<()> {
    let mut objects = bucket.list(FOLDER).await?;
    objects.sort_by(|one, other| other.cmp(one));
    bucket
        .delete(objects.into_iter().skip(KEPT_VERSIONS).map(|(_, key)| (key, None)).collect())
        .await
}
