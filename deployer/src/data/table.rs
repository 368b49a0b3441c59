//! The table as a whole. It outlives its stack, so CloudFormation cannot delete it.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::TableDescription;
use footfall_infra::stack::{STACK_TAG, StackName};
use tokio::time::sleep;

use crate::aws::clients::Aws;
use crate::error::{CommandError, OrCannot as _};

/// Maximum number of polls until the table is deleted, and the pause between them.
const TRIES: usize = 150;
const PAUSE: Duration = Duration::from_secs(2);

/// Returns a stack's table, which may exist without the stack.
pub(crate) async fn find(aws: &Aws, name: &StackName) -> Result<Option<TableDescription>> {
    match aws.dynamodb.describe_table().table_name(name.as_str()).send().await {
        Ok(answer) => Ok(answer.table),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(CommandError::from_sdk("look for the table", &error).into()),
    }
}

/// Fails if the table lacks Footfall's tag.
pub(crate) async fn check_is_ours(
    aws: &Aws,
    name: &StackName,
    table: Option<&TableDescription>,
) -> Result<()> {
    let Some(arn) = table.and_then(TableDescription::table_arn) else { return Ok(()) };
    let tags = aws.dynamodb.list_tags_of_resource().resource_arn(arn).send().await;
    let tags = tags.or_cannot("read the table's tags")?;
    if tags.tags().iter().any(|tag| tag.key() == STACK_TAG && tag.value() == name.as_str()) {
        return Ok(());
    }
    Err(CommandError::rejected(
        format!("the table {name} lacks the tag {STACK_TAG}, so it may not be Footfall's"),
        "if it is Footfall's, delete it in the AWS console",
    )
    .into())
}

/// Removes the deletion protection and deletes the table. Retries while AWS is changing the table.
pub(crate) async fn delete(aws: &Aws, name: &StackName) -> Result<()> {
    let busy = |code: Option<&str>| code == Some("ResourceInUseException");
    let gone = |code: Option<&str>| code == Some("ResourceNotFoundException");
    let mut unprotected = false;
    for _ in 0..TRIES {
        if unprotected {
            match aws.dynamodb.delete_table().table_name(name.as_str()).send().await {
                Ok(_) => {}
                Err(error) if gone(error.code()) => return Ok(()),
                Err(error) if busy(error.code()) => {}
                Err(error) => return Err(CommandError::from_sdk("delete the table", &error).into()),
            }
        } else {
            let update = aws.dynamodb.update_table().table_name(name.as_str());
            match update.deletion_protection_enabled(false).send().await {
                Ok(_) => {
                    unprotected = true;
                    continue;
                }
                Err(error) if gone(error.code()) => return Ok(()),
                Err(error) if busy(error.code()) => {}
                Err(error) => {
                    return Err(CommandError::from_sdk("unprotect the table", &error).into());
                }
            }
        }
        sleep(PAUSE).await;
    }
    Err(CommandError::failed(
        format!("the table {name} still exists after five minutes"),
        "check it in the AWS console and run this again",
    )
    .into())
}
