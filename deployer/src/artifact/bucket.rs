//! The bucket for the functions' code. Keys contain a hash of the content, so nothing is uploaded twice and
//! earlier deploys stay available.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, Delete, ObjectIdentifier,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
};
use footfall_infra::function::Function;
use footfall_infra::stack::{STACK_TAG, StackName};
use sha2::{Digest as _, Sha256};

use crate::artifact::package::Package;
use crate::aws::clients::Aws;
use crate::error::{CommandError, OrCannot as _};

/// Number of zips kept per function, and of deploys.
pub(crate) const KEPT_VERSIONS: usize = 5;

/// Maximum duration of an upload. A zip has at most 3 MB.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// Maximum length of a bucket's name:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
const MAX_NAME_LENGTH: usize = 63;

/// A stack's bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket<'a> {
    /// Clients for AWS.
    pub(crate) aws: &'a Aws,
    /// The stack that it belongs to.
    pub(crate) stack: &'a StackName,
    /// The bucket's name.
    pub(crate) name: String,
}

/// Returns the name of a stack's bucket, such as `footfall-123456789012-eu-central-1`. Bucket names are global,
/// so the account is part of it.
fn name(stack: &str, account: &str, region: &str) -> String {
    let lower = stack.to_ascii_lowercase();
    let room = MAX_NAME_LENGTH.saturating_sub(account.len() + region.len() + 2);
    let stem = if lower == stack && lower.len() <= room {
        lower
    } else {
        // Replace the end of the name with a hash, so that no other stack has the same bucket.
        let hash = Sha256::digest(stack);
        let hash: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let kept: String = lower.chars().take(room.saturating_sub(hash.len() + 1)).collect();
        format!("{}-{hash}", kept.trim_end_matches('-'))
    };
    format!("{stem}-{account}-{region}")
}

impl<'a> Bucket<'a> {
    /// Returns the bucket of a stack. It may not exist yet.
    pub(crate) fn of(aws: &'a Aws, stack: &'a StackName) -> Self {
        Self { aws, stack, name: name(stack.as_str(), &aws.account, &aws.region) }
    }

    /// Whether the bucket exists.
    pub(crate) async fn exists(&self) -> Result<bool> {
        let head = self.aws.s3.head_bucket().bucket(&self.name);
        match head.expected_bucket_owner(&self.aws.account).send().await {
            Ok(_) => Ok(true),
            Err(error) => match status(&error) {
                Some(404) => Ok(false),
                Some(403) => Err(CommandError::failed(
                    format!("no access to the bucket {}", self.name),
                    "grant the user or role s3:* on this bucket; if it belongs to another account, choose another name \
                     with --stack",
                )
                .into()),
                _ => Err(CommandError::from_sdk("look for the bucket", &error).into()),
            },
        }
    }

    /// Creates the bucket if it is missing, and applies its settings. An earlier run may have been interrupted
    /// between the two.
    pub(crate) async fn ensure(&self) -> Result<()> {
        let Aws { s3, account, region, .. } = self.aws;
        if !self.exists().await? {
            let mut create = s3.create_bucket().bucket(&self.name);
            // S3 rejects this region as a location constraint.
            if region != "us-east-1" {
                let place = BucketLocationConstraint::from(region.as_str());
                create = create.create_bucket_configuration(
                    CreateBucketConfiguration::builder().location_constraint(place).build(),
                );
            }
            if let Err(error) = create.send().await {
                let is_ours =
                    error.as_service_error().is_some_and(|e| e.is_bucket_already_owned_by_you());
                if !is_ours {
                    return Err(CommandError::from_sdk("create the bucket", &error).into());
                }
            }
        }
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .block_public_policy(true)
            .ignore_public_acls(true)
            .restrict_public_buckets(true)
            .build();
        s3.put_public_access_block()
            .bucket(&self.name)
            .expected_bucket_owner(account)
            .public_access_block_configuration(block)
            .send()
            .await
            .or_cannot("block public access to the bucket")?;
        let by_default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::Aes256)
            .build()?;
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(by_default)
            .build();
        s3.put_bucket_encryption()
            .bucket(&self.name)
            .expected_bucket_owner(account)
            .server_side_encryption_configuration(
                ServerSideEncryptionConfiguration::builder().rules(rule).build()?,
            )
            .send()
            .await
            .or_cannot("encrypt the bucket")?;
        let tag = Tag::builder().key(STACK_TAG).value(self.stack.as_str()).build()?;
        s3.put_bucket_tagging()
            .bucket(&self.name)
            .expected_bucket_owner(account)
            .tagging(Tagging::builder().tag_set(tag).build()?)
            .send()
            .await
            .or_cannot("tag the bucket")?;
        Ok(())
    }

    /// Whether an object exists.
    pub(crate) async fn has(&self, key: &str) -> Result<bool> {
        let head = self.aws.s3.head_object().bucket(&self.name).key(key);
        match head.expected_bucket_owner(&self.aws.account).send().await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(CommandError::from_sdk("list the bucket", &error).into()),
        }
    }

    /// Uploads a package.
    pub(crate) async fn upload(&self, package: &Package) -> Result<()> {
        self.put(&package.key, "application/zip", package.zip.clone()).await
    }

    /// Stores an object.
    pub(crate) async fn put(&self, key: &str, kind: &str, bytes: Vec<u8>) -> Result<()> {
        let put = self.aws.s3.put_object().bucket(&self.name).key(key);
        let slow = TimeoutConfig::builder().operation_attempt_timeout(UPLOAD_TIMEOUT).build();
        put.expected_bucket_owner(&self.aws.account)
            .content_type(kind)
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(aws_sdk_s3::Config::builder().timeout_config(slow))
            .send()
            .await
            .or_cannot("write into the bucket")?;
        Ok(())
    }

    /// Returns the URL of an object.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
    pub(crate) fn address(&self, key: &str) -> String {
        let Aws { region, endpoint, .. } = self.aws;
        let name = &self.name;
        match endpoint {
            // Emulators have no host names for buckets.
            Some(endpoint) => format!("{}/{name}/{key}", endpoint.trim_end_matches('/')),
            None if region.starts_with("cn-") => {
                format!("https://{name}.s3.{region}.amazonaws.com.cn/{key}")
            }
            None => format!("https://{name}.s3.{region}.amazonaws.com/{key}"),
        }
    }

    /// Returns an object as text.
    pub(crate) async fn get(&self, key: &str) -> Result<String> {
        let get = self.aws.s3.get_object().bucket(&self.name).key(key);
        let answer = get.expected_bucket_owner(&self.aws.account).send().await;
        let bytes = answer.or_cannot("read from the bucket")?.body.collect().await?;
        Ok(String::from_utf8(bytes.to_vec())?)
    }

    /// Lists the objects with a prefix, as the time of the last change in Unix seconds and the key.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<(i64, String)>> {
        let mut objects = Vec::new();
        let list = self.aws.s3.list_objects_v2().bucket(&self.name).prefix(prefix);
        let mut pages = list.expected_bucket_owner(&self.aws.account).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.or_cannot("list the bucket")?;
            for object in page.contents.unwrap_or_default() {
                let at = object.last_modified.map_or(0, |at| at.secs());
                objects.extend(object.key.map(|key| (at, key)));
            }
        }
        Ok(objects)
    }

    /// Deletes all but the newest versions of each function, except those in use. Returns the number of deleted
    /// objects.
    pub(crate) async fn prune(&self, in_use: &BTreeSet<String>) -> Result<usize> {
        let mut old = Vec::new();
        for function in Function::ALL {
            let objects = self.list(&format!("{}/", function.name())).await?;
            old.extend(too_old(objects, in_use));
        }
        self.delete(old.iter().map(|key| (key.clone(), None)).collect()).await?;
        Ok(old.len())
    }

    /// Deletes every version of every object, and then the bucket.
    pub(crate) async fn remove(&self) -> Result<()> {
        let Aws { s3, account, .. } = self.aws;
        // List from the start each time, because the objects of the last page are deleted.
        loop {
            let list = s3.list_object_versions().bucket(&self.name);
            let page = list.expected_bucket_owner(account).send().await;
            let page = page.or_cannot("list the bucket")?;
            let versions = page.versions.unwrap_or_default().into_iter();
            let versions = versions.filter_map(|v| Some((v.key?, v.version_id)));
            let markers = page.delete_markers.unwrap_or_default().into_iter();
            let markers = markers.filter_map(|m| Some((m.key?, m.version_id)));
            let all: Vec<_> = versions.chain(markers).collect();
            if all.is_empty() {
                break;
            }
            self.delete(all).await?;
        }
        let delete = s3.delete_bucket().bucket(&self.name).expected_bucket_owner(account);
        delete.send().await.or_cannot("delete the bucket")?;
        Ok(())
    }

    /// Deletes objects: the given version, or the latest.
    pub(crate) async fn delete(&self, objects: Vec<(String, Option<String>)>) -> Result<()> {
        // S3 accepts 1000 keys per request:
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        for some in objects.chunks(1000) {
            let mut delete = Delete::builder().quiet(true);
            for (key, version) in some {
                let object = ObjectIdentifier::builder().key(key);
                delete = delete.objects(object.set_version_id(version.clone()).build()?);
            }
            let call = self.aws.s3.delete_objects().bucket(&self.name).delete(delete.build()?);
            let answer = call.expected_bucket_owner(&self.aws.account).send().await;
            let answer = answer.or_cannot("delete from the bucket")?;
            // A successful answer may still list objects that failed.
            if let Some(error) = answer.errors().first() {
                return Err(CommandError::failed(
                    format!(
                        "cannot delete {} from the bucket {}: {}",
                        error.key().unwrap_or_default(),
                        self.name,
                        error.message().unwrap_or_default()
                    ),
                    "see the bucket in the AWS console; an object may be locked",
                )
                .into());
            }
        }
        Ok(())
    }
}

/// Returns the keys of old versions that are not in use.
fn too_old(mut objects: Vec<(i64, String)>, in_use: &BTreeSet<String>) -> Vec<String> {
    objects.sort_by(|one, other| other.cmp(one));
    let old = objects.into_iter().skip(KEPT_VERSIONS).map(|(_, key)| key);
    old.filter(|key| !in_use.contains(key)).collect()
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_are_valid_and_distinct() {
        let account = "123456789012";
        assert_eq!(name("footfall", account, "eu-central-1"), "footfall-123456789012-eu-central-1");
        let long = "A".repeat(50);
        for stack in ["Footfall", "a--", long.as_str()] {
            let name = name(stack, account, "ap-southeast-1");
            assert!(name.len() <= MAX_NAME_LENGTH, "{name}");
            assert!(!name.bytes().any(|b| b.is_ascii_uppercase()), "{name}");
        }
        // Stacks whose names differ only in case have different buckets.
        let of = |stack| name(stack, account, "eu-central-1");
        assert_ne!(of("Footfall"), of("footfall"));
        assert_ne!(of("Footfall"), of("FOOTFALL"));
    }

    #[test]
    fn keeps_five_versions_and_those_in_use() {
        let objects: Vec<_> = (0..8).map(|n| (n, format!("track/{n}.zip"))).collect();
        let in_use = BTreeSet::from(["track/1.zip".to_owned()]);
        assert_eq!(too_old(objects.clone(), &in_use), ["track/2.zip", "track/0.zip"]);
        assert!(too_old(objects[..5].to_vec(), &BTreeSet::new()).is_empty());
    }
}
